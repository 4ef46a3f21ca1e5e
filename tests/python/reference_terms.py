"""What the transcriptions of cells are written with: the terms of one step, and the walk over a sequence.

Everything works on NumPy arrays and on PyTorch tensors (`xp` is either module), one sequence and one step at
a time: no batch axis, no mask and no padding that could hide a mistake. On tensors, autograd gives gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Vector = Any  # (units,) of NumPy or PyTorch
Vectors = dict[str, Vector]
Sequence = list[Vector]
Function = Callable[
    ["Terms", Vectors], tuple[Vectors, str]
]  # the new values, and the names of those that leave
Run = Callable[[Sequence, Vectors], tuple[Sequence, Vectors]]  # one sequence: outputs and last state


@dataclass
class Terms:
    """The parameters and the input of one step. Gates are named as the rows of a matrix are ordered."""

    xp: Any  # numpy or torch
    parameters: Mapping[str, Vector]
    layer_norm: bool = False
    x: Vector = None

    def __getitem__(self, name: str) -> Vector:
        return self.parameters[name]

    def input(self, gates: str) -> Vectors:
        """W x of each gate."""
        return self._products("ih", gates, self.x)

    def fed(self, gates: str, h: Vector) -> Vectors:
        """R h- of each gate that multiplies what is fed."""
        return self._products("hh", gates, h)

    def message(self, gates: str, m: Vector) -> Vectors:
        """R m of each gate that multiplies a message."""
        return self._products("mh", gates, m)

    def new(self, gates: str, s: Vector) -> Vectors:
        """R s of each gate that multiplies a new state."""
        return self._products("sh", gates, s)

    def bias(self, gates: str) -> Vectors:
        """The bias of each gate that has one."""
        return split(self["bias"], gates)

    def gates(self, gates: str, h: Vector) -> list[Vector]:
        """W x + R h- + b of gates that have all three."""
        wx, rh, b = self.input(gates), self.fed(gates, h), self.bias(gates)
        return [wx[gate] + rh[gate] + b[gate] for gate in gates.split()]

    def inputs(self, gates: str) -> list[Vector]:
        """W x + b of gates without R."""
        wx, b = self.input(gates), self.bias(gates)
        return [wx[gate] + b[gate] for gate in gates.split()]

    def read(self, name: str, value: Vector) -> Vector:
        """A state as read in the step that wrote it: normalised, where the layer has parameters for it."""
        if not self.layer_norm or f"gain_{name}" not in self.parameters:
            return value
        return self[f"gain_{name}"] * self.norm(value) + self[f"shift_{name}"]

    def norm(self, v: Vector) -> Vector:
        """J. L. Ba et al., Layer normalization, arXiv:1607.06450 (2016), without gain and shift."""
        centred = v - v.mean()
        return centred / self.xp.sqrt((centred**2).mean() + 1e-5)

    def _products(self, kind: str, gates: str, v: Vector) -> Vectors:
        rows = split(self[f"weight_{kind}"], gates)
        products = {gate: self._product(row, v) for gate, row in rows.items()}
        if self.layer_norm:
            gains = split(self[f"gain_{kind}"], gates)
            products = {gate: gains[gate] * self.norm(product) for gate, product in products.items()}
        return products

    def _product(self, matrix: Vector, v: Vector) -> Vector:
        """With heads a matrix has fewer columns than v: a block of rows multiplies its own block of v."""
        heads, width = len(v) // matrix.shape[1], matrix.shape[1]
        rows = len(matrix) // heads
        return self.xp.concatenate(
            [matrix[k * rows : (k + 1) * rows] @ v[k * width : (k + 1) * width] for k in range(heads)]
        )

    def sigmoid(self, a: Vector) -> Vector:
        return 1 / (1 + self.xp.exp(-a))

    def log_sigmoid(self, a: Vector) -> Vector:
        return -self.xp.log1p(self.xp.exp(-a))

    def tanh(self, a: Vector) -> Vector:
        return self.xp.tanh(a)

    def activation(self, name: str, a: Vector) -> Vector:
        if name == "relu":
            return self.xp.maximum(a, 0 * a)
        if name == "saturated":
            return self.xp.clip(a, 0, 1)
        return {"tanh": self.tanh, "logistic": self.sigmoid}[name](a)


def split(array: Vector, gates: str) -> Vectors:
    """Equal blocks of rows, by gate."""
    names = gates.split()
    rows = len(array) // len(names)
    assert rows * len(names) == len(array), f"{len(array)} rows are not blocks of {gates}"
    return {gate: array[k * rows : (k + 1) * rows] for k, gate in enumerate(names)}


@dataclass(frozen=True)
class Stages:
    """What can be put around any cell."""

    layer_norm: bool = False
    projection: bool = False
    zoneout: float | Mapping[str, float] = 0.0
    output_size: int | None = None


PLAIN = Stages()


def walk(function: Function, parameters: Mapping[str, Vector], xp: ModuleType, stages: Stages = PLAIN) -> Run:
    """A run of this cell over one sequence; without a state it starts from the learned one.

    Projection: H. Sak et al., Interspeech 2014. Zoneout at inference: D. Krueger et al., ICLR 2017.
    """
    terms = Terms(xp, parameters, stages.layer_norm)

    def run(xs: Sequence, state: Vectors) -> tuple[Sequence, Vectors]:
        if not state:
            state = inner(parameters, "initial_")
            if state and getattr(function, "func", function).__name__ == "slstm":
                state |= {name: state["h"] * 0 for name in ("c", "n", "m")}  # not learned
        ys = []
        for x in xs:
            terms.x = x
            values, leaving = function(terms, state)
            if stages.projection:
                values["h"] = terms["weight_hr"] @ values["h"]
            for name, before in state.items():
                if "n" in state and name != "h":
                    continue  # sLSTM's c, n and m have a meaning only together
                p = stages.zoneout if isinstance(stages.zoneout, float) else stages.zoneout.get(name, 0.0)
                values[name] = p * before + (1 - p) * values[name]
            state = {name: values[name] for name in state}
            ys.append(xp.concatenate([values[name] for name in leaving.split()])[: stages.output_size])
        return ys, state

    return run


def bidirectional(forward: Run, reverse: Run, xp: ModuleType) -> Run:
    """Both directions side by side; the reverse one starts at the sequence's end.

    M. Schuster and K. K. Paliwal, IEEE Trans. Signal Processing 45 (1997).
    """

    def run(xs: Sequence, state: Vectors) -> tuple[Sequence, Vectors]:
        ahead, last = forward(xs, inner(state, "forward."))
        back, first = reverse(xs[::-1], inner(state, "reverse."))
        ys = [xp.concatenate([y, z]) for y, z in zip(ahead, back[::-1], strict=True)]
        return ys, outer(last, "forward.") | outer(first, "reverse.")

    return run


def chain(runs: list[Run]) -> Run:
    """One after the other; the states of the k-th are named k.name."""

    def run(xs: Sequence, state: Vectors) -> tuple[Sequence, Vectors]:
        last: Vectors = {}
        for k, layer in enumerate(runs):
            xs, final = layer(xs, inner(state, f"{k}."))
            last |= outer(final, f"{k}.")
        return xs, last

    return run


def around(body: Run, join: Callable[[Vector, Vector], Vector]) -> Run:
    """A shortcut around a run: y = join(x, body(x))."""

    def run(xs: Sequence, state: Vectors) -> tuple[Sequence, Vectors]:
        ys, last = body(xs, state)
        return [join(x, y) for x, y in zip(xs, ys, strict=True)], last

    return run


def inner(values: Mapping[str, Vector], prefix: str) -> Vectors:
    """Those under a prefix, without it."""
    return {name[len(prefix) :]: v for name, v in values.items() if name.startswith(prefix)}


def outer(values: Mapping[str, Vector], prefix: str) -> Vectors:
    """All of them, with a prefix."""
    return {prefix + name: v for name, v in values.items()}
