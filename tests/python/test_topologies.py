"""Forests and graphs by themselves: what they say, what is taken of them, what they refuse; large ones."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st
from problems import Array, assert_close
from topology_cases import Web, edges, network, parents, slotted, webs
from tree_references import children_of, leaves_first, tree_lstm

NONE = np.zeros(0, np.int64)
F, G = rc.Forest, rc.Graphs


def root_of(above: list[int], v: int) -> int:
    return v if above[v] < 0 else root_of(above, above[v])


@given(drawn=slotted(4), some=st.randoms(use_true_random=False))
def test_what_a_forest_says(drawn: tuple[list[int], list[int]], some: Any) -> None:  # noqa: ANN401
    above, slots = drawn
    children = children_of(above)
    levels: dict[int, int] = {}
    for v in leaves_first(children):
        levels[v] = 1 + max((levels[k] for k in children[v] if k is not None), default=0)
    forest, placed = F(above), F(above, slots)
    roots = [v for v, p in enumerate(above) if p < 0]
    assert forest.roots.tolist() == roots
    assert forest.tree_of.tolist() == [roots.index(root_of(above, v)) for v in range(len(above))]
    assert forest.sizes.tolist() == np.bincount(forest.tree_of).tolist()
    assert forest.parents.tolist() == above
    assert (forest.num_nodes, forest.num_trees, forest.num_edges) == (
        len(above), len(roots), len(above) - len(roots)
    )  # fmt: skip
    assert forest.height == max(levels.values())
    assert forest.max_children == max(map(len, children))
    below = [slot for slot, p in zip(slots, above, strict=True) if p >= 0]
    assert placed.max_children == max(below, default=-1) + 1
    assert (forest.slots is None, placed.slots is not None) == (True, True)
    assert np.array(placed.slots).tolist() == below
    chosen = some.sample(range(len(roots)), some.randint(0, len(roots)))
    if chosen == list(range(len(roots))):  # see below
        chosen = chosen[::-1]
    nodes = placed.nodes(chosen)
    assert nodes.tolist() == [v for tree in chosen for v in np.flatnonzero(forest.tree_of == tree)]
    number = {v: i for i, v in enumerate(nodes.tolist())}
    part = placed.take(chosen)
    expected = F([number.get(above[v], -1) for v in nodes] or NONE, np.array(slots)[nodes])
    assert part == expected
    assert part.parents.tolist() == expected.parents.tolist()
    for same in (copy.copy(part), copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        assert same == part
        assert repr(same) == repr(part)
    assert part != 3


def test_all_trees_of_a_forest_are_numbered_anew_too() -> None:
    """Node i of the result is number i of nodes(trees), if trees do not lie one behind the other."""
    forest = F([2, -1, -1])
    assert forest.nodes([0, 1]).tolist() == [1, 0, 2]
    assert forest.take([0, 1]) == F([-1, 2, -1])
    net = network(rc.Tree(rc.GRU(1, 1)))
    x, trees = np.arange(3.0)[:, None], [0, 1]
    nodes = forest.nodes(trees)
    assert_close(net(x[nodes], forest.take(trees)), net(x, forest)[nodes])


@given(drawn=edges())
def test_what_hangs_together_is_one_structure(drawn: tuple[list[int], list[int], int]) -> None:
    source, target, n = drawn
    forest = F.from_edges(source, target, n)
    group = list(range(n))
    for v, p in zip(source, target, strict=True):
        group = [group[p] if g == group[v] else g for g in group]
    same = forest.tree_of[:, None] == forest.tree_of[None]
    assert np.array_equal(same, np.array(group)[:, None] == np.array(group)[None])
    assert forest.num_trees == len(set(group))
    assert forest.roots.tolist() == sorted(set(range(n)) - set(source))
    twice = [v for v in range(n) if source.count(v) > 1]
    if twice:
        with pytest.raises(ValueError, match=f"Forest: node {twice[0]} has several parents, expected trees"):
            _ = forest.parents
    for tree in range(forest.num_trees):
        part = forest.take([tree])
        assert part == F.from_edges(part.source, part.target, part.num_nodes)
        assert pickle.loads(pickle.dumps(part)) == part


@given(web=webs(), some=st.randoms(use_true_random=False))
def test_what_graphs_say(web: Web, some: Any) -> None:  # noqa: ANN401
    graphs = web.graphs
    owner = np.repeat(np.arange(len(web.sizes)), web.sizes)
    assert graphs.graph_of.tolist() == owner.tolist()
    assert (graphs.num_graphs, graphs.num_nodes, graphs.num_edges) == (
        len(web.sizes), web.nodes, len(web.source)
    )  # fmt: skip
    chosen = some.sample(range(len(web.sizes)), some.randint(0, len(web.sizes)))
    nodes = graphs.nodes(chosen)
    assert nodes.tolist() == [v for g in chosen for v in np.flatnonzero(owner == g)]
    number = np.full(web.nodes, -1)
    number[nodes] = np.arange(len(nodes))
    own = np.flatnonzero(number[web.source] >= 0)
    part = graphs.take(chosen)
    expected = G(
        number[web.source[own]], number[web.target[own]], np.array(web.sizes)[chosen],
        web.features[own], web.types[own], web.weights[own],
    )  # fmt: skip
    if chosen:
        assert part == expected
    for name in ("source", "target", "sizes", "edge_features", "edge_types", "edge_weights"):
        assert np.array_equal(getattr(part, name), getattr(expected, name)), name
    assert pickle.loads(pickle.dumps(part)) == part
    assert copy.deepcopy(part) == part
    assert part != 3


def test_they_are_immutable() -> None:
    """And do not look at what they were made of afterwards."""
    above, weights = np.array([1, -1]), np.ones(1)
    forest, graphs = F(above), G([0], [1], 2, edge_weights=weights)
    kept = pickle.loads(pickle.dumps((forest, graphs)))
    above[0], weights[0] = -1, 5
    for owner, name in ((forest, "source"), (forest, "target"), (graphs, "edge_weights")):
        with pytest.raises(ValueError, match="read-only"):
            getattr(owner, name)[0] = 0
    for owner, name in (
        (forest, "roots"),
        (forest, "parents"),
        (forest, "tree_of"),
        (forest, "sizes"),
        (graphs, "sizes"),
    ):
        getattr(owner, name)[0] = 7  # of a copy
    assert (forest, graphs) == kept
    assert forest.roots.tolist() == [1]
    for owner in (forest, graphs):
        with pytest.raises(TypeError, match="unhashable"):
            hash(owner)
    assert F([1, -1]) != F([-1, 0])
    assert F([1, -1]) != F([1, -1], [0, 0])
    assert G([0], [1], 2) != G([0], [1], 2, edge_weights=[1.0])
    assert G([0], [1], [2, 1]) != G([0], [1], [3])


NAN, INF = [[np.nan]], [np.inf]
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "a cycle": (lambda: F([1, 2, 0, -1]), ValueError, "Forest: the edges contain a cycle"),
    "a loop": (lambda: F([-1, 1]), ValueError, "Forest: the edges contain a cycle"),
    "too far": (lambda: F([0, 2]), ValueError, r"Forest: parents\[1\] is 2, expected -1 \.\. 1"),
    "below": (lambda: F([-2]), ValueError, r"Forest: parents\[0\] is -2, expected -1 \.\. 0"),
    "floats": (lambda: F([1.0, -1.0]), TypeError, "Forest: parents has dtype float64, expected integers"),
    "booleans": (lambda: F([True]), TypeError, "Forest: parents has dtype bool, expected integers"),
    "axes": (lambda: F([[-1]]), ValueError, r"Forest: parents has shape \(1, 1\), expected one axis"),
    "nothing": (lambda: F(None), TypeError, "Forest: parents has dtype object"),  # type: ignore[arg-type]
    "huge": (lambda: F(np.array([2**64 - 1], np.uint64)), ValueError, "Forest: parents has the value"),
    "one slot": (lambda: F([1, -1], [0]), ValueError, r"slots has shape \(1,\), expected \(nodes,\)"),
    "slot": (lambda: F([1, -1], [-1, 0]), ValueError, r"Forest: slots\[0\] is -1, expected 0 \.\. 1048575"),
    "far slot": (lambda: F([1, -1], [2**20, 0]), ValueError, r"Forest: slots\[0\] is 1048576, expected"),
    "slot floats": (lambda: F([1, -1], [0.0, 0.0]), TypeError, "Forest: slots has dtype float64"),
    "taken": (lambda: F([2, 2, -1], [3, 3, 0]), ValueError, "Forest: slot 3 of node 2 is taken twice"),
    "ends": (lambda: F.from_edges([0], [1, 0], 2), ValueError, r"target has shape \(2,\), expected"),
    "source": (lambda: F.from_edges([-1], [1], 2), ValueError, r"source\[0\] is -1, expected 0 \.\. 1"),
    "target": (lambda: F.from_edges([0], [2], 2), ValueError, r"target\[0\] is 2, expected 0 \.\. 1"),
    "edge cycle": (lambda: F.from_edges([0, 1], [1, 0], 2), ValueError, "contain a cycle"),
    "edge slots": (lambda: F.from_edges([0], [1], 2, [0, 1]), ValueError, r"slots has shape \(2,\)"),
    "edge taken": (lambda: F.from_edges([0, 0], [1, 1], 2, [0, 0]), ValueError, "slot 0 of node 1 is taken"),
    "count": (lambda: F.from_edges([], [], -1), ValueError, "Forest: num_nodes is -1, expected at least 0"),
    "huge count": (lambda: F.from_edges([], [], 2**62), ValueError, "num_nodes is .* expected at most"),
    "float count": (lambda: F.from_edges([], [], 2.0), TypeError, "num_nodes is 2.0"),  # type: ignore[arg-type]
    "no such tree": (lambda: F([-1]).take([1]), IndexError, r"tree 1 is not there, expected 0 \.\. 0"),
    "negative tree": (lambda: F([-1]).nodes([-1]), IndexError, "Forest: tree -1 is not there"),
    "a tree twice": (lambda: F([-1]).take([0, 0]), ValueError, "Forest: tree 0 is taken twice"),
    "trees by floats": (lambda: F([-1]).take([0.0]), TypeError, "Forest: trees has dtype float64"),
    "one tree": (lambda: F([-1]).take(0), ValueError, r"Forest: trees has shape \(\), expected one axis"),
    "sends": (lambda: G([2], [0], 2), ValueError, r"Graphs: source\[0\] is 2, expected 0 \.\. 1"),
    "receives": (lambda: G([0], [-1], 2), ValueError, r"Graphs: target\[0\] is -1, expected 0 \.\. 1"),
    "between": (lambda: G([0], [2], [2, 2]), ValueError, "Graphs: edge 0 leads from graph 0 to graph 1"),
    "graph ends": (lambda: G([0], [1, 0], 2), ValueError, r"Graphs: target has shape \(2,\)"),
    "size": (lambda: G([0], [1], [2, -1]), ValueError, r"Graphs: num_nodes\[1\] is -1, expected 0 \.\."),
    "huge size": (lambda: G([], [], 2**62), ValueError, r"Graphs: num_nodes\[0\] is \d+, expected 0 \.\."),
    "sizes": (lambda: G([0], [1], 2.0), TypeError, "num_nodes has dtype float64"),  # type: ignore[arg-type]
    "size axes": (lambda: G([0], [1], [[2]]), ValueError, r"num_nodes has shape \(1, 1\)"),  # type: ignore[list-item]
    "features": (lambda: G([0], [1], 2, [1.0]), ValueError, r"features has shape \(1,\), expected \(1, fea"),
    "feature rows": (lambda: G([0], [1], 2, [[1.0]] * 2), ValueError, r"edge_features has shape \(2, 1\)"),
    "feature nan": (lambda: G([0], [1], 2, NAN), ValueError, "edge_features .* non-finite value nan at"),
    "feature text": (lambda: G([0], [1], 2, [["a"]]), TypeError, "edge_features has dtype <U1, expected"),
    "types": (lambda: G([0], [1], 2, None, [-1]), ValueError, r"edge_types\[0\] is -1, expected 0 \.\."),
    "type floats": (lambda: G([0], [1], 2, None, [1.0]), TypeError, "edge_types has dtype float64"),
    "type count": (lambda: G([0], [1], 2, None, [0, 1]), ValueError, r"edge_types has shape \(2,\)"),
    "weights": (lambda: G([0], [1], 2, edge_weights=INF), ValueError, "edge_weights .* non-finite value inf"),
    "weight axes": (lambda: G([0], [1], 2, edge_weights=NAN), ValueError, r"edge_weights has shape \(1, 1\)"),
    "weight truth": (lambda: G([0], [1], 2, edge_weights=[True]), TypeError, "edge_weights has dtype bool"),
    "no such graph": (lambda: G([], [], [2, 1]).take([2]), IndexError, "Graphs: graph 2 is not there"),
    "a graph twice": (lambda: G([], [], [2, 1]).take([1, 1]), ValueError, "Graphs: graph 1 is taken twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    run, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        run()


def test_nothing_at_all() -> None:
    assert repr(F([])) == "Forest(0 trees, 0 nodes, height 0)"
    assert repr(G([], [], [])) == "Graphs(0 graphs, 0 nodes, 0 edges)"
    assert G([], [], 0).num_graphs == 1
    assert F([-1]).take([]) == F([])


MANY = 100_000


def test_a_path_of_a_hundred_thousand_is_a_sequence() -> None:
    net, over_time = network(rc.Tree(rc.LSTM(2, 3))), network(rc.LSTM(2, 3))
    x = np.random.default_rng(0).normal(size=(MANY, 2))
    forest = F(np.r_[np.arange(1, MANY), -1])
    assert forest.height == MANY
    y = net(x, forest)
    assert_close(y, over_time(x))
    target = np.zeros_like(y)
    loss, gradient = net.loss_and_gradient(x, target, topology=forest)
    expected, slope = over_time.loss_and_gradient(x, target)
    assert_close(loss, expected)
    assert_close(gradient, slope, (1e-9, 1e-12))
    down = network(rc.Tree(rc.LSTM(2, 3), direction="down"))
    assert_close(down(x, forest), over_time(x[::-1])[::-1])


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_star_of_a_hundred_thousand_children(direction: str) -> None:
    """The root reads them all: its sums, in NumPy."""
    net = network(rc.Tree(rc.LSTM(2, 3), direction=direction))
    if direction == "up":  # so that sums of so many stay where gates are neither open nor closed
        net.parameters["0.weight_hh"][:] *= 1e-4
        net.parameters["0.bias"][3:6] -= 10
    forest = F(np.r_[-1, np.zeros(MANY, np.int64)])
    x = np.random.default_rng(0).normal(size=(MANY + 1, 2))
    p = {name.removeprefix("0."): np.array(v) for name, v in net.parameters.items()}
    y = net(x, forest)
    if direction == "down":  # each child reads the root alone
        for rows in ([0, 1], [0, MANY]):
            assert_close(y[rows], tree_lstm(p, x[rows], [[], [0]])[0])
        return

    def logistic(a: Array) -> Array:
        return 1 / (1 + np.exp(-a))

    i, f, g, o = np.split(x @ p["weight_ih"].T + p["bias"], 4, axis=1)
    c = logistic(i) * np.tanh(g)
    h = logistic(o) * np.tanh(c)
    total = np.split(p["weight_hh"] @ h[1:].sum(axis=0), 4)
    R_f = np.split(p["weight_hh"], 4)[1]
    memory = logistic(i[0] + total[0]) * np.tanh(g[0] + total[2])
    memory += (logistic(f[0] + h[1:] @ R_f.T) * c[1:]).sum(axis=0)
    assert 0.1 < np.abs(memory).max() < 10
    assert_close(y[1:], h[1:])
    assert_close(y[0], logistic(o[0] + total[3]) * np.tanh(memory), (1e-9, 1e-12))
    loss, gradient = net.loss_and_gradient(x, np.zeros_like(y), topology=forest)
    step = np.random.default_rng(1).normal(size=net.flat.size)
    values = []
    for sign in (1, -1):
        net.flat[:] += sign * 1e-6 * step
        values.append(net.loss_and_gradient(x, np.zeros_like(y), topology=forest)[0])
        net.flat[:] -= sign * 1e-6 * step
    assert_close(gradient @ step, (values[0] - values[1]) / 2e-6, (1e-5, 1e-8))
    assert np.isfinite(loss)


def test_a_hundred_thousand_lone_nodes_and_edges_into_one() -> None:
    net = network(rc.Tree(rc.GRU(2, 3)), rc.Readout("sum"))
    x = np.random.default_rng(0).normal(size=(MANY, 2))
    step = network(rc.GRU(2, 3))
    assert_close(net(x, F(np.full(MANY, -1))), step(x[:, None])[:, 0])
    hub = network(rc.GraphNet(rc.GRU(3, 3), rc.Linear(3, 3), 1, "mean"))
    states = np.random.default_rng(1).normal(size=(MANY, 3))
    graphs = G(np.arange(MANY), np.zeros(MANY, np.int64), MANY)
    heard = np.zeros((MANY, 3))
    heard[0] = states.mean(axis=0) @ hub.parameters["0.message.weight"].T + hub.parameters["0.message.bias"]
    gru = network(rc.GRU(3, 3))
    start = gru.initial_state(MANY)
    start["0.h"][:] = states
    assert_close(hub(states, graphs), gru(heard[:, None], state=start)[:, 0], (1e-9, 1e-11))


@given(above=parents())
def test_a_forest_is_its_own_edges(above: list[int]) -> None:
    forest = F(above)
    assert F.from_edges(forest.source, forest.target, len(above)) == forest
