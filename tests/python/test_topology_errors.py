"""What does not fit trees and graphs is refused by an error that says so, and changes nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import refused
from topology_cases import network

FOREST, GRAPHS = rc.Forest([1, -1, 1, -1]), rc.Graphs([0], [1], [2, 2])
X, Y = np.random.default_rng(0).normal(size=(4, 3)), np.zeros((4, 3))
SEQUENCES = X[None].copy()
NETS: dict[str, Callable[[], rc.Network]] = {
    "tree": lambda: network(rc.Tree(rc.LSTM(3, 3))),
    "binary": lambda: network(rc.Tree(rc.LSTM(3, 3), 1)),
    "graph": lambda: network(rc.GraphNet(rc.GRU(3, 3), rc.Linear(3, 3), 2)),
    "sequence": lambda: network(rc.LSTM(3, 3)),
    "pooled": lambda: network(rc.Tree(rc.GRU(3, 4)), rc.Readout("sum"), rc.Linear(4, 3)),
    "either": lambda: network(rc.Linear(3, 3), rc.Readout("mean")),
    "root": lambda: network(rc.Linear(3, 3), rc.Readout("root")),
    "ids": lambda: network(rc.Embedding(5, 3), rc.Tree(rc.GRU(3, 3))),
    "types": lambda: network(rc.GraphNet(rc.GRU(3, 3), rc.ByType(3, 3, 2), 1)),
    "edges": lambda: network(rc.GraphNet(rc.GRU(3, 3), rc.EdgeNet(3, 3, 2), 1)),
    "mlp": lambda: network(rc.GraphNet(rc.GRU(3, 3), rc.MLP(3, 3, rc.Tanh(), edge_size=2), 1)),
}
Case = tuple[str, Callable[[rc.Network], object], type[Exception], tuple[str, ...]]


def typed(edge_types: list[int]) -> rc.Graphs:
    return rc.Graphs([0], [1], [2, 2], edge_types=edge_types)


STATE = network(rc.LSTM(3, 3)).initial_state()
HUGE = X.copy()
HUGE[2, 1] = np.inf
CALLS: dict[str, Case] = {
    "no topology": ("tree", lambda n: n(X), ValueError, ("topology is None", "expected a Forest")),
    "graphs for trees": ("tree", lambda n: n(X, GRAPHS), ValueError, ("Graphs(2 graphs", "a Forest")),
    "trees for graphs": ("graph", lambda n: n(X, FOREST), ValueError, ("Forest(2 trees", "expected Graphs")),
    "trees for sequences": ("sequence", lambda n: n(X, FOREST), ValueError, ("expected None", "sequences")),
    "graphs for roots": ("root", lambda n: n(X, GRAPHS), ValueError, ("expected a Forest",)),
    "neither": ("either", lambda n: n(X), ValueError, ("topology is None", "a Forest or Graphs")),
    "parents": (
        "tree", lambda n: n(X, [1, -1, 1, -1]),  # type: ignore[call-overload]
        TypeError, ("topology is a list", "recurra.Forest")
    ),
    "several roots": (
        "root", lambda n: n(X[:3], rc.Forest.from_edges([0, 0], [1, 2], 3)), ValueError,
        ("Readout", "more than one root", "expected one")
    ),
    "slot": ("binary", lambda n: n(X, FOREST), ValueError, ("Tree: node 1 reads from slot 1", "0 .. 0")),
    "lengths": ("tree", lambda n: n(X, FOREST, lengths=[4]), ValueError, ("lengths is given", "None")),
    "teacher": ("tree", lambda n: n(X, FOREST, teacher=X), ValueError, ("teacher is given", "None")),
    "targets": ("tree", lambda n: n(X, FOREST, target_lengths=[1]), ValueError, ("target_lengths is given",)),
    "state": ("tree", lambda n: n(X, FOREST, state=STATE), ValueError, ("state is given", "initial state")),
    "last": ("graph", lambda n: n(X, GRAPHS, return_state=True), ValueError, ("return_state is given",)),
    "nothing": ("tree", lambda n: n(None, FOREST), TypeError, ("x is None", "(nodes, features)")),
    "batch": ("tree", lambda n: n(SEQUENCES, FOREST), ValueError, ("(1, 4, 3)", "features) = (4, 3)")),
    "rows": ("graph", lambda n: n(X[:3], GRAPHS), ValueError, ("(3, 3)", "(nodes, features) = (4, 3)")),
    "columns": ("tree", lambda n: n(X[:, :2].copy(), FOREST), ValueError, ("(4, 2)", "= (4, 3)")),
    "integers": ("tree", lambda n: n(np.ones((4, 3), int), FOREST), TypeError, ("x", "int64", "float64")),
    "list": ("tree", lambda n: n([X, X[:2]], FOREST), ValueError, ("x",)),
    "infinite": ("tree", lambda n: n(HUGE, FOREST), ValueError, ("inf", "node 2, feature 1", "finite")),
    "infinite, graph": ("graph", lambda n: n(HUGE, GRAPHS), ValueError, ("inf", "node 2, feature 1")),
    "empty": ("tree", lambda n: n(X[:0], rc.Forest([])), ValueError, ("0 nodes", "at least one node")),
    "no node": ("graph", lambda n: n(X[:0], rc.Graphs([], [], [0, 0])), ValueError, ("0 nodes", "at least")),
    "id": ("ids", lambda n: n([0, 1, 5, 0], FOREST), ValueError, ("class id 5", "node 2", "0 .. 4")),
    "no ids": ("ids", lambda n: n(X, FOREST), TypeError, ("x", "float64", "integers")),
    "id rows": ("ids", lambda n: n([0, 1, 2], FOREST), ValueError, ("(3,)", "(nodes,) = (4,)")),
    "no types": ("types", lambda n: n(X, GRAPHS), ValueError, ("edges have no types", "0 .. 1", "ByType")),
    "far type": ("types", lambda n: n(X, typed([2])), ValueError, ("edges have type 2", "expected 0 .. 1")),
    "no features": ("edges", lambda n: n(X, GRAPHS), ValueError, ("edges have 0 features", "expected 2")),
    "features": (
        "mlp", lambda n: n(X, rc.Graphs([0], [1], 4, [[1.0]])), ValueError, ("have 1 features", "expected 2")
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_calls(case: str) -> None:
    name, run, error, words = CALLS[case]
    net = NETS[name]()
    with refused(error, *words, network=net):
        run(net)


def changed(value: float) -> Any:  # noqa: ANN401
    y = Y.copy()
    y[3, 1] = value
    return y


def loss(*arguments: Any, **options: Any) -> Callable[[rc.Network], object]:  # noqa: ANN401
    return lambda net: net.loss_and_gradient(X, *arguments, **{"topology": FOREST, **options})


def fit(x: Any = X, y: Any = Y, **options: Any) -> Callable[[rc.Network], object]:  # noqa: ANN401
    return lambda net: rc.fit(net, x, y, **{"topology": FOREST, "progress": False, "epochs": 2, **options})


def evaluated(x: Any = X, y: Any = Y, **options: Any) -> Callable[[rc.Network], object]:  # noqa: ANN401
    return lambda net: rc.evaluate(net, x, y, **{"topology": FOREST, **options})


LEARNING: dict[str, Case] = {
    "target rows": ("tree", loss(Y[:3]), ValueError, ("target", "(3, 3)", "(nodes, output) = (4, 3)")),
    "one per tree": ("tree", loss(Y[:2]), ValueError, ("(2, 3)", "(nodes, output) = (4, 3)")),
    "one per node": ("pooled", loss(Y), ValueError, ("(4, 3)", "(trees, output) = (2, 3)")),
    "classes": ("tree", loss([0, 1, 3, 0], "cross_entropy"), ValueError, ("class id 3", "node 2", "0 .. 2")),
    "tree classes": ("pooled", loss([0, 9], "cross_entropy"), ValueError, ("class id 9", "0 .. 2")),
    "nan": ("tree", loss(changed(np.nan)), ValueError, ("target", "nan", "node 3, feature 1")),
    "mask": ("tree", loss(Y, mask=[True]), ValueError, ("mask", "(1,)", "(4,)")),
    "tree mask": ("pooled", loss(Y[:2], mask=[True] * 4), ValueError, ("mask", "(4,)", "(2,)")),
    "mask kind": ("tree", loss(Y, mask=[1.0] * 4), TypeError, ("mask", "float64")),
    "window": ("tree", loss(Y, rule=rc.BPTT(window=1)), ValueError, ("window", "none with trees")),
    "online rule": ("tree", loss(Y, rule=rc.RTRL()), ValueError, ("runs over trees", "sequences")),
    "sampling": ("tree", loss(Y, sampling=0.5), ValueError, ("sampling is 0.5", "teacher")),
    "state of a loss": ("tree", loss(Y, return_state=True), ValueError, ("return_state is given",)),
    "wrong kind": ("tree", loss(Y, topology=GRAPHS), ValueError, ("Graphs(2 graphs", "a Forest")),
    "fit without": ("tree", fit(topology=None), ValueError, ("topology is None", "a Forest")),
    "fit with the other": ("tree", fit(topology=GRAPHS), ValueError, ("Graphs(2 graphs", "a Forest")),
    "fit text": ("tree", fit(topology="forest"), TypeError, ("topology is a str", "recurra.Forest")),
    "fit sequences": ("sequence", fit(SEQUENCES, Y[None].copy()), ValueError, ("expected None", "sequences")),
    "fit lengths": ("tree", fit(lengths=[4]), ValueError, ("lengths is given", "None")),
    "fit teacher": ("tree", fit(teacher=True), ValueError, ("teacher is given", "None")),
    "fit targets": ("tree", fit(target_lengths=[4]), ValueError, ("target_lengths is given", "None")),
    "fit lists": ("tree", fit([X, X], [Y, Y]), ValueError, ("x has shape (2, 4, 3)", "= (4, 3)")),
    "fit nothing": ("tree", fit(None), TypeError, ("x is None", "(nodes, features)")),
    "fit window": ("tree", fit(rule=rc.BPTT(window=1)), ValueError, ("window", "none with trees")),
    "fit stateful": (
        "tree", fit(stateful=True, shuffle=False, batch_size=1), ValueError, ("runs over trees", "sequences")
    ),
    "fit rows": ("tree", fit(y=Y[:2]), ValueError, ("y has shape (2, 3)", "(nodes, output) = (4, 3)")),
    "fit late": ("tree", fit(y=changed(np.inf), batch_size=1), ValueError, ("inf", "node 3, feature 1")),
    "fit late x": ("tree", fit(HUGE, batch_size=1, shuffle=False), ValueError, ("x", "inf", "node 2")),
    "two entries": ("tree", fit(validation=(X, Y)), ValueError, ("2 entries", "(x, y, topology)")),
    "no validation": ("tree", fit(validation=(X, Y, None)), ValueError, ("validation: topology is None",)),
    "validation kind": ("tree", fit(validation=(X, Y, GRAPHS)), ValueError, ("validation: topology is Gr",)),
    "validation y": ("tree", fit(validation=(X, Y[:1], FOREST)), ValueError, ("validation: y has", "(1, 3)")),
    "fraction": ("tree", fit(validation=0.1), ValueError, ("0.1 of 2 trees", "at least one on each side")),
    "whole": ("graph", fit(validation=0.9, topology=GRAPHS), ValueError, ("0.9 of 2 graphs", "at least one")),
    "evaluate": ("tree", evaluated(y=Y[:1]), ValueError, ("y has shape (1, 3)", "(4, 3)")),
    "evaluate kind": ("graph", evaluated(), ValueError, ("Forest(2 trees", "expected Graphs")),
    "evaluate stateful": ("tree", evaluated(stateful=True), ValueError, ("runs over trees", "sequences")),
    "evaluate lengths": ("tree", evaluated(lengths=[4]), ValueError, ("lengths is given", "None")),
    "stream": ("tree", lambda n: n.stream(), ValueError, ("Stream", "runs over trees", "sequences")),
    "stream of graphs": ("graph", lambda n: n.stream(2), ValueError, ("Stream", "runs over graphs")),
    "stream of either": ("either", lambda n: n.stream(), ValueError, ("Stream", "trees or graphs")),
    "Online": ("tree", lambda n: rc.Online(n), ValueError, ("Online", "runs over trees", "sequences")),
    "Online of graphs": ("graph", lambda n: rc.Online(n), ValueError, ("Online", "runs over graphs")),
    "forecast": ("tree", lambda n: n.forecast(X, 2), ValueError, ("forecast", "runs over trees")),
    "forecast of graphs": ("graph", lambda n: n.forecast(X, 2), ValueError, ("forecast", "graphs")),
    "diagnosis": ("tree", lambda n: rc.Diagnosis(n, X), ValueError, ("runs over trees",)),
    "diagnosis of graphs": ("graph", lambda n: rc.Diagnosis(n, X), ValueError, ("runs over graphs",)),
    "decode": ("tree", lambda n: n.decode(X), ValueError, ("decode", "EncoderDecoder")),
}  # fmt: skip


@pytest.mark.parametrize("case", LEARNING)
def test_learning(case: str) -> None:
    name, run, error, words = LEARNING[case]
    net = NETS[name]()
    with refused(error, *words, network=net):
        run(net)


@pytest.mark.parametrize("name", ["tree", "graph", "pooled"])
def test_a_loss_that_is_not_finite(name: str) -> None:
    net = NETS[name]()
    topology = GRAPHS if name == "graph" else FOREST
    target = Y[:2] if name == "pooled" else Y
    net.parameters[list(net.parameters)[-1]][:] = np.nan
    with refused(OverflowError, "loss is", "finite", network=net):
        net.loss_and_gradient(X, target, topology=topology)
    with refused(OverflowError, "finite", network=net):
        rc.fit(net, X, target, topology=topology, progress=False)


def test_layers_without_a_kind_run_over_everything() -> None:
    net = network(rc.Linear(3, 4), rc.Tanh())
    y = net(X)
    assert np.array_equal(net(X, FOREST), y)
    assert np.array_equal(net(X, GRAPHS), y)
    either = NETS["either"]()
    assert np.array_equal(either(X, rc.Forest([1, -1, 3, -1])), either(X, GRAPHS))


LINEAR, GRU = rc.Linear, rc.GRU
LAYERS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no cell": (lambda: rc.Tree(LINEAR(3, 4)), ValueError, r"0 \(Linear\) is no cell as '.*', expected"),  # type: ignore[arg-type]
    "no layer": (lambda: rc.Tree("LSTM"), TypeError, "Tree: layer 0 inside is a str"),  # type: ignore[arg-type]
    "arity": (lambda: rc.Tree(GRU(3, 4), 0), ValueError, "Tree: arity is 0, expected at least 1"),
    "float arity": (lambda: rc.Tree(GRU(3, 4), 1.5), TypeError, "arity is 1.5, expected an integer"),  # type: ignore[arg-type]
    "huge arity": (
        lambda: rc.Tree(GRU(3, 4), 257), ValueError, "has arity = 257, expected at most 256"
    ),
    "direction": (lambda: rc.Tree(GRU(3, 4), direction="left"), ValueError, "'left', expected 'up' or"),
    "bilinear": (lambda: rc.Tree(GRU(3, 4), bilinear=1), TypeError, "bilinear is 1, expected True or False"),  # type: ignore[arg-type]
    "nothing fed": (lambda: rc.Tree(rc.IndRNN(3, 4), bilinear=True), ValueError, "is bilinear, but no gate"),
    "stages": (lambda: rc.Tree(rc.LSTM(3, 4, layer_norm=True)), ValueError, "has layer normalisation"),
    "noise": (lambda: rc.Tree(rc.LSTM(3, 4, recurrent_dropout=0.1)), ValueError, "recurrent dropout"),
    "heads": (lambda: rc.Tree(rc.LSTM(3, 4, heads=2), 2), ValueError, "has heads, expected none"),
    "pool": (lambda: rc.Readout("min"), ValueError, "pool is 'min', expected 'sum' or"),
    "size": (lambda: rc.Readout("sum", 3), ValueError, "size is 3, expected None for pool 'sum'"),
    "first": (lambda: rc.Readout("sum"), ValueError, "needs a layer before it"),
    "alone": (lambda: rc.ByType(3, 4, 2), ValueError, "is a message, expected it inside a GraphNet"),
    "rounds": (lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 0), ValueError, "rounds is 0, expected at least"),
    "aggregation": (lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 1, "min"), ValueError, "is 'min', expected"),
    "features": (
        lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 1, features="both"), ValueError, "features is 'both'"
    ),
    "attention": (
        lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 1, "max", attention=True), ValueError, "expected 'sum'"
    ),
    "no message": (lambda: rc.GraphNet(GRU(3, 4), rc.Tanh(), 1), ValueError, "Tanh.* is no message"),  # type: ignore[arg-type]
    "text": (lambda: rc.GraphNet(GRU(3, 4), "sum", 1), TypeError, "layer 1 inside is a str"),  # type: ignore[arg-type]
    "state": (lambda: rc.GraphNet(GRU(3, 4), LINEAR(5, 3), 1), ValueError, "expects 5 features, got 4"),
    "message": (lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 2), 1), ValueError, "input_size = 3, expected .* 2"),
    "joined": (
        lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 1, features="input"), ValueError, "input_size = 3, expec"
    ),
    "too many": (lambda: rc.GraphNet(GRU(3, 4), LINEAR(4, 3), 1, input_size=5), ValueError, "5 features"),
    "learned": (
        lambda: rc.GraphNet(GRU(3, 4, learned_initial_state=True), LINEAR(4, 3), 1), ValueError,
        "learns its initial state, expected features = 'input'"
    ),
    "a cell in a message": (
        lambda: rc.GraphNet(GRU(3, 4), rc.MLP(4, 3, GRU(3, 3)), 1), ValueError, "take one edge at a time"
    ),
    "no net": (lambda: rc.GraphNet(GRU(3, 4), rc.MLP(4, 3, []), 1), ValueError, "has no layers inside"),
    "net": (lambda: rc.GraphNet(GRU(3, 4), rc.MLP(4, 3, LINEAR(4, 3)), 1), ValueError, "4 features, got 3"),
    "edge size": (lambda: rc.EdgeNet(4, 3, 0), ValueError, "EdgeNet: edge_size is 0, expected at least 1"),
    "no edge size": (lambda: rc.MLP(4, 3, rc.Tanh(), edge_size=-1), ValueError, "MLP: edge_size is -1"),
    "edge truth": (lambda: rc.MLP(4, 3, rc.Tanh(), edge_size=False), TypeError, "MLP: edge_size is False"),
    "mirrored": (lambda: rc.Bidirectional(rc.Tree(GRU(3, 4))), ValueError, "runs over trees, expected seq"),
    "fed back": (lambda: rc.Feedback([rc.Tree(GRU(6, 3))]), ValueError, "runs over trees, expected seq"),
}  # fmt: skip


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case: str) -> None:
    make, error, words = LAYERS[case]
    with pytest.raises(error, match=words):
        rc.Network([make()])


SERIES: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "sequences after trees": (lambda: [rc.Tree(GRU(3, 4)), GRU(4, 2)], "over sequences, got trees from"),
    "time after trees": (lambda: [rc.Tree(GRU(3, 4)), rc.Delay(1)], "over sequences, got trees from"),
    "pooled twice": (
        lambda: [LINEAR(3, 4), rc.Readout("sum"), rc.Readout("sum")], "got one vector for each from"
    ),
    "trees after pooling": (
        lambda: [rc.Tree(GRU(3, 4)), rc.Readout("sum"), rc.Tree(GRU(4, 4))], "got one vector for each from"
    ),
}  # fmt: skip
MISNAMED: dict[str, tuple[Callable[[], list[Any]], str]] = {
    "trees after sequences": (lambda: [GRU(3, 4), rc.Tree(GRU(4, 2))], "over trees, got sequences from"),
    "graphs after trees": (
        lambda: [rc.Tree(GRU(3, 4)), rc.GraphNet(GRU(4, 4), LINEAR(4, 4), 1)], "over graphs, got trees from"
    ),
    "trees after time": (
        lambda: [rc.Delay(1, input_size=2), rc.Tree(GRU(4, 2))], "over trees, got sequences from"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SERIES)
def test_series_of_layers(case: str) -> None:
    make, words = SERIES[case]
    with pytest.raises(ValueError, match=words):
        rc.Network(make())


@pytest.mark.parametrize("case", MISNAMED)
def test_the_message_names_both_kinds(case: str) -> None:
    make, words = MISNAMED[case]
    with pytest.raises(ValueError, match=words):
        rc.Network(make())


def test_input_size_goes_with_features_as_input() -> None:
    """It is documented for both."""
    told = rc.GraphNet(GRU(5, 4), LINEAR(4, 3), 1, features="input", input_size=2)
    assert rc.Network([told]).input_size == 2


def test_graphs_without_edges_need_no_features() -> None:
    """As they need no types."""
    none = rc.Graphs([], [], 4)
    assert NETS["types"]()(X, none).shape == (4, 3)
    assert NETS["edges"]()(X, none).shape == (4, 3)
