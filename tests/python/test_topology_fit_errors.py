"""What fits the first batches but not a later one, or not the validation, is refused before an update."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import refused
from topology_cases import network

X, Y = np.ones((5, 3)), np.zeros((5, 4))
GOOD, BAD = rc.Forest([1, -1, -1, -1, -1]), rc.Forest([1, -1, 4, 4, -1])
MANY = rc.Forest.from_edges([0, 2, 2], [1, 3, 4], 5)


def graphs(*edge_types: int) -> rc.Graphs:
    return rc.Graphs([0, 2], [1, 3], [2, 3], edge_types=edge_types)


def graph_net(message: Any) -> rc.Network:  # noqa: ANN401
    return network(rc.GraphNet(rc.GRU(3, 4), message, 1, input_size=3))


Case = tuple[Callable[[], rc.Network], Any, dict[str, Any], str]
CASES: dict[str, Case] = {
    "slot": (lambda: network(rc.Tree(rc.LSTM(3, 4), 1)), BAD, {}, "node 4 reads from slot 1"),
    "parents": (lambda: network(rc.Tree(rc.SRU(3, 4))), BAD, {}, "node 4 reads from 2 nodes"),
    "downwards": (
        lambda: network(rc.Tree(rc.SRU(3, 4), direction="down")), MANY, {}, "node 2 reads from 2 nodes"
    ),
    "validation slot": (
        lambda: network(rc.Tree(rc.LSTM(3, 4), 1)), GOOD, {"validation": (X, Y, BAD)}, "from slot 1"
    ),
    "roots": (lambda: network(rc.Linear(3, 4), rc.Readout("root")), MANY, {"y": Y[:2]}, "than one root"),
    "type": (lambda: graph_net(rc.ByType(4, 3, 2)), graphs(0, 7), {}, "have type 7"),
    "no types": (
        lambda: graph_net(rc.ByType(4, 3, 2)), rc.Graphs([2], [3], [2, 3]), {}, "edges have no types"
    ),
    "validation type": (
        lambda: graph_net(rc.ByType(4, 3, 2)), graphs(0, 1), {"validation": (X, Y, graphs(0, 7))}, "type 7"
    ),
    "a type in the fraction": (
        lambda: graph_net(rc.ByType(4, 3, 2)), graphs(0, 7), {"validation": 0.5}, "have type 7"
    ),
}  # fmt: skip


def run(case: str, **settings: Any) -> None:  # noqa: ANN401
    make, topology, options, words = CASES[case]
    net = make()
    given = {"y": Y, "shuffle": False, "progress": False, "epochs": 1, **options, **settings}
    with refused(ValueError, words, network=net):
        rc.fit(net, X, given.pop("y"), topology=topology, **given)


@pytest.mark.parametrize("case", [name for name in CASES if "validation" not in name and "frac" not in name])
def test_in_one_batch(case: str) -> None:
    run(case)


@pytest.mark.parametrize("case", CASES)
def test_in_a_later_batch_or_the_validation(case: str) -> None:
    run(case, batch_size=1)


@pytest.mark.parametrize(
    "message", [lambda: rc.EdgeNet(4, 3, 2), lambda: rc.MLP(4, 3, rc.Tanh(), edge_size=2)]
)
def test_missing_features_are_missed_at_once(message: Callable[[], Any]) -> None:
    net = graph_net(message())
    with refused(ValueError, "edges have 0 features", "expected 2", network=net):
        rc.fit(net, X, Y, topology=rc.Graphs([2], [3], [2, 3]), batch_size=1, shuffle=False, progress=False)


def test_the_node_is_named_whatever_the_threads() -> None:
    """Many trees, of which the last does not fit."""
    above = np.r_[np.full(202, -1), [204, 204, -1]]
    net = network(rc.Tree(rc.LSTM(3, 32), 1))
    rc.set_num_threads(2)
    with refused(ValueError, "node 204 reads from slot 1", network=net):
        net(np.ones((len(above), 3)), rc.Forest(above))
