"""Identities over forests, for every cell: a path is a sequence, a forest its trees, slots are blocks."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_cases import CELLS, INPUT, UNITS, layer
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import Array, assert_close
from topology_cases import (
    FED_GATES,
    LONELY,
    SOCIAL,
    edges,
    learned,
    named,
    network,
    one_of,
    parents,
    renumbered,
    slotted,
)
from tree_references import children_of, leaves_first

FEW = settings(max_examples=8)
STAGES: dict[str, dict[str, Any]] = {"plain": {}, "initial": {"learned_initial_state": True}}


def draw_target(net: rc.Network, rows: int, seed: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, net.output_size))


def way_up(above: list[int], v: int) -> list[int]:
    """The nodes from v to its root."""
    way = [v]
    while above[way[-1]] >= 0:
        way.append(above[way[-1]])
    return way


def over_time(
    net: rc.Network,
    name: str,
    rows: list[list[int]],
    x: Array,
    **stages: Any,  # noqa: ANN401
) -> tuple[rc.Network, Array, Array]:
    """The same cell over sequences of these nodes: the network, its padded inputs and the lengths."""
    sequences = network(layer(name, **stages))
    assert [p.shape for p in sequences.parameters.values()] == [p.shape for p in net.parameters.values()]
    sequences.flat[:] = net.flat
    padded = np.full((len(rows), max(map(len, rows)), INPUT), np.nan)
    for row, nodes in enumerate(rows):
        padded[row, : len(nodes)] = x[nodes]
    return sequences, padded, np.array([len(nodes) for nodes in rows])


@pytest.mark.parametrize(("arity", "stages"), [(None, "plain"), (None, "initial"), (1, "initial")])
@pytest.mark.parametrize("name", CELLS)
@FEW
@given(above=parents(children=1))
def test_paths_are_sequences(name: str, arity: int | None, stages: str, above: list[int]) -> None:
    net = network(rc.Tree(layer(name, **STAGES[stages]), arity))
    forest = rc.Forest(above)
    x, target = one_of(1, forest, INPUT), draw_target(net, len(above))
    rows = [way_up(above, v) for v in range(len(above)) if v not in above]
    sequences, padded, lengths = over_time(net, name, rows, x, **STAGES[stages])
    aims = np.zeros((*padded.shape[:2], net.output_size))
    for row, nodes in enumerate(rows):
        aims[row, : len(nodes)] = target[nodes]
    y, expected = net(x, forest), sequences(padded, lengths=lengths)
    for row, nodes in enumerate(rows):
        assert_close(y[nodes], expected[row, : len(nodes)])
    loss, gradient = net.loss_and_gradient(x, target, topology=forest)
    other, over_rows = sequences.loss_and_gradient(padded, aims, lengths=lengths)
    assert_close(loss, other)
    assert_close(gradient, over_rows, (1e-11, 1e-13))


@pytest.mark.parametrize("arity", [None, 1])
@pytest.mark.parametrize("name", CELLS)
@FEW
@given(above=parents())
def test_downwards_each_node_ends_a_sequence_from_its_root(
    name: str, arity: int | None, above: list[int]
) -> None:
    """All cells, for a node has one above it. On a path that is the sequence reversed."""
    if arity == 1 and max(np.bincount([p for p in above if p >= 0], minlength=1)) > 1:
        above = [-1 if p in above[:v] else p for v, p in enumerate(above)]  # slots are those of the way up
    net = network(rc.Tree(layer(name), arity, direction="down"))
    forest = rc.Forest(above)
    x, target = one_of(1, forest, INPUT), draw_target(net, len(above))
    rows = [way_up(above, v)[::-1] for v in range(len(above))]
    sequences, padded, lengths = over_time(net, name, rows, x)
    last = (np.arange(len(rows)), lengths - 1)
    aims, mask = np.zeros((*padded.shape[:2], net.output_size)), np.zeros(padded.shape[:2], bool)
    aims[last], mask[last] = target, True
    assert_close(net(x, forest), sequences(padded, lengths=lengths)[last])
    loss, gradient = net.loss_and_gradient(x, target, topology=forest)
    other, over_rows = sequences.loss_and_gradient(padded, aims, lengths=lengths, mask=mask)
    assert_close(loss, other)
    assert_close(gradient, over_rows, (1e-11, 1e-13))


@pytest.mark.parametrize("name", LONELY)
@pytest.mark.parametrize("arity", [None, 3])
def test_cells_for_one_parent_refuse_more(name: str, arity: int | None) -> None:
    net = network(rc.Tree(layer(name), arity))
    with pytest.raises(ValueError, match=r"Tree: node 3 reads from 2 nodes, expected at most 1 for"):
        net(np.zeros((4, INPUT)), rc.Forest([1, 3, 3, -1]))
    down = network(rc.Tree(layer(name), direction="down"))
    with pytest.raises(ValueError, match=r"Tree: node 0 reads from 2 nodes, expected at most 1 for"):
        down(np.zeros((3, INPUT)), rc.Forest.from_edges([0, 0], [1, 2], 3))


@pytest.mark.parametrize(
    "name", [name for name in SOCIAL if "*" not in FED_GATES.get(name, "") and name != "ELSTM"]
)
@FEW
@given(above=parents())
def test_without_gates_of_edges_a_node_is_a_step_from_the_sum_of_states(name: str, above: list[int]) -> None:
    """Step by step through the sequence network, whose carried states are added up in between."""
    net = network(rc.Tree(layer(name)))
    forest = rc.Forest(above)
    x = one_of(1, forest, INPUT)
    step = network(layer(name))
    step.flat[:] = net.flat
    states: list[Any] = [None] * len(above)
    y, children = net(x, forest), children_of(above)
    for v in leaves_first(children):
        start = step.initial_state()
        for key in start if children[v] else ():
            start[key][:] = sum(states[k][key] for k in children[v] if k is not None)
        out, states[v] = step(x[v][None, None], state=start, return_state=True)
        assert_close(y[v], out[0, 0], (1e-11, 1e-12))


LAYERS: dict[str, Any] = {
    **{name: lambda name=name: [rc.Tree(layer(name))] for name in SOCIAL},
    "learned": lambda: [rc.Tree(layer("LSTM", learned_initial_state=True))],
    "heads": lambda: [rc.Tree(layer("GRU(reset=after)", heads=2))],
    "bilinear": lambda: [rc.Tree(layer("LSTM"), bilinear=True)],
    "both ways": lambda: [rc.Tree(rc.GRU(INPUT, 4)), rc.Linear(4, 3),
                          rc.Tree(rc.LSTM(3, 3), direction="down")],
    "pooled": lambda: [rc.Tree(rc.LSTM(INPUT, 4)), rc.Readout("gated", 3), rc.Linear(3, 2)],
    "skip": lambda: [rc.Skip([rc.Tree(rc.LSTM(INPUT, 4)), rc.Tanh()]), rc.Readout("max")],
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@FEW
@given(above=parents(16))
def test_a_forest_is_its_trees_one_by_one(name: str, above: list[int]) -> None:
    net = network(*LAYERS[name]())
    forest = rc.Forest(above)
    x, y = one_of(1, forest, INPUT), net(one_of(1, forest, INPUT), forest)
    pools = "Readout" in repr(net)
    assert len(y) == (forest.num_trees if pools else forest.num_nodes)
    target = draw_target(net, len(y))
    loss, gradient = net.loss_and_gradient(x, target, topology=forest)
    total, summed = 0.0, np.zeros_like(gradient)
    for tree in range(forest.num_trees):
        nodes = forest.nodes([tree])
        rows = np.array([tree]) if pools else nodes
        alone = forest.take([tree])
        assert_close(net(x[nodes], alone), y[rows])
        part, slope = net.loss_and_gradient(x[nodes], target[rows], topology=alone)
        total, summed = total + len(rows) * part, summed + len(rows) * slope
    assert_close(loss, total / len(y))
    assert_close(gradient, summed / len(y), (1e-11, 1e-13))


@pytest.mark.parametrize("name", [*LAYERS, "N-ary"])
@FEW
@given(drawn=slotted(3), data=st.data())
def test_numbers_of_nodes_do_not_matter(
    name: str, drawn: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    """Nor the order of children, where they stand in no slots."""
    above, slots = drawn
    net = network(*(LAYERS[name]() if name != "N-ary" else [rc.Tree(layer("LSTM"), 3)]))
    number = data.draw(st.permutations(range(len(above))))
    back = np.argsort(number)  # node i was back[i]
    places = np.array(slots) if name == "N-ary" else None
    forest = rc.Forest(above, places)
    other = rc.Forest(renumbered(above, number), None if places is None else places[back])
    x = one_of(1, forest, INPUT)
    y, moved = net(x, forest), net(x[back], other)
    trees = np.array([forest.tree_of[back[root]] for root in other.roots])
    rows = trees if "Readout" in repr(net) else back
    assert_close(moved, y[rows])
    target = draw_target(net, len(y))
    loss, gradient = net.loss_and_gradient(x, target, topology=forest)
    again, slope = net.loss_and_gradient(x[back], target[rows], topology=other)
    assert_close(again, loss)
    assert_close(slope, gradient, (1e-11, 1e-13))


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("name", SOCIAL)
@FEW
@given(drawn=edges(), data=st.data())
def test_the_order_of_edges_does_not_matter(
    name: str, direction: str, drawn: tuple[list[int], list[int], int], data: st.DataObject
) -> None:
    source, target, nodes = np.array(drawn[0], int), np.array(drawn[1], int), drawn[2]
    order = np.array(data.draw(st.permutations(range(len(source)))), int)
    net = network(rc.Tree(layer(name), direction=direction))
    forest = rc.Forest.from_edges(source, target, nodes)
    other = rc.Forest.from_edges(source[order], target[order], nodes)
    x, aim = one_of(1, forest, INPUT), draw_target(net, nodes)
    assert_close(net(x, other), net(x, forest), (1e-11, 1e-13))
    gradient, expected = (net.loss_and_gradient(x, aim, topology=topology)[1] for topology in (other, forest))
    assert_close(gradient, expected, (1e-10, 1e-12))


def blocks(name: str, arity: int, hh: Array) -> list[tuple[int, Array]]:
    """Of R with slots, gate by gate and for a starred gate slot by slot: the slot (-1: none) and the rows."""
    rows = [k for gate in FED_GATES[name].split() for k in (range(arity) if "*" in gate else [-1])]
    return list(zip(rows, np.split(hh, len(rows)), strict=True))


def first_block(name: str, arity: int, hh: Array) -> Array:
    """What is left of R if the first slot alone is ever taken."""
    rows = [block for slot, block in blocks(name, arity, hh) if slot in (-1, 0)]
    first: Array = np.concatenate(rows)[:, : hh.shape[1] // arity]
    return first


@pytest.mark.parametrize("name", CELLS)
@FEW
@given(above=parents(children=1))
def test_in_their_first_slots_paths_are_sequences(name: str, above: list[int]) -> None:
    arity = 3
    net = network(rc.Tree(layer(name), arity))
    forest = rc.Forest(above, np.zeros(len(above), int))
    plain = network(rc.Tree(layer(name)))
    fed = "0.weight_hh" in net.parameters
    for key, values in plain.parameters.items():
        ours = net.parameters[key]
        values[:] = first_block(name, arity, ours) if key == "0.weight_hh" else ours
    x, target = one_of(1, forest, INPUT), draw_target(net, len(above))
    assert_close(net(x, forest), plain(x, forest))
    (_, gradient), (_, expected) = (learned(n, x, target, forest) for n in (net, plain))
    if fed:
        left = gradient["0.weight_hh"]
        assert_close(np.abs(left).sum(), np.abs(first_block(name, arity, left)).sum())  # the rest is 0
        gradient["0.weight_hh"] = first_block(name, arity, left)
    for key, values in expected.items():
        assert_close(gradient[key], values, (1e-11, 1e-13), key)


def as_n_ary(name: str, arity: int, hh: Array) -> Array:
    """Slots that all have the matrices of a sum, and a starred gate that sees its own child alone."""
    gates = FED_GATES[name].split()
    rows: list[Array] = []
    for gate, block in zip(gates, np.split(hh, len(gates)), strict=True):
        own = [np.kron(np.eye(arity)[k], block) for k in range(arity)]
        rows += own if "*" in gate else [np.tile(block, arity)]
    return np.concatenate(rows)


@pytest.mark.parametrize("name", SOCIAL)
@FEW
@given(drawn=slotted(3))
def test_slots_of_equal_matrices_are_a_sum(name: str, drawn: tuple[list[int], list[int]]) -> None:
    """Outputs; and the gradient of a matrix is the sum of those of its copies."""
    arity = 3
    plain, net = network(rc.Tree(layer(name))), network(rc.Tree(layer(name), arity))
    for key, values in net.parameters.items():
        summed = plain.parameters[key]
        values[:] = as_n_ary(name, arity, summed) if key == "0.weight_hh" else summed
    forest = rc.Forest(*drawn)
    x, target = one_of(1, forest, INPUT), draw_target(net, len(drawn[0]))
    assert_close(net(x, forest), plain(x, forest), (1e-11, 1e-13))
    (_, gradient), (_, expected) = (learned(n, x, target, forest) for n in (net, plain))
    if "0.weight_hh" in gradient:
        hh, width = gradient["0.weight_hh"], UNITS * len(FED_GATES[name].split())
        fed, copies = hh.shape[1] // arity, dict[int, Array]()
        gate = -1
        for slot, block in blocks(name, arity, hh):
            gate += slot in (-1, 0)
            columns = block.reshape(len(block), arity, fed)
            part = columns.sum(axis=1) if slot == -1 else columns[:, slot]
            copies[gate] = copies.get(gate, 0) + part
        gradient["0.weight_hh"] = np.concatenate([copies[k] for k in sorted(copies)])
        assert len(gradient["0.weight_hh"]) == width
    for key, values in expected.items():
        assert_close(gradient[key], values, (1e-10, 1e-12), key)


@pytest.mark.parametrize("name", [name for name in SOCIAL if name in FED_GATES])
@FEW
@given(drawn=slotted(3), order=st.permutations(range(3)))
def test_slots_and_blocks_go_together(
    name: str, drawn: tuple[list[int], list[int]], order: list[int]
) -> None:
    """Children in other slots are other nodes, unless rows and columns of R move with them."""
    arity, (above, slots) = 3, drawn
    net, other = (network(rc.Tree(layer(name), arity)) for _ in range(2))
    back = np.argsort(order)
    hh = net.parameters["0.weight_hh"]
    found = blocks(name, arity, hh)
    rows = [found[i + back[slot] - slot][1] if slot >= 0 else block for i, (slot, block) in enumerate(found)]
    columns = np.concatenate(rows).reshape(len(hh), arity, -1)[:, back]
    other.parameters["0.weight_hh"][:] = columns.reshape(hh.shape)
    forest, moved = rc.Forest(above, slots), rc.Forest(above, [order[s] for s in slots])
    x = one_of(1, forest, INPUT)
    # Leaves read the initial state in the first slot, which is zero.
    assert_close(other(x, moved), net(x, forest), (1e-11, 1e-13))
    for v, p in enumerate(above):
        if p >= 0 and order[slots[v]] != slots[v]:
            assert np.abs(net(x, moved)[p] - net(x, forest)[p]).max() > 1e-9


def test_gradients_by_name_are_those_of_the_vector() -> None:
    net = network(rc.Tree(layer("LSTM")))
    parts = named(net, np.arange(net.flat.size))
    assert [part.shape for part in parts.values()] == [p.shape for p in net.parameters.values()]
