"""Every recurrent cell, transcribed from the equations of its source.

A docstring's first line is the equations, its last paragraph the source. A function takes the terms of one
step and the previous states, and gives the new values by name and the names of those that leave the layer.
W and R are weight_ih and weight_hh, s is the logistic function, phi the activation, c- the previous c.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from reference_terms import Function, Terms, Vectors

Result = tuple[Vectors, str]
Option = bool | int | float | str


@dataclass(frozen=True)
class Reference:
    """A cell's transcription, and what is known of the cell."""

    type: str
    variant: dict[str, Option]  # the options that choose this transcription among those of the type
    function: Callable[..., Result]
    states: str

    @property
    def equations(self) -> str:
        """The first line of the docstring."""
        return str(self.function.__doc__).split("\n")[0].rstrip(".")

    @property
    def source(self) -> str:
        """The last paragraph of the docstring, on one line."""
        return " ".join(str(self.function.__doc__).strip().split("\n\n")[-1].split()).rstrip(".")


REFERENCES: list[Reference] = []
# The values of the choosing options that a name may leave out.
DEFAULTS: dict[str, dict[str, Option]] = {
    "LSTM": {"forget_gate": True, "coupled": False, "peephole": False},
    "GRU": {"reset": "after"},
    "ResidualRNN": {"recurrent": True},
}


def reference(
    type: str, states: str = "h", **variant: Option
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        REFERENCES.append(Reference(type, DEFAULTS.get(type, {}) | variant, function, states))
        return function

    return register


def parse(name: str) -> tuple[str, dict[str, Option]]:
    """The type and options of a name such as "LSTM(coupled=true, peephole=current)"."""
    type_name, _, inside = name.rstrip(")").partition("(")
    pairs = (option.split("=") for option in inside.split(", ") if option)
    return type_name, {key: _value(text) for key, text in pairs}


def _value(text: str) -> Option:
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def find(name: str) -> tuple[Reference, dict[str, Option]]:
    """The transcription of a name, and the options it takes as arguments."""
    type_name, options = parse(name)
    if type_name == "LSTM" and options.get("peephole") in (True, "none"):
        options["peephole"] = "current" if options["peephole"] is True else False
    defaults = DEFAULTS.get(type_name, {})
    variant = defaults | {key: value for key, value in options.items() if key in defaults}
    for candidate in REFERENCES:
        if (candidate.type, candidate.variant) == (type_name, variant):
            return candidate, {key: value for key, value in options.items() if key not in defaults}
    raise KeyError(f"{name} has no reference, expected one in cell_references.py")


def bound(name: str, **more: Option) -> Function:
    """The transcription of a name, with its options and more of them."""
    found, options = find(name)
    return partial(found.function, **(more | options))


def canonical(name: str) -> tuple[str, ...]:
    """The same for two names of one cell: every choosing option and every default written out."""
    found, options = find(name)
    arguments = inspect.signature(found.function).parameters.values()
    defaults = {a.name: a.default for a in arguments if a.default is not a.empty}
    return (
        found.type,
        *sorted(f"{key}={value}" for key, value in (found.variant | defaults | options).items()),
    )


def states_of(name: str) -> list[str]:
    """The names of a cell's states."""
    found, options = find(name)
    names = found.states.split()
    if "*" not in found.states:
        return names
    numbered = [n.replace("*", str(k)) for n in names if "*" in n for k in blocks(options)]
    half = len(numbered) // 2  # h1 .. hS, i, o, c1 .. cS
    return [*numbered[:half], "i", "o", *numbered[half:]]


def blocks(options: dict[str, Any]) -> range:
    """1 .. block_size."""
    return range(1, options.get("block_size", 1) + 1)


@reference("Elman")
def elman(k: Terms, s: Vectors, activation: str = "tanh") -> Result:
    """h = phi(W x + R h- + b).

    J. L. Elman, Finding structure in time, Cognitive Science 14 (1990).
    """
    (n,) = k.gates("n", s["h"])
    return {"h": k.activation(activation, n)}, "h"


@reference("FullyRecurrent")
def fully_recurrent(k: Terms, s: Vectors, activation: str = "tanh") -> Result:
    """h = phi(W x + R h- + b); the first output_size units of h leave.

    R. J. Williams and D. Zipser, Neural Computation 1 (1989).
    """
    (n,) = k.gates("n", s["h"])
    return {"h": k.activation(activation, n)}, "h"


@reference("LeakyElman")
def leaky_elman(k: Terms, s: Vectors, leak: float, activation: str = "tanh") -> Result:
    """h = (1 - leak) h- + leak phi(W x + R h- + b).

    H. Jaeger et al., Neural Networks 20 (2007).
    """
    (n,) = k.gates("n", s["h"])
    return {"h": (1 - leak) * s["h"] + leak * k.activation(activation, n)}, "h"


@reference("ResidualRNN")
def residual_rnn(k: Terms, s: Vectors, activation: str = "tanh") -> Result:
    """h = h- + phi(W x + R h- + b).

    K. He et al., CVPR 2016, over time.
    """
    (n,) = k.gates("n", s["h"])
    return {"h": s["h"] + k.activation(activation, n)}, "h"


@reference("ResidualRNN", recurrent=False)
def residual_rnn_without_recurrence(k: Terms, s: Vectors, activation: str = "tanh") -> Result:
    """h = h- + phi(W x + b).

    K. He et al., CVPR 2016, over time.
    """
    (n,) = k.inputs("n")
    return {"h": s["h"] + k.activation(activation, n)}, "h"


@reference("LSTM", "h c")
def lstm(k: Terms, s: Vectors) -> Result:
    """c = s(a_f) c- + s(a_i) tanh(a_g), h = s(a_o) tanh(c).

    F. A. Gers, J. Schmidhuber and F. Cummins, Neural Computation 12 (2000).
    """
    i, f, g, o = k.gates("i f g o", s["h"])
    c = k.sigmoid(f) * s["c"] + k.sigmoid(i) * k.tanh(g)
    return {"c": c, "h": k.sigmoid(o) * k.tanh(k.read("c", c))}, "h"


@reference("LSTM", "h c", forget_gate=False)
def lstm_without_forget_gate(k: Terms, s: Vectors) -> Result:
    """c = c- + s(a_i) tanh(a_g), h = s(a_o) tanh(c).

    S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997), the idea; K. Greff et al., LSTM: a search
    space odyssey, IEEE TNNLS 28 (2017), this form: NFG, here without peepholes.
    """
    i, g, o = k.gates("i g o", s["h"])
    c = s["c"] + k.sigmoid(i) * k.tanh(g)
    return {"c": c, "h": k.sigmoid(o) * k.tanh(k.read("c", c))}, "h"


@reference("LSTM", "h c", coupled=True)
def lstm_coupled(k: Terms, s: Vectors) -> Result:
    """c = (1 - s(a_i)) c- + s(a_i) tanh(a_g), h = s(a_o) tanh(c).

    K. Greff et al., LSTM: a search space odyssey, IEEE TNNLS 28 (2017): CIFG, here without peepholes.
    """
    i, g, o = k.gates("i g o", s["h"])
    c = (1 - k.sigmoid(i)) * s["c"] + k.sigmoid(i) * k.tanh(g)
    return {"c": c, "h": k.sigmoid(o) * k.tanh(k.read("c", c))}, "h"


@reference("LSTM", "h c", peephole="current")
def lstm_peephole_current(k: Terms, s: Vectors) -> Result:
    """c = s(a_f + p_f c-) c- + s(a_i + p_i c-) tanh(a_g), h = s(a_o + p_o c) tanh(c).

    F. A. Gers, N. N. Schraudolph and J. Schmidhuber, JMLR 3 (2002).
    """
    i, f, g, o = k.gates("i f g o", s["h"])
    i, f = i + k["peephole_i"] * s["c"], f + k["peephole_f"] * s["c"]
    c = k.sigmoid(f) * s["c"] + k.sigmoid(i) * k.tanh(g)
    seen = k.read("c", c)
    return {"c": c, "h": k.sigmoid(o + k["peephole_o"] * seen) * k.tanh(seen)}, "h"


@reference("LSTM", "h c", peephole="previous")
def lstm_peephole_previous(k: Terms, s: Vectors) -> Result:
    """c = s(a_f + p_f c-) c- + s(a_i + p_i c-) tanh(a_g), h = s(a_o + p_o c-) tanh(c).

    F. A. Gers and J. Schmidhuber, Recurrent nets that time and count, IJCNN 2000, with every gate seeing c-.
    """
    i, f, g, o = k.gates("i f g o", s["h"])
    i, f, o = (a + k[f"peephole_{n}"] * s["c"] for n, a in zip("ifo", (i, f, o), strict=True))
    c = k.sigmoid(f) * s["c"] + k.sigmoid(i) * k.tanh(g)
    return {"c": c, "h": k.sigmoid(o) * k.tanh(k.read("c", c))}, "h"


@reference("LSTM", "h c", coupled=True, peephole="current")
def lstm_coupled_peephole_current(k: Terms, s: Vectors) -> Result:
    """i = s(a_i + p_i c-), c = (1 - i) c- + i tanh(a_g), h = s(a_o + p_o c) tanh(c).

    K. Greff et al., IEEE TNNLS 28 (2017): CIFG; ONNX's operator LSTM with input_forget = 1 and P.
    """
    i, g, o = k.gates("i g o", s["h"])
    i = k.sigmoid(i + k["peephole_i"] * s["c"])
    c = (1 - i) * s["c"] + i * k.tanh(g)
    seen = k.read("c", c)
    return {"c": c, "h": k.sigmoid(o + k["peephole_o"] * seen) * k.tanh(seen)}, "h"


@reference("LSTM1997", "h* c*")
def lstm1997(k: Terms, s: Vectors, block_size: int = 1, gates_out: bool = True) -> Result:
    """c_k = c_k- + s(a_i) (4 s(a_gk) - 2), h_k = s(a_o) (2 s(c_k) - 1), a = W x + R [h1 .. hS, i-, o-].

    Only i and o have a bias; h_k, i and o leave the layer.

    S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997).
    """
    numbers = range(1, block_size + 1)
    fed = [*(f"h{j}" for j in numbers), "i", "o"]
    gates = ["i", "o", *(f"g{j}" for j in numbers)]
    wx = k.input(" ".join(gates))
    rh = k.fed(" ".join(gates), k.xp.concatenate([s[name] for name in fed]))
    b = k.bias("i o")
    new = {gate: k.sigmoid(wx[gate] + rh[gate] + b[gate]) for gate in ("i", "o")}
    for j in numbers:
        g = 4 * k.sigmoid(wx[f"g{j}"] + rh[f"g{j}"]) - 2
        new[f"c{j}"] = s[f"c{j}"] + new["i"] * g
        new[f"h{j}"] = new["o"] * (2 * k.sigmoid(k.read(f"c{j}", new[f"c{j}"])) - 1)
    return new, " ".join(fed if gates_out else fed[:block_size])


@reference("GRU")
def gru_reset_after(k: Terms, s: Vectors) -> Result:
    """n = tanh(W_n x + b_n + s(a_r) (R_q h- + b_q)), h = s(a_z) h- + (1 - s(a_z)) n.

    K. Cho et al., EMNLP 2014, in cuDNN's form: the reset comes after the product.
    """
    wx, rh, b = k.input("r z n"), k.fed("r z q", s["h"]), k.bias("r z n q")
    r, z = (k.sigmoid(wx[gate] + rh[gate] + b[gate]) for gate in "rz")
    n = k.tanh(wx["n"] + b["n"] + r * (rh["q"] + b["q"]))
    return {"h": z * s["h"] + (1 - z) * n}, "h"


@reference("GRU", reset="before")
def gru_reset_before(k: Terms, s: Vectors) -> Result:
    """n = tanh(W_n x + R_n (s(a_r) h-) + b_n), h = s(a_z) h- + (1 - s(a_z)) n.

    K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.
    """
    wx, rh, b = k.input("r z n"), k.fed("r z", s["h"]), k.bias("r z n")
    r, z = (k.sigmoid(wx[gate] + rh[gate] + b[gate]) for gate in "rz")
    n = k.tanh(wx["n"] + k.message("n", r * s["h"])["n"] + b["n"])
    return {"h": z * s["h"] + (1 - z) * n}, "h"


@reference("IndRNN")
def ind_rnn(k: Terms, s: Vectors, activation: str = "relu") -> Result:
    """h = phi(W x + b + u h-).

    S. Li et al., Independently recurrent neural network, CVPR 2018.
    """
    (n,) = k.inputs("n")
    return {"h": k.activation(activation, n + k["u"] * s["h"])}, "h"


@reference("MinGRU")
def min_gru(k: Terms, s: Vectors) -> Result:
    """h = (1 - s(a_z)) h- + s(a_z) a_n.

    L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201 (2024).
    """
    z, n = k.inputs("z n")
    return {"h": (1 - k.sigmoid(z)) * s["h"] + k.sigmoid(z) * n}, "h"


@reference("MinLSTM")
def min_lstm(k: Terms, s: Vectors) -> Result:
    """h = (s(a_f) h- + s(a_i) a_n) / (s(a_f) + s(a_i)).

    L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201 (2024).
    """
    f, i, n = k.inputs("f i n")
    f, i = k.sigmoid(f), k.sigmoid(i)
    return {"h": f / (f + i) * s["h"] + i / (f + i) * n}, "h"


@reference("SRU", "c")
def sru(k: Terms, s: Vectors) -> Result:
    """f = s(a_f + v_f c-), c = f c- + (1 - f) W_n x, r = s(a_r + v_r c-), h = r c + (1 - r) W_s x.

    T. Lei et al., Simple recurrent units for highly parallelizable recurrence, EMNLP 2018.
    """
    wx, b = k.input("n f r s"), k.bias("f r")
    f = k.sigmoid(wx["f"] + b["f"] + k["v_f"] * s["c"])
    r = k.sigmoid(wx["r"] + b["r"] + k["v_r"] * s["c"])
    c = f * s["c"] + (1 - f) * wx["n"]
    return {"c": c, "h": r * k.read("c", c) + (1 - r) * wx["s"]}, "h"


@reference("ELSTM", "c")
def elstm(k: Terms, s: Vectors) -> Result:
    """f = s(a_f + w_f c-), z = tanh(a_z + w_z c-), c = f c- + (1 - f) z, h = s(W_o x + R_o c + b_o) c.

    K. Irie, A. Gopalakrishnan and J. Schmidhuber, Exploring the promise and limits of real-time recurrent
    learning, ICLR 2024.
    """
    f, z, o = k.inputs("f z o")
    f = k.sigmoid(f + k["w_f"] * s["c"])
    c = f * s["c"] + (1 - f) * k.tanh(z + k["w_z"] * s["c"])
    return {"c": c, "h": k.sigmoid(o + k.new("o", c)["o"]) * k.read("c", c)}, "h"


@reference("LRU", "re im")
def lru(k: Terms, s: Vectors) -> Result:
    """S = lambda S- + exp(gamma_log) (W_re + i W_im) x, y = [Re S, Im S].

    lambda = exp(-exp(nu_log) + i exp(theta_log)).

    A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023.
    """
    wx = k.input("re im")
    size, angle, gain = k.xp.exp(-k.xp.exp(k["nu_log"])), k.xp.exp(k["theta_log"]), k.xp.exp(k["gamma_log"])
    re, im = size * k.xp.cos(angle), size * k.xp.sin(angle)
    return {
        "re": re * s["re"] - im * s["im"] + gain * wx["re"],
        "im": im * s["re"] + re * s["im"] + gain * wx["im"],
    }, "re im"


@reference("SLSTM", "h c n m")
def slstm(k: Terms, s: Vectors) -> Result:
    """m = max(log s(a_f) + m-, a_i), c = f' c- + i' tanh(a_z), n = f' n- + i', h = s(a_o) c / n.

    i' = exp(a_i - m), f' = exp(log s(a_f) + m- - m); without a past, n- = 0, m = a_i.

    M. Beck et al., xLSTM: extended long short-term memory, NeurIPS 2024.
    """
    i, f, z, o = k.gates("i f z o", s["h"])
    kept = k.log_sigmoid(f) + s["m"]
    m = k.xp.where(s["n"] > 0, k.xp.maximum(kept, i), i)
    i, f = k.xp.exp(i - m), k.xp.exp(kept - m)
    c, n = f * s["c"] + i * k.tanh(z), f * s["n"] + i
    return {"m": m, "c": c, "n": n, "h": k.sigmoid(o) * k.read("c", c) / k.read("n", n)}, "h"
