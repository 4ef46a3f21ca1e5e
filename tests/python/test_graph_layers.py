"""Graph networks are their transcriptions and PyTorch Geometric's layers: outputs and gradients."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import recurra as rc
from hypothesis import given, settings
from problems import Array, assert_close
from reference_terms import inner
from topology_cases import Web, carrying, network, random_web, webs

torch = pytest.importorskip("torch")

import message_references as ref  # noqa: E402
from graph_references import biases, edge_index, edge_network, gated_graph, layers  # noqa: E402
from tree_references import differentiated  # noqa: E402

FEATURES, UNITS, MESSAGE, ROUNDS, CLOSE = 3, 4, 3, 3, (1e-10, 1e-12)


def run(
    net: rc.Network, web: Web, theirs: Callable[[Any, Any], Any], rows: int | None = None
) -> tuple[Array, Mapping[str, Array]]:
    """Compares outputs, loss and gradient; `theirs` is given our parameters and the nodes' features."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(web.nodes, net.input_size))
    target = rng.normal(size=(web.nodes if rows is None else rows, net.output_size))
    parameters = {name: np.array(values) for name, values in net.parameters.items()}
    h, loss, gradient = differentiated(theirs, parameters, x, target)
    assert_close(net(x, web.graphs), h, CLOSE)
    found, slope = net.loss_and_gradient(x, target, topology=web.graphs)
    assert_close(found, loss, CLOSE)
    assert_close(slope, gradient, CLOSE)
    return x, parameters


def two_layers(p: Any, e: Any) -> Any:  # noqa: ANN401
    return torch.tanh(e @ p["0.weight"].T + p["0.bias"]) @ p["2.weight"].T + p["2.bias"]


MESSAGES: dict[str, tuple[Callable[[], Any], ref.Function]] = {
    "Linear": (lambda: rc.Linear(UNITS, MESSAGE), ref.affine),
    "Linear without bias": (lambda: rc.Linear(UNITS, MESSAGE, bias=False), ref.affine),
    "ByType": (lambda: rc.ByType(UNITS, MESSAGE, 4), ref.by_type),
    "ByType without bias": (lambda: rc.ByType(UNITS, MESSAGE, 3, bias=False), ref.by_type),
    "EdgeNet": (lambda: rc.EdgeNet(UNITS, MESSAGE, 2), ref.edge_net(lambda _, e: e)),
    "EdgeNet with a net": (
        lambda: rc.EdgeNet(UNITS, MESSAGE, 2, [rc.Linear(2, 5), rc.Tanh(), rc.Linear(5, 3)]),
        ref.edge_net(two_layers),
    ),
    "MLP": (
        lambda: rc.MLP(UNITS, 5, [rc.Relu(), rc.Linear(5, MESSAGE)], edge_size=2),
        ref.mlp(lambda p, a: torch.relu(a) @ p["1.weight"].T + p["1.bias"]),
    ),
    "MLP without edges": (
        lambda: rc.MLP(UNITS, 5, [rc.Linear(5, 4), rc.Tanh(), rc.Linear(4, MESSAGE)]), ref.mlp(two_layers)
    ),
    "MLP of one layer": (lambda: rc.MLP(UNITS, MESSAGE, rc.Tanh()), ref.mlp(lambda _, a: torch.tanh(a))),
}  # fmt: skip


def beneath(theirs: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """With a Linear first, whose gradient is that of the nodes' features."""
    return lambda p, x: theirs(inner(p, "1."), x @ p["0.weight"].T + p["0.bias"])


@pytest.mark.parametrize("features", ["state", "input"])
@pytest.mark.parametrize("aggregation", ["sum", "mean", "max", "attention"])
@pytest.mark.parametrize("message", MESSAGES)
@settings(max_examples=4)
@given(web=webs())
def test_messages(message: str, aggregation: str, features: str, web: Web) -> None:
    make, function = MESSAGES[message]
    attends = aggregation == "attention"
    how = "sum" if attends else aggregation
    cell = rc.GRU(MESSAGE + (FEATURES if features == "input" else 0), UNITS)
    made = rc.GraphNet(cell, make(), ROUNDS, how, features=features, attention=attends)
    net = network(rc.Linear(2, FEATURES), made)
    run(net, web, beneath(lambda p, x: ref.graph_net(p, x, web, function, ROUNDS, how, features, attends)))


@pytest.mark.parametrize("message", [name for name in MESSAGES if "MLP" not in name])
@pytest.mark.parametrize("aggregation", ["sum", "max"])
def test_a_message_for_each_round(message: str, aggregation: str) -> None:
    make, function = MESSAGES[message]
    web = random_web([9, 0, 5], seed=1)
    if "net" in message:
        with pytest.raises(ValueError, match="shared"):
            network(rc.GraphNet(rc.GRU(MESSAGE, UNITS), rc.MLP(UNITS, 3, rc.Tanh()), 2, shared=False))
    net = network(rc.GraphNet(rc.GRU(MESSAGE, UNITS), make(), ROUNDS, aggregation, shared=False))

    def theirs(p: Any, x: Any) -> Any:  # noqa: ANN401
        common = {name: v for name, v in p.items() if "message.edges." in name}  # the net of edges is one
        own = {
            f"0.message.{r}.{name.removeprefix('0.message.')}": v
            for r in range(ROUNDS)
            for name, v in common.items()
        }
        return ref.graph_net(inner(p | own, "0."), x, web, function, ROUNDS, aggregation, shared=False)

    run(net, web, theirs)


@pytest.mark.parametrize("aggregation", ["sum", "mean", "max"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_gated_graph_of_torch_geometric(aggregation: str, shared: bool, weighted: bool) -> None:
    web = random_web([12, 1, 7], seed=2)
    if not weighted:
        web.weights[:] = 1
    cell, message = rc.GRU(UNITS, UNITS), rc.Linear(UNITS, UNITS, bias=False)
    net = network(rc.GraphNet(cell, message, ROUNDS, aggregation, shared=shared, input_size=FEATURES))
    weights = torch.from_numpy(web.weights) if weighted else None
    ends = (web.source, web.target)
    run(net, web, lambda p, x: gated_graph(inner(p, "0."), x, *ends, ROUNDS, aggregation, weights))


@pytest.mark.parametrize("features", ["state", "input"])
@pytest.mark.parametrize("aggregation", ["sum", "mean", "max"])
@pytest.mark.parametrize("with_net", [False, True])
def test_edge_networks_of_torch_geometric(features: str, aggregation: str, with_net: bool) -> None:
    web = random_web([8, 6], seed=3)
    web.weights[:] = 1
    inside = [rc.Linear(2, 5), rc.Tanh(), rc.Linear(5, 3)] if with_net else []
    cell = rc.GRU(UNITS + (FEATURES if features == "input" else 0), UNITS)
    told: dict[str, Any] = {} if features == "input" else {"input_size": FEATURES}
    message = rc.EdgeNet(UNITS, UNITS, 2, inside)
    net = network(rc.GraphNet(cell, message, ROUNDS, aggregation, features=features, **told))

    def theirs(p: Any, x: Any) -> Any:  # noqa: ANN401
        own = inner(p, "0.")

        def outputs(e: Any) -> Any:  # noqa: ANN401
            made = two_layers(inner(own, "message.edges."), e) if with_net else e
            return torch.cat([made, torch.ones_like(e[:, :1])], 1)

        return edge_network(
            own, x, web.source, web.target, torch.from_numpy(web.features), own["message.weight"], outputs,
            ROUNDS, aggregation, features, own["message.bias"],
        )  # fmt: skip

    run(net, web, theirs)


@pytest.mark.parametrize("with_edges", [False, True])
def test_attention_of_torch_geometric(with_edges: bool) -> None:
    """GATConv of one head, whose attention reads W h and W_e e, in a round before a GRU's step."""
    web = random_web([10, 5], seed=4)
    web.weights[:] = 1
    message: Any = rc.Linear(UNITS, MESSAGE, bias=False)
    if with_edges:  # a message that reads the edges' features, with factors of 0
        message = rc.EdgeNet(UNITS, MESSAGE, 2)
    net = network(rc.GraphNet(rc.GRU(MESSAGE, UNITS), message, 1, attention=True))
    p = net.parameters
    if with_edges:
        p["0.message.weight"][:-1], p["0.message.bias"][:] = 0, 0
    W = p["0.message.weight"][-1] if with_edges else p["0.message.weight"]
    rng = np.random.default_rng(0)
    source, target, edge = (rng.normal(size=(1, 1, MESSAGE)) for _ in range(3))
    V = rng.normal(size=(MESSAGE, 2))
    p["0.message.attention.weight"][:] = target[0, 0] @ W, source[0, 0] @ W
    theirs = {"lin.weight": W.copy(), "att_src": source, "att_dst": target}
    if with_edges:
        p["0.message.attention.edges.weight"][:] = edge[0] @ V
        theirs |= {"lin_edge.weight": V, "att_edge": edge}
    layer = layers.GATConv(
        UNITS, MESSAGE, edge_dim=2 if with_edges else None, bias=False, add_self_loops=False
    )
    x = rng.normal(size=(web.nodes, UNITS))
    arguments: list[Any] = [torch.tensor(x), edge_index((web.source, web.target))]
    if with_edges:
        arguments.append(torch.from_numpy(web.features))
    heard = torch.func.functional_call(
        layer, {k: torch.tensor(v) for k, v in theirs.items()}, tuple(arguments)
    )
    cell = {name: torch.tensor(np.array(v)) for name, v in inner(p, "0.cell.").items()}
    h = torch.gru_cell(heard, torch.tensor(x), cell["weight_ih"], cell["weight_hh"], *biases(cell["bias"]))
    assert_close(net(x, web.graphs), h, CLOSE)


@pytest.mark.parametrize("pool", ["sum", "mean", "max", "gated"])
@settings(max_examples=15)
@given(web=webs())
def test_readout(pool: str, web: Web) -> None:
    net = network(
        rc.GraphNet(rc.GRU(MESSAGE, UNITS), rc.Linear(UNITS, MESSAGE), 2),
        rc.Readout(pool, 5) if pool == "gated" else rc.Readout(pool),
        rc.Linear(5 if pool == "gated" else UNITS, 2),
    )

    def theirs(p: Any, x: Any) -> Any:  # noqa: ANN401
        h = ref.graph_net(inner(p, "0."), x, web, ref.affine, 2)
        return ref.readout(inner(p, "1."), h, web, pool) @ p["2.weight"].T + p["2.bias"]

    rows = len(web.sizes)
    rng = np.random.default_rng(3)
    x, target = rng.normal(size=(web.nodes, UNITS)), rng.normal(size=(rows, 2))
    counts = np.array(web.sizes) > 0
    parameters = {name: np.array(values) for name, values in net.parameters.items()}
    y = theirs({k: torch.tensor(v) for k, v in parameters.items()}, torch.tensor(x))
    assert_close(net(x, web.graphs), y, CLOSE)
    _, loss, gradient = differentiated(
        lambda p, z: theirs(p, z)[torch.from_numpy(counts)], parameters, x, target[counts]
    )
    for mask in (None, counts):  # of a graph without nodes nothing counts, as of a sequence without steps
        found, slope = net.loss_and_gradient(x, target, topology=web.graphs, mask=mask)
        assert_close(found, loss, CLOSE)
        assert_close(slope, gradient, CLOSE)


def test_attention_survives_large_scores() -> None:
    """Shares of e^800 and e^790; an edge alone has all of it."""
    web = carrying([3], [(0, 2), (1, 2), (2, 0)])
    web.weights[:] = 1
    net = network(rc.GraphNet(rc.Elman(1, 1), rc.Linear(1, 1, bias=False), 1, attention=True))
    p = net.parameters
    p["0.message.weight"][:], p["0.message.attention.weight"][:] = 1, [[0.0], [800.0]]
    x = np.array([[1.0], [0.9875], [0.3]])
    p["0.cell.weight_ih"][:], p["0.cell.weight_hh"][:], p["0.cell.bias"][:] = 1, 0, 0
    share = 1 / (1 + np.exp(-10))
    expected = np.tanh([0.3, 0.0, share + (1 - share) * 0.9875])
    assert_close(net(x, web.graphs)[:, 0], expected, CLOSE)
