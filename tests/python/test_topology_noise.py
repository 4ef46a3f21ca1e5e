"""Dropout over trees and graphs depends on numbers of nodes, edges, trees and graphs alone; nothing stays."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import recurra as rc
from graph_networks import FEATURES, NETS, drawn_x
from problems import Array, assert_close
from recurra._topology import Topology
from topology_cases import network, one_of, random_parents, random_slots, random_web

FOREST = rc.Forest(random_parents(80, 1, roots=0.2))
WEB = random_web([12, 0, 20, 9, 15], 1.7)


def message(inner: Any) -> list[Any]:  # noqa: ANN401
    return [rc.GraphNet(rc.GRU(3, 16), inner, 3, input_size=FEATURES)]


NOISY: dict[str, tuple[Callable[[], list[Any]], Topology]] = {
    "around trees": (
        lambda: [rc.Linear(2, 3), rc.Dropout(0.4), rc.Tree(rc.LSTM(3, 12)), rc.Dropout(0.3),
                 rc.Tree(rc.GRU(12, 3), direction="down")], FOREST
    ),
    "per tree": (
        lambda: [rc.Linear(2, 16), rc.Dropout(0.4, per_sequence=True), rc.Tree(rc.LSTM(16, 3))], FOREST
    ),
    "pooled": (
        lambda: [rc.Linear(2, 8), rc.Tree(rc.GRU(8, 12)), rc.Readout("mean"), rc.Dropout(0.3)], FOREST
    ),
    "stages": (
        lambda: [rc.GraphNet(rc.LSTM(3, 16, recurrent_dropout=0.3, zoneout=0.2), rc.Linear(16, 3), 3,
                             input_size=FEATURES), rc.Dropout(0.4)], WEB.graphs
    ),
    "MLP": (
        lambda: message(rc.MLP(16, 16, [rc.Dropout(0.5), rc.Tanh(), rc.Linear(16, 3)], edge_size=2)),
        WEB.graphs,
    ),
    "MLP for all rounds": (
        lambda: message(rc.MLP(16, 16, [rc.Dropout(0.5, per_sequence=True), rc.Linear(16, 3)])), WEB.graphs
    ),
}  # fmt: skip
EDGE_NET = (
    lambda: message(rc.EdgeNet(16, 3, 2, [rc.Linear(2, 8), rc.Dropout(0.5)])),
    WEB.graphs,
)


def check_noise(make: Callable[[], list[Any]], topology: Topology) -> None:
    """The same bits for one number of threads, the same masks for others, and a gradient that knows them."""
    net = network(*make())
    x = one_of(1, topology, net.input_size)
    target = np.ones_like(net(x, topology))

    def learn(seed: int, training: bool = True) -> tuple[float, Array]:
        return net.loss_and_gradient(x, target, topology=topology, training=training, seed=seed)

    found = []
    for threads in (1, 1, 2, 3):
        rc.set_num_threads(threads)
        found.append(learn(3))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])
    for loss, gradient in found[2:]:
        assert_close(loss, found[0][0])
        assert_close(gradient, found[0][1], (1e-11, 1e-14))
    assert len({learn(seed)[0] for seed in range(4)} | {learn(3, training=False)[0]}) == 5
    for at in np.random.default_rng(0).choice(net.flat.size, 20, replace=False):
        values = []
        for step in (1e-5, -2e-5):
            net.flat[at] += step
            values.append(learn(3)[0])
        net.flat[at] += 1e-5
        assert_close(found[0][1][at], (values[0] - values[1]) / 2e-5, (1e-5, 1e-8), f"at {at}")


@pytest.mark.parametrize("name", NOISY)
def test_noise(name: str) -> None:
    check_noise(*NOISY[name])


def test_noise_in_the_net_of_an_edge_net() -> None:
    check_noise(*EDGE_NET)


@pytest.mark.parametrize("per_tree", [False, True])
def test_a_mask_for_each_node_or_each_tree(per_tree: bool) -> None:
    """Seen in the gradient of a layer of ones, whose outputs are masked and added up."""
    rates = []
    for topology, owner in ((FOREST, FOREST.tree_of), (WEB.graphs, WEB.graphs.graph_of)):
        nodes, units = topology.num_nodes, 40
        net = network(
            rc.Linear(nodes, units, bias=False), rc.Dropout(0.5, per_sequence=per_tree), rc.Readout("sum")
        )
        net.flat[:] = 1
        target = np.zeros((len(topology.sizes), units))
        _, gradient = net.loss_and_gradient(np.eye(nodes), target, topology=topology, training=True, seed=1)
        masks = gradient.reshape(units, nodes).T != 0  # a column of W belongs to each node
        groups = [masks[owner == g] for g in range(len(topology.sizes)) if topology.sizes[g] > 1]
        assert all((group == group[0]).all() == per_tree for group in groups)
        assert len({group[0].tobytes() for group in groups}) == len(groups)
        rates.append(masks.mean())
    assert_close(rates, [0.5, 0.5], (0, 0.15))


TREES: dict[str, Callable[[], list[Any]]] = {
    "child-sum": lambda: [rc.Tree(rc.LSTM(3, 9)), rc.Tree(rc.GRU(9, 4), direction="down")],
    "N-ary": lambda: [rc.Tree(rc.LSTM(3, 4, learned_initial_state=True), 3), rc.Readout("max")],
    "tensor": lambda: [rc.Tree(rc.Elman(3, 4), 3, bilinear=True), rc.Readout("gated", 2)],
}


@pytest.mark.parametrize("name", [*TREES, *NETS])
def test_nothing_stays_of_an_earlier_topology(name: str) -> None:
    """Large and small ones in turn give the bits of a network that saw nothing before."""
    make = TREES.get(name) or NETS[name]
    used = network(*make())
    for seed, size in enumerate((1, 90, 3, 40, 2, 130, 1)):
        if name in TREES:
            above = random_parents(size, seed, children=3)
            topology: Topology = rc.Forest(above, random_slots(above, 3, seed))
            x = one_of(seed, topology, 3)
        else:
            topology = random_web([size, 0, 2] if seed % 2 else [size], 1.6, seed).graphs
            x = drawn_x(topology.num_nodes)
        fresh = network(*make())
        y = used(x, topology)
        assert np.array_equal(y, fresh(x, topology))
        target = np.ones_like(y)
        loss, gradient = used.loss_and_gradient(x, target, topology=topology)
        expected, slope = fresh.loss_and_gradient(x, target, topology=topology)
        assert loss == expected
        assert np.array_equal(gradient, slope)


def test_one_network_over_trees_and_graphs_in_turn() -> None:

    def make() -> rc.Network:
        return network(rc.Linear(3, 4), rc.Readout("gated", 2))

    used, web = make(), random_web([50, 30])
    for topology in (FOREST, web.graphs, FOREST, rc.Graphs([], [], [80])):
        x = one_of(1, topology, 3)
        assert np.array_equal(used(x, topology), make()(x, topology))


def test_python_threads_share_a_network_and_a_forest() -> None:
    """The way down is made when it is first asked for."""
    rc.set_num_threads(1)

    def make() -> rc.Network:
        return network(rc.Tree(rc.LSTM(3, 8)), rc.Tree(rc.GRU(8, 8), direction="down"))

    net = make()
    for seed in range(5):
        forest = rc.Forest(random_parents(200, seed))
        x = one_of(seed, forest, 3)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _, x=x, forest=forest: net(x, forest), range(8)))
        expected = make()(x, forest)
        assert all(np.array_equal(y, expected) for y in found)
