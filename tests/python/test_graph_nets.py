"""Identities over graphs, for every cell: rounds are steps, numbers do not matter, a batch is its graphs."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_cases import CELLS, REQUIRED, STAGES, UNITS, admits
from cell_references import parse
from graph_networks import FEATURES, MESSAGE, NETS, ROUNDS, drawn_x
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import Array, assert_close
from topology_cases import Web, carrying, network, random_web, webs

FEW = settings(max_examples=8)
# What leaves them is made of their state, so that features cannot be its beginning.
READ_OUT = ("ELSTM", "SRU")


def cell(name: str, inputs: int, **stages: Any) -> Any:  # noqa: ANN401
    type_name, variant = parse(name)
    return getattr(rc, type_name)(inputs, UNITS, **(REQUIRED.get(type_name, {}) | variant | stages))


def width(name: str, **stages: Any) -> int:  # noqa: ANN401
    """Features that leave the cell."""
    return rc.Network([cell(name, 3, **stages)]).output_size


def mean_of(arriving: Array, web: Web) -> Array:
    """What each node hears of the messages along the edges."""
    heard = np.zeros((web.nodes, arriving.shape[1]))
    np.add.at(heard, web.target, arriving)
    return heard / np.maximum(np.bincount(web.target, minlength=web.nodes), 1)[:, None]


def by_steps(net: rc.Network, made: Any, web: Web, x: Array, features: str) -> Array:  # noqa: ANN401
    """The rounds as steps of a network over sequences, one for each node, with messages made in between."""
    step = network(made)
    own = {name.removeprefix("0.cell."): v for name, v in net.parameters.items() if "0.cell." in name}
    for name, values in step.parameters.items():
        values[:] = own[name.removeprefix("0.")]
    state = step.initial_state(web.nodes)
    parts = [state[key] for key in state]
    if features == "state":
        for column in range(x.shape[1]):  # the blocks one behind the other
            part = next(k for k in range(len(parts)) if column < sum(p.shape[1] for p in parts[: k + 1]))
            parts[part][:, column - sum(p.shape[1] for p in parts[:part])] = x[:, column]
    weight, bias = net.parameters["0.message.weight"], net.parameters["0.message.bias"]
    columns = [p[:, : weight.shape[1]] for p in parts]
    h = np.concatenate(columns, axis=1)[:, : weight.shape[1]]
    for _ in range(ROUNDS):
        heard = mean_of((h[web.source] @ weight.T + bias) * web.weights[:, None], web)
        read = heard if features == "state" else np.concatenate([heard, x], axis=1)
        y, state = step(read[:, None], state=state, return_state=True)
        h = y[:, 0]
    return h


@pytest.mark.parametrize("features", ["state", "input"])
@pytest.mark.parametrize("name", CELLS)
@FEW
@given(web=webs())
def test_rounds_are_steps_of_the_cell(name: str, features: str, web: Web) -> None:
    joins = features == "input"
    made, outputs = cell(name, MESSAGE + FEATURES * joins), width(name)
    message = rc.Linear(outputs, MESSAGE)
    told: dict[str, Any] = {} if joins else {"input_size": FEATURES}
    layer = rc.GraphNet(made, message, ROUNDS, "mean", features=features, **told)
    if name in READ_OUT and not joins:
        with pytest.raises(ValueError, match=r"does not carry its output .*, expected features = 'input'"):
            rc.Network([layer])
        return
    x = drawn_x(web.nodes)
    net = network(layer)
    assert_close(net(x, web.graphs), by_steps(net, made, web, x, features), (1e-11, 1e-13))


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        (name, stage)
        for name in ("LSTM", "GRU(reset=after)", "SLSTM")
        for stage in STAGES
        if admits(name, STAGES[stage]) and stage != "recurrent_dropout"
    ],
)
@settings(max_examples=3)
@given(web=webs())
def test_stages_are_steps_too(name: str, stage: str, web: Web) -> None:
    made = cell(name, MESSAGE + FEATURES, **STAGES[stage])
    message = rc.Linear(width(name, **STAGES[stage]), MESSAGE)
    net = network(rc.GraphNet(made, message, ROUNDS, "mean", features="input"))
    x = drawn_x(web.nodes)
    assert_close(net(x, web.graphs), by_steps(net, made, web, x, "input"), (1e-11, 1e-13))


def pools(net: rc.Network) -> bool:
    return "Readout" in repr(net)


def draw_target(net: rc.Network, rows: int) -> Array:
    return np.random.default_rng(3).normal(size=(rows, net.output_size))


@pytest.mark.parametrize("name", NETS)
@FEW
@given(web=webs(), data=st.data())
def test_numbers_of_nodes_and_edges_do_not_matter(name: str, web: Web, data: st.DataObject) -> None:
    net = network(*NETS[name]())
    number, first = [], 0
    for size in web.sizes:
        number += [first + v for v in data.draw(st.permutations(range(size)))]
        first += size
    place, order = np.array(number, int), np.array(data.draw(st.permutations(range(len(web.source)))), int)
    moved = Web(
        web.sizes,
        place[web.source[order]],
        place[web.target[order]],
        web.features[order],
        web.types[order],
        web.weights[order],
    )
    back, x = np.argsort(place), drawn_x(web.nodes)
    y, other = net(x, web.graphs), net(x[back], moved.graphs)
    rows = np.arange(len(y)) if pools(net) else back
    assert_close(other, y[rows], (1e-10, 1e-12))
    target = draw_target(net, len(y))
    loss, gradient = net.loss_and_gradient(x, target, topology=web.graphs)
    again, slope = net.loss_and_gradient(x[back], target[rows], topology=moved.graphs)
    assert_close(again, loss, (1e-10, 1e-12))
    assert_close(slope, gradient, (1e-10, 1e-12))


@pytest.mark.parametrize("name", NETS)
@FEW
@given(web=webs())
def test_a_batch_is_its_graphs_one_by_one(name: str, web: Web) -> None:
    net = network(*NETS[name]())
    graphs, x = web.graphs, drawn_x(web.nodes)
    y = net(x, graphs)
    target, total, summed = draw_target(net, len(y)), 0.0, np.zeros(net.flat.size)
    loss, gradient = net.loss_and_gradient(x, target, topology=graphs)
    counted = 0
    for g, size in enumerate(web.sizes):
        nodes = graphs.nodes([g])
        rows = np.array([g]) if pools(net) else nodes
        if size == 0:
            with pytest.raises(ValueError, match=r"topology is Graphs\(1 graphs, 0 nodes.*at least one node"):
                net(x[nodes], graphs.take([g]))
            if not pools(net):
                continue
            # Its zeros go through what comes behind the readout; a graph beside it makes a batch of it.
            pair = [g, int(np.argmax(web.sizes))]
            both, beside = graphs.take(pair), np.array(pair)
            assert_close(net(x[graphs.nodes(pair)], both), y[beside])
            continue
        assert_close(net(x[nodes], graphs.take([g])), y[rows], (1e-11, 1e-13))
        part, slope = net.loss_and_gradient(x[nodes], target[rows], topology=graphs.take([g]))
        total, summed, counted = total + len(rows) * part, summed + len(rows) * slope, counted + len(rows)
    assert_close(loss, total / counted, (1e-11, 1e-13))
    assert_close(gradient, summed / counted, (1e-10, 1e-12))


@pytest.mark.parametrize("name", ["GRU(reset=after)", "GRU(reset=before)", "Elman", "MinGRU", "IndRNN"])
@FEW
@given(web=webs())
def test_rounds_are_layers_with_tied_parameters(name: str, web: Web) -> None:
    """Where the state is what leaves. The gradient is the sum of those of the layers."""
    layers = [rc.GraphNet(cell(name, MESSAGE), rc.Linear(UNITS, MESSAGE), rounds) for rounds in (3, 1, 1, 1)]
    once, deep = network(layers[0]), network(*layers[1:])
    for key, values in deep.parameters.items():
        values[:] = once.parameters["0" + key[1:]]
    x, target = drawn_x(web.nodes, UNITS), drawn_x(web.nodes, UNITS)[::-1].copy()
    assert_close(deep(x, web.graphs), once(x, web.graphs))
    loss, gradient = once.loss_and_gradient(x, target, topology=web.graphs)
    other, parts = deep.loss_and_gradient(x, target, topology=web.graphs)
    assert_close(other, loss)
    assert_close(parts.reshape(3, -1).sum(axis=0), gradient, (1e-11, 1e-13))
    for key in ("0.cell.weight_ih", "0.message.weight"):
        deep.tie(key, *(f"{k}{key[1:]}" for k in (1, 2)))
    first = deep.loss_and_gradient(x, target, topology=web.graphs)[1][
        : once.parameters["0.cell.weight_ih"].size
    ]
    assert_close(first, gradient[: first.size], (1e-11, 1e-13))


def test_on_a_directed_path_a_round_is_a_step_of_a_gru() -> None:
    """h_v' = GRU(A h_{v-1}, h_v)."""
    web = carrying([6], [(v, v + 1) for v in range(5)])
    web.weights[:] = 1
    net = network(rc.GraphNet(rc.GRU(UNITS, UNITS), rc.Linear(UNITS, UNITS, bias=False), 1))
    gru = network(rc.GRU(UNITS, UNITS))
    gru.flat[:] = net.flat[: gru.flat.size]
    x = drawn_x(6, UNITS)
    heard = np.concatenate([np.zeros((1, UNITS)), x[:-1] @ net.parameters["0.message.weight"].T])
    state = gru.initial_state(6)
    state["0.h"][:] = x
    assert_close(net(x, web.graphs), gru(heard[:, None], state=state)[:, 0])


def test_an_aggregate_of_equal_messages() -> None:
    """Three edges bring the message three times, unless a mean or maximum is taken."""
    x = drawn_x(2, UNITS)

    def output(how: str, edges: int, weight: float = 1.0) -> Array:
        web = carrying([2], [(0, 1)] * edges)
        web.weights[:] = weight
        net = network(rc.GraphNet(rc.GRU(MESSAGE, UNITS), rc.Linear(UNITS, MESSAGE), 1, how))
        return net(x, web.graphs)

    assert_close(output("mean", 3), output("mean", 1))
    assert_close(output("max", 3), output("max", 1))
    assert_close(output("sum", 3), output("sum", 1, 3.0))
    assert np.abs(output("sum", 3) - output("sum", 1))[1].max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_messages(dtype: str) -> None:
    """Widths beyond a register, more rows than a product takes at once."""
    web = random_web([150, 60], 3)
    layers = [rc.GraphNet(rc.LSTM(19, 37), rc.Linear(37, 19), ROUNDS, "mean", input_size=FEATURES)]
    net = rc.Network(layers, dtype=dtype, seed=4)
    x = drawn_x(web.nodes).astype(dtype)
    exact = rc.Network(layers, dtype="float64")
    exact.flat[:] = net.flat
    x64 = x.astype("float64")
    expected = by_steps(exact, rc.LSTM(19, 37), web, x64, "state")
    close = (2e-5, 2e-6) if dtype == "float32" else (1e-11, 1e-13)
    assert_close(net(x, web.graphs), expected, close)
