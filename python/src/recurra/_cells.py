"""Recurrent cells, run over time: (time, input_size) -> (time, output features).

Every cell takes the stages of `Stages` as keywords, where it admits them; a network says why if not.
The equations of all cells, their sources and their references are in docs/cells.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict, Unpack

from recurra._arrays import flag, integer, number
from recurra._layer import Layer, Option, probability, size

Activation = Literal["tanh", "relu", "logistic", "saturated"]
ACTIVATIONS = ("tanh", "relu", "logistic", "saturated")


class Stages(TypedDict, total=False):
    """What a layer can add to its cell.

    ``layer_norm``: every product W x and R h is normalised over the units of its gate before it is added,
    with a gain per unit (``gain_ih``, ``gain_hh``); a state that the output gate reads is normalised for that
    reading (``gain_c``, ``shift_c``). J. L. Ba et al., Layer normalization (2016).

    ``zoneout``: probability that a unit keeps its state, for all states or by name ({"h": 0.05, "c": 0.5});
    at inference the old and the new state are mixed in that proportion. D. Krueger et al., ICLR 2017.

    ``recurrent_dropout``: probability of zeros in one mask per sequence on the fed state, while training.
    Y. Gal and Z. Ghahramani, NIPS 2016.

    ``projection``: size of P h (``weight_hr``), which is fed and leaves instead of h. H. Sak et al. (2014).

    ``heads``: number of blocks of a block-diagonal R; ``weight_hh`` is (gates * hidden, hidden / heads).

    ``learned_initial_state``: the state that sequences start from is a parameter (``initial_h``, ...).
    """

    layer_norm: bool
    zoneout: float | Mapping[str, float]
    recurrent_dropout: float
    projection: int | None
    heads: int
    learned_initial_state: bool


def _stage_options(name: str, stages: Stages) -> dict[str, Option]:
    unknown = set(stages) - set(Stages.__annotations__)
    if unknown:
        raise TypeError(f"{name}: got an unexpected keyword {min(unknown)!r}")
    options: dict[str, Option] = {}
    for option, chosen in (
        ("layer_norm", stages.get("layer_norm", False)),
        ("learned_initial_state", stages.get("learned_initial_state", False)),
    ):
        if flag(f"{name}: {option}", chosen):
            options[option] = True
    if (projection := stages.get("projection")) is not None:
        options["projection"] = size(name, "projection", projection)
    if (heads := size(name, "heads", stages.get("heads", 1))) != 1:
        options["heads"] = heads
    zoneout, dropout = stages.get("zoneout", 0.0), stages.get("recurrent_dropout", 0.0)
    if isinstance(zoneout, Mapping):
        for state, p in zoneout.items():
            if not isinstance(state, str):
                raise TypeError(f"{name}: zoneout has the key {state!r}, expected the name of a state")
            # A 0 too is handed on: the network knows the cell's states, and refuses other names.
            options[f"zoneout_{state}"] = probability(name, f"zoneout_{state}", p)
    elif (everywhere := probability(name, "zoneout", zoneout)) > 0:
        options["zoneout"] = everywhere
    if (dropped := probability(name, "recurrent_dropout", dropout)) > 0:
        options["recurrent_dropout"] = dropped
    return options


class Cell(Layer):
    """A recurrent cell by the type it declares, run over time: (time, input_size) -> (time, hidden_size).

    Args:
        name: The type, one of those built into the package.
        input_size: Features of the input, at least 1.
        hidden_size: Units, at least 1.
        options: Its variant, constants and stages, as files have them.
    """

    def __init__(self, name: str, input_size: int, hidden_size: int, **options: Option) -> None:
        super().__init__(
            name,
            input_size=size(name, "input_size", input_size),
            hidden_size=size(name, "hidden_size", hidden_size),
            **options,
        )


def _check_activation(name: str, activation: str) -> None:
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"{name}: activation is {activation!r}, expected 'tanh', 'relu', 'logistic' or 'saturated'"
        )


class Elman(Cell):
    """Elman's simple recurrent network: h_t = phi(W x_t + R h_{t-1} + b).

    Parameters: ``weight_ih`` (hidden, input), ``weight_hh`` (hidden, hidden), ``bias`` (hidden).
    State: ``h``. With relu, `Init(recurrent="identity", bias="zeros")` makes it an IRNN. "saturated" is 0
    below 0, the identity between 0 and 1, and 1 above 1; its derivative is 0 at both kinks.
    Source: J. L. Elman, Finding structure in time, Cognitive Science 14 (1990).
    """

    def __init__(
        self, input_size: int, hidden_size: int, activation: Activation = "tanh", **stages: Unpack[Stages]
    ) -> None:
        _check_activation("Elman", activation)
        super().__init__(
            "Elman", input_size, hidden_size, activation=activation, **_stage_options("Elman", stages)
        )


class FullyRecurrent(Cell):
    """The fully recurrent network: Elman's recursion, of which the first units are the outputs.

    (time, input_size) -> (time, output_size). Parameters and state as `Elman`.
    Source: R. J. Williams and D. Zipser, Neural Computation 1 (1989).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        activation: Activation = "tanh",
        **stages: Unpack[Stages],
    ) -> None:
        _check_activation("FullyRecurrent", activation)
        super().__init__(
            "FullyRecurrent",
            input_size,
            hidden_size,
            output_size=size("FullyRecurrent", "output_size", output_size),
            activation=activation,
            **_stage_options("FullyRecurrent", stages),
        )


class LeakyElman(Cell):
    """Elman's network with leaky units: h_t = (1 - leak) h_{t-1} + leak phi(W x_t + R h_{t-1} + b).

    ``leak`` is a constant, mostly time step / time constant. Parameters and state as `Elman`.
    Source: H. Jaeger et al., Neural Networks 20 (2007), eq. 2.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        leak: float,
        activation: Activation = "tanh",
        **stages: Unpack[Stages],
    ) -> None:
        _check_activation("LeakyElman", activation)
        if not 0 < number("LeakyElman: leak", leak) <= 1:
            raise ValueError(f"LeakyElman: leak is {leak!r}, expected 0 < leak <= 1")
        super().__init__(
            "LeakyElman",
            input_size,
            hidden_size,
            leak=float(leak),
            activation=activation,
            **_stage_options("LeakyElman", stages),
        )


class ResidualRNN(Cell):
    """Residual recurrence: h_t = h_{t-1} + phi(W x_t + R h_{t-1} + b).

    With ``recurrent=False`` its linear form h_t = h_{t-1} + phi(W x_t + b), without ``weight_hh``: the
    gradient neither vanishes nor explodes. Parameters and state as `Elman`.
    Source: K. He et al., CVPR 2016, along time instead of depth.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        activation: Activation = "tanh",
        recurrent: bool = True,
        **stages: Unpack[Stages],
    ) -> None:
        _check_activation("ResidualRNN", activation)
        super().__init__(
            "ResidualRNN",
            input_size,
            hidden_size,
            activation=activation,
            recurrent=flag("ResidualRNN: recurrent", recurrent),
            **_stage_options("ResidualRNN", stages),
        )


class LSTM(Cell):
    """LSTM: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    i, f, o are logistic and g is tanh of W x_t + R h_{t-1} + b. Parameters: ``weight_ih`` (4 hidden, input),
    ``weight_hh`` (4 hidden, hidden), ``bias`` (4 hidden), gates in the order i, f, g, o. State: ``h``, ``c``.

    Args:
        input_size: Features of the input.
        hidden_size: Units.
        forget_gate: False: f = 1, gates i, g, o. The idea is that of 1997, the form Greff's NFG without
            peepholes; `LSTM1997` has the block of 1997 to the letter.
        peephole: Gates also see the memory, by ``peephole_i``, ``peephole_f``, ``peephole_o`` (hidden).
            "current" (or True): i and f see c_{t-1}, o sees c_t (Gers; ONNX). "previous": all see c_{t-1}.
        coupled: f = 1 - i, gates i, g, o; also with peephole="current".
        stages: See `Stages`.

    Source: S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997); F. Gers et al., ibid. 12 (2000);
    peepholes: F. Gers et al., JMLR 3 (2002), "previous": F. Gers and J. Schmidhuber, IJCNN 2000, with every
    gate seeing c_{t-1}; coupled and without forget gate: K. Greff et al., IEEE TNNLS 28 (2017).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        forget_gate: bool = True,
        peephole: bool | Literal["current", "previous"] = False,
        coupled: bool = False,
        **stages: Unpack[Stages],
    ) -> None:
        variant: dict[str, Option] = {}
        if not flag("LSTM: forget_gate", forget_gate):
            variant["forget_gate"] = False
        if flag("LSTM: coupled", coupled):
            variant["coupled"] = True
        if peephole is not False:
            variant["peephole"] = "current" if peephole is True else peephole
        known: list[dict[str, Option]] = [
            {},
            {"forget_gate": False},
            {"coupled": True},
            {"peephole": "current"},
            {"peephole": "previous"},
            {"coupled": True, "peephole": "current"},
        ]
        if variant not in known:
            raise ValueError(
                f"LSTM: got {variant}, expected at most one of forget_gate=False, coupled=True, "
                "peephole='current' and peephole='previous', or coupled=True with peephole='current'"
            )
        super().__init__("LSTM", input_size, hidden_size, **variant, **_stage_options("LSTM", stages))


class LSTM1997(Cell):
    """The memory cell block of the first LSTM, to the letter.

    ``block_size`` cells share an input and an output gate; there is no forget gate; the gates' activations
    are fed back; only gates have biases: c_k = c_k- + i (4 s(a_gk) - 2), h_k = o (2 s(c_k) - 1) with the
    logistic function s and a = W x + R [h_1 .. h_S, i, o]_{t-1} + b.

    (time, input_size) -> (time, (block_size + 2) num_blocks), the outputs [h_1 .. h_S, i, o] of all blocks;
    with ``gates_out=False`` the cells' alone. Parameters: ``weight_ih`` ((S + 2) blocks, input),
    ``weight_hh`` ((S + 2) blocks, (S + 2) blocks), ``bias`` (2 blocks), gates in the order i, o, g_1 .. g_S.
    States: ``h1`` .., ``i``, ``o``, ``c1`` ...
    Source: S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997), eqs. 3 to 5 and appendix A.1.
    """

    def __init__(
        self,
        input_size: int,
        num_blocks: int,
        block_size: int = 1,
        *,
        gates_out: bool = True,
        **stages: Unpack[Stages],
    ) -> None:
        if integer("LSTM1997: block_size", block_size) not in (1, 2, 3, 4):
            raise ValueError(f"LSTM1997: block_size is {block_size!r}, expected 1, 2, 3 or 4")
        options = _stage_options("LSTM1997", stages)
        if not flag("LSTM1997: gates_out", gates_out):
            options["output_size"] = block_size * size("LSTM1997", "num_blocks", num_blocks)
        super().__init__("LSTM1997", input_size, num_blocks, block_size=block_size, **options)


class GRU(Cell):
    """Gated recurrent unit: h_t = z h_{t-1} + (1 - z) n.

    r and z are logistic of W x_t + R h_{t-1} + b.
    ``reset="after"`` the product (cuDNN, PyTorch): n = tanh(W_n x + b_n + r (R_n h_{t-1} + b_q)). Parameters:
    ``weight_ih`` (3 hidden, input) for r, z, n, ``weight_hh`` (3 hidden, hidden) for r, z, q, ``bias``
    (4 hidden) for r, z, n, q.
    ``reset="before"`` (the textbook, ONNX's default): n = tanh(W_n x + R_n (r h_{t-1}) + b_n). Parameters:
    ``weight_ih`` (3 hidden, input), ``weight_hh`` (2 hidden, hidden) for r, z, ``weight_mh`` (hidden, hidden)
    for n, ``bias`` (3 hidden).
    State: ``h``. Source: K. Cho et al., EMNLP 2014.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        reset: Literal["after", "before"] = "after",
        **stages: Unpack[Stages],
    ) -> None:
        if reset not in ("after", "before"):
            raise ValueError(f"GRU: reset is {reset!r}, expected 'after' or 'before'")
        super().__init__("GRU", input_size, hidden_size, reset=reset, **_stage_options("GRU", stages))


class IndRNN(Cell):
    """Independent units: h_t = phi(W x_t + u h_{t-1} + b), u a number per unit, drawn from [0, 1).

    Parameters: ``weight_ih`` (hidden, input), ``bias`` (hidden), ``u`` (hidden). State: ``h``.
    Source: S. Li et al., CVPR 2018, eq. 2.
    """

    def __init__(
        self, input_size: int, hidden_size: int, activation: Activation = "relu", **stages: Unpack[Stages]
    ) -> None:
        _check_activation("IndRNN", activation)
        super().__init__(
            "IndRNN", input_size, hidden_size, activation=activation, **_stage_options("IndRNN", stages)
        )


class MinGRU(Cell):
    """minGRU: h_t = (1 - z) h_{t-1} + z n with z = logistic(W_z x + b_z), n = W_n x + b_n.

    Parameters: ``weight_ih`` (2 hidden, input), ``bias`` (2 hidden), gates z, n. State: ``h``.
    Source: L. Feng et al., Were RNNs all we needed? (2024), section 3.1.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("MinGRU", input_size, hidden_size, **_stage_options("MinGRU", stages))


class MinLSTM(Cell):
    """minLSTM: h_t = (f h_{t-1} + i n) / (f + i), gates of the input alone, computed in their logarithms.

    Parameters: ``weight_ih`` (3 hidden, input), ``bias`` (3 hidden), gates f, i, n. State: ``h``.
    Source: L. Feng et al., Were RNNs all we needed? (2024), section 3.2.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("MinLSTM", input_size, hidden_size, **_stage_options("MinLSTM", stages))


class SRU(Cell):
    """Simple recurrent unit: c_t = f c_{t-1} + (1 - f) n, h_t = r c_t + (1 - r) s.

    f and r are logistic of W x_t + v c_{t-1} + b; n = W_n x and s = W_s x, the highway, have no bias. (The
    paper's highway is x itself; a matrix serves where the sizes differ.) Parameters: ``weight_ih`` (4 hidden,
    input) for n, f, r, s, ``bias`` (2 hidden) for f, r, ``v_f``, ``v_r`` (hidden). State: ``c``.
    Source: T. Lei et al., EMNLP 2018, eqs. 1 to 4.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("SRU", input_size, hidden_size, **_stage_options("SRU", stages))


class ELSTM(Cell):
    """eLSTM: an LSTM with an element-wise recurrence: c_t = f c_{t-1} + (1 - f) z, h_t = o c_t.

    f = logistic(W_f x + w_f c_{t-1} + b_f), z = tanh(W_z x + w_z c_{t-1} + b_z), o = logistic(W_o x + R_o c_t
    + b_o). Parameters: ``weight_ih`` (3 hidden, input), ``weight_sh`` (hidden, hidden) for R_o, ``bias``
    (3 hidden), gates f, z, o, ``w_f``, ``w_z`` (hidden). State: ``c``.
    Source: K. Irie, A. Gopalakrishnan, J. Schmidhuber, ICLR 2024.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("ELSTM", input_size, hidden_size, **_stage_options("ELSTM", stages))


class LRU(Cell):
    """Linear recurrent unit: s_t = lambda s_{t-1} + gamma (W_re x + i W_im x), complex and diagonal.

    lambda = exp(-exp(nu) + i exp(theta)), gamma = exp(log gamma). (time, input_size) -> (time, 2
    hidden_size): [Re s, Im s]; a Linear on top reads it. Parameters: ``weight_ih`` (2 hidden, input),
    ``nu_log``, ``theta_log``, ``gamma_log`` (hidden). States: ``re``, ``im``. lambda is drawn from the ring
    0.9 .. 0.999, phases up to pi / 10. Source: A. Orvieto et al., ICML 2023.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("LRU", input_size, hidden_size, **_stage_options("LRU", stages))


class SLSTM(Cell):
    """sLSTM: exponential input gate with a normaliser n and a stabiliser m; h_t = o c_t / n_t.

    m_t = max(log f + m_{t-1}, a_i), i' = exp(a_i - m_t), f' = exp(log f + m_{t-1} - m_t), log f = log
    logistic(a_f); c_t = f' c_{t-1} + i' tanh(a_z), n_t = f' n_{t-1} + i', o = logistic(a_o). Parameters as
    `LSTM`, gates i, f, z, o; the paper's block-diagonal R is ``heads``. States: ``h``, ``c``, ``n``, ``m``.
    Source: M. Beck et al., xLSTM, NeurIPS 2024, eqs. 8 to 17.
    """

    def __init__(self, input_size: int, hidden_size: int, **stages: Unpack[Stages]) -> None:
        super().__init__("SLSTM", input_size, hidden_size, **_stage_options("SLSTM", stages))
