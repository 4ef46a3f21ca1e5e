"""Trees of GRUs and eLSTMs, node by node: what sees each child by itself is summed over the children.

No paper has them; they are what `Tree` says of gates: those that a cell applies to its past state see each
child, all others what the children feed, summed or side by side. A leaf has one child, the initial state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from reference_terms import Vector, Vectors, split
from tree_references import START, Children, Rows, States, leaves_first, sigmoid, stacked

Parameters = Mapping[str, Any]
Below = list[tuple[int, int]]  # slots and children


def walk(
    children: Children,
    start: Vector,
    node: Callable[[int, Below, dict[int, Vector]], Vector],
    xp: Any,  # noqa: ANN401
) -> States:
    """The state of every node, given those of its children."""
    states = {START: start}
    for j in leaves_first(children):
        below = [(slot, k) for slot, k in enumerate(children[j]) if k is not None] or [(0, START)]
        states[j] = node(j, below, states)
    return stacked(states, xp)


class Fed:
    """R times what the children feed, by gate; of a starred gate for one child."""

    def __init__(self, matrix: Vector, gates: str, arity: int | None, xp: Any) -> None:  # noqa: ANN401
        rows = [
            f"{gate[0]}{slot}"
            for gate in gates.split()
            for slot in (range(arity or 1) if "*" in gate else [""])
        ]
        self.rows = split(matrix, " ".join(rows))
        self.arity, self.xp = arity, xp

    def source(self, below: Below, h: Mapping[int, Vector]) -> Vector:
        """The sum of the children's h, or side by side."""
        if self.arity is None:
            return sum(h[k] for _, k in below)
        at = dict(below)
        return self.xp.concatenate([h[at[s]] if s in at else 0 * h[START] for s in range(self.arity)])

    def of_all(self, gate: str, below: Below, h: Mapping[int, Vector]) -> Vector:
        """For a gate that sees all children."""
        return self.rows[gate] @ self.source(below, h)

    def of_one(self, gate: str, slot: int, below: Below, h: Mapping[int, Vector]) -> Vector:
        """For the child in a slot."""
        if self.arity is None:
            return self.rows[f"{gate}0"] @ h[dict(below)[slot]]
        return self.rows[f"{gate}{slot}"] @ self.source(below, h)


def gru(
    reset: str,
    p: Parameters,
    x: Rows,
    children: Children,
    arity: int | None = None,
    xp: Any = np,  # noqa: ANN401
) -> States:
    """h = s(a_z) P + (1 - s(a_z)) tanh(..), P the sum of the children's h; each child has a reset gate."""
    W = split(p["weight_ih"], "r z n")
    b = split(p["bias"], "r z n q" if reset == "after" else "r z n")
    R = Fed(p["weight_hh"], "r* z q*" if reset == "after" else "r* z", arity, xp)

    def node(j: int, below: Below, h: dict[int, Vector]) -> Vector:
        wx = {gate: W[gate] @ x[j] + b[gate] for gate in "rzn"}
        z = sigmoid(wx["z"] + R.of_all("z", below, h), xp)
        r = {s: sigmoid(wx["r"] + R.of_one("r", s, below, h), xp) for s, _ in below}
        if reset == "after":
            heard = sum(r[s] * (R.of_one("q", s, below, h) + b["q"]) for s, _ in below)
        else:
            heard = p["weight_mh"] @ sum(r[s] * h[k] for s, k in below)
        return z * sum(h[k] for _, k in below) + (1 - z) * xp.tanh(wx["n"] + heard)

    return walk(children, p.get("initial_h", 0 * b["z"]), node, xp)


def elstm(p: Parameters, x: Rows, children: Children, xp: Any = np) -> States:  # noqa: ANN401
    """c = sum_k f_k c_k + (1 - f_k) z_k, f_k = s(a_f + w_f c_k), z_k = tanh(a_z + w_z c_k); h = s(a_o) c."""
    W, b = split(p["weight_ih"], "f z o"), split(p["bias"], "f z o")

    def node(j: int, below: Below, c: dict[int, Vector]) -> Vector:
        new = 0 * b["f"]
        for _, k in below:
            f = sigmoid(W["f"] @ x[j] + b["f"] + p["w_f"] * c[k], xp)
            new = new + f * c[k] + (1 - f) * xp.tanh(W["z"] @ x[j] + b["z"] + p["w_z"] * c[k])
        return new

    c = walk(children, 0 * b["f"], node, xp)
    rows: Vectors = {str(j): c[j] for j in range(len(children))}
    return xp.stack(
        [
            sigmoid(W["o"] @ x[j] + p["weight_sh"] @ rows[str(j)] + b["o"], xp) * rows[str(j)]
            for j in range(len(children))
        ]
    )
