"""Forests and graphs of all shapes, by hypothesis and at random, and networks over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cell_cases
import numpy as np
import recurra as rc
from hypothesis import strategies as st
from problems import Array, randomize
from recurra._topology import Topology

Gradients = dict[str, Array]
# The rows of R, gate by gate; a gate with a star sees each child by itself.
FED_GATES = {
    "LSTM": "i f* g o",
    "LSTM(forget_gate=false)": "i g o",
    "LSTM(coupled=true)": "i g o",
    "GRU(reset=after)": "r* z q*",
    "GRU(reset=before)": "r* z",
    "Elman": "n",
    "FullyRecurrent": "n",
    "LeakyElman": "n",
    "ResidualRNN": "n",
    "LSTM(peephole=current)": "i f g o",
    "LSTM(peephole=previous)": "i f g o",
    "LSTM(coupled=true, peephole=current)": "i g o",
    "SLSTM": "i f z o",
    **{f"LSTM1997(block_size={size})": " ".join(["i", "o", *["g"] * size]) for size in (1, 2, 3, 4)},
    "LSTM1997(block_size=2, gates_out=false)": "i o g g",
}
# Their equations hold for one parent alone.
LONELY = tuple(name for name in cell_cases.CELLS if "peephole" in name or name in ("SRU", "SLSTM"))
SOCIAL = tuple(name for name in cell_cases.CELLS if name not in LONELY)


def one_of(seed: int, forest: Topology, width: int) -> Array:
    """Features of all nodes."""
    return np.random.default_rng(seed).normal(size=(forest.num_nodes, width))


@st.composite
def parents(draw: st.DrawFn, most: int = 12, children: int = 12) -> list[int]:
    """Of a forest whose nodes have so many children at most, numbered in any order."""
    n = draw(st.integers(1, most))
    found, count = [-1] * n, [0] * n
    for v in range(n - 1):
        p = draw(st.integers(v, n - 1))
        if p > v and count[p] < children:
            found[v], count[p] = p, count[p] + 1
    return renumbered(found, draw(st.permutations(range(n))))


@st.composite
def slotted(draw: st.DrawFn, arity: int) -> tuple[list[int], list[int]]:
    """The parents and slots of a forest; some slots are empty."""
    above = draw(parents(children=arity))
    slots, taken = [0] * len(above), [draw(st.permutations(range(arity))) for _ in above]
    for v, p in enumerate(above):
        if p >= 0:
            slots[v] = taken[p].pop()
    return above, slots


@st.composite
def edges(draw: st.DrawFn, most: int = 9) -> tuple[list[int], list[int], int]:
    """Source, target and nodes of acyclic graphs; an edge may be there twice."""
    n = draw(st.integers(1, most))
    number = draw(st.permutations(range(n)))
    pairs = [
        (number[v], number[p])
        for v in range(n - 1)
        for p in draw(st.lists(st.integers(v + 1, n - 1), max_size=3))
    ]
    pairs = draw(st.permutations(pairs))
    return [v for v, _ in pairs], [p for _, p in pairs], n


def renumbered(above: list[int], number: list[int]) -> list[int]:
    """Node v is now number[v]."""
    result = [-1] * len(above)
    for v, p in enumerate(above):
        result[number[v]] = -1 if p < 0 else number[p]
    return result


def random_parents(nodes: int, seed: int, roots: float = 0.15, children: int = 99) -> Array:
    """Those of a larger forest."""
    rng = np.random.default_rng(seed)
    above, count = np.full(nodes, -1), np.zeros(nodes, int)
    for v in range(nodes - 1):
        p = rng.integers(v + 1, min(nodes, v + 8))
        if rng.random() > roots and count[p] < children:
            above[v], count[p] = p, count[p] + 1
    number = rng.permutation(nodes)
    result = np.empty(nodes, np.int64)
    result[number] = np.where(above < 0, -1, number[above])
    return result


def random_slots(above: Array, arity: int, seed: int) -> Array:
    """A place for each child."""
    rng = np.random.default_rng(seed)
    free = [list(rng.permutation(arity)) for _ in above]
    return np.array([0 if p < 0 else free[p].pop() for p in above])


@dataclass
class Web:
    """The edges of some graphs, with all that an edge can carry."""

    sizes: list[int]
    source: Array
    target: Array
    features: Array
    types: Array
    weights: Array

    @property
    def graphs(self) -> rc.Graphs:
        """All of it."""
        return rc.Graphs(self.source, self.target, self.sizes, self.features, self.types, self.weights)

    @property
    def nodes(self) -> int:
        """Of all graphs."""
        return sum(self.sizes)


@st.composite
def webs(draw: st.DrawFn, most: int = 6, types: int = 3, width: int = 2) -> Web:
    """Graphs of 0 .. most nodes; loops, double edges and lone nodes are among them."""
    sizes = draw(st.lists(st.integers(0, most), min_size=1, max_size=4).filter(any))
    pairs, first = [], 0
    for size in sizes:
        node = st.integers(first, first + max(0, size - 1))
        pairs += draw(st.lists(st.tuples(node, node), max_size=2 * size)) if size else []
        first += size
    return carrying(sizes, draw(st.permutations(pairs)), draw(st.integers(0, 2**32)), types, width)


def carrying(
    sizes: list[int], pairs: list[tuple[int, int]], seed: int = 0, types: int = 3, width: int = 2
) -> Web:
    """These edges with random features, types and weights."""
    rng = np.random.default_rng(seed)
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    count = len(ends)
    return Web(
        sizes,
        ends[:, 0].copy(),
        ends[:, 1].copy(),
        rng.normal(size=(count, width)),
        rng.integers(0, types, count),
        rng.uniform(0.3, 1.5, count) * rng.choice([-1, 1], count),
    )


def random_web(sizes: list[int], degree: float = 2.0, seed: int = 0) -> Web:
    """Larger graphs."""
    rng = np.random.default_rng(seed)
    pairs, first = [], 0
    for size in sizes:
        count = int(degree * size)
        pairs += list(zip(*rng.integers(first, first + max(size, 1), (2, count)).tolist(), strict=True))
        first += size
    return carrying(sizes, pairs, seed)


def network(*layers: rc.Layer, seed: int = 1) -> rc.Network:
    """In float64, with weights and biases of one size."""
    made = rc.Network(layers, dtype="float64")
    randomize(made, seed)
    return made


def learned(
    net: rc.Network,
    x: Array,
    target: Array,
    topology: Topology | None = None,
    **options: Any,  # noqa: ANN401
) -> tuple[float, Gradients]:
    """The loss and its gradient by name."""
    loss, gradient = net.loss_and_gradient(x, target, topology=topology, **options)
    return loss, named(net, gradient)


def named(net: rc.Network, flat: Array) -> Gradients:
    """A vector as long as the parameters, by name."""
    found, begin = {}, 0
    for name, values in net.parameters.items():
        found[name] = flat[begin : begin + values.size].reshape(values.shape)
        begin += values.size
    assert begin == flat.size
    return found
