"""PyTorch Geometric's layers with our parameters equal the papers' equations, edge by edge."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from cell_references import bound
from problems import Array, assert_close
from reference_terms import inner, walk
from tree_references import differentiated

torch = pytest.importorskip("torch")

from graph_references import edge_network, gated_graph  # noqa: E402

UNITS, NODES, ROUNDS, MATRICES, EDGE_SIZE, CLOSE = 4, 6, 3, 3, 2, (1e-12, 1e-13)
# Two edges between one pair, a loop, a node that hears nothing and one that nobody hears.
SOURCE = np.array([0, 0, 1, 2, 3, 3, 4, 4])
TARGET = np.array([1, 1, 2, 1, 3, 0, 2, 5])
Shapes = dict[str, tuple[int, ...]]
Message = Callable[[int, int, Array], Array]  # round, edge, h of its source


def draw(seed: int = 0, inputs: int = UNITS, more: Shapes | None = None) -> dict[str, Array]:
    """A GRU's parameters and more."""
    rng = np.random.default_rng(seed)
    shapes: Shapes = {"weight_ih": (3 * UNITS, inputs), "weight_hh": (3 * UNITS, UNITS), "bias": (4 * UNITS,)}
    named = {f"cell.{name}": shape for name, shape in shapes.items()} | (more or {})
    return {name: rng.uniform(-1, 1, shape) for name, shape in named.items()}


def features(width: int, rows: int = NODES, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, width))


def by_hand(
    p: Mapping[str, Array], h: Array, message: Message, aggregation: str = "sum", beside: Array | None = None
) -> Array:
    """A transcribed GRU at every node reads what the edges that end there bring, and perhaps x beside it."""
    gru = walk(bound("GRU"), inner(p, "cell."), np)
    for r in range(ROUNDS):
        arriving: list[list[Array]] = [[] for _ in h]
        for e, (source, target) in enumerate(zip(SOURCE, TARGET, strict=True)):
            arriving[target].append(message(r, e, h[source]))
        new = []
        for node, messages in enumerate(arriving):
            m = getattr(np, aggregation)(messages, axis=0) if messages else np.zeros(UNITS)
            read = m if beside is None else np.concatenate([m, beside[node]])
            new.append(gru([read], {"h": h[node]})[1]["h"])
        h = np.stack(new)
    return h


@pytest.mark.parametrize("aggregation", ["sum", "mean", "max"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("weights_given", [False, True])
def test_gated_graph(aggregation: str, shared: bool, weights_given: bool) -> None:
    names = ["message.weight"] if shared else [f"message.{r}.weight" for r in range(ROUNDS)]
    p, x = draw(more=dict.fromkeys(names, (UNITS, UNITS))), features(2)
    weights = np.random.default_rng(2).normal(size=SOURCE.size) if weights_given else np.ones(SOURCE.size)

    def message(r: int, e: int, h: Array) -> Array:
        weighted: Array = weights[e] * (p[names[0 if shared else r]] @ h)
        return weighted

    start = np.concatenate([x, np.zeros((NODES, UNITS - 2))], axis=1)
    theirs = {name: torch.tensor(values) for name, values in p.items()}
    given = torch.tensor(weights) if weights_given else None
    found = gated_graph(theirs, torch.tensor(x), SOURCE, TARGET, ROUNDS, aggregation, given)
    assert_close(found, by_hand(p, start, message, aggregation), CLOSE)


@pytest.mark.parametrize("aggregation", ["sum", "mean", "max"])
@pytest.mark.parametrize("kind", ["state", "input"])
def test_edge_network(aggregation: str, kind: str) -> None:
    p = draw(3, UNITS + 2 * (kind == "input"))
    x, e = features(2), features(EDGE_SIZE, SOURCE.size, 4)
    rng = np.random.default_rng(5)
    A, K = rng.normal(size=(MATRICES, UNITS, UNITS)), rng.normal(size=(MATRICES, EDGE_SIZE))
    b = rng.normal(size=(MATRICES, UNITS))

    def message(_: int, edge: int, h: Array) -> Array:
        a = np.tanh(K @ e[edge])
        found: Array = np.tensordot(a, A, 1) @ h + a @ b
        return found

    theirs = {name: torch.tensor(values) for name, values in p.items()}
    found = edge_network(
        theirs,
        torch.tensor(x),
        SOURCE,
        TARGET,
        torch.tensor(e),
        torch.tensor(A),
        lambda f: torch.tanh(f @ torch.tensor(K).T),
        ROUNDS,
        aggregation,
        kind,
        torch.tensor(b),
    )
    start = np.zeros((NODES, UNITS))
    if kind == "state":
        start[:, :2] = x
    assert_close(found, by_hand(p, start, message, aggregation, x if kind == "input" else None), CLOSE)


def edge_run(p: Mapping[str, Any], x: Any) -> Any:  # noqa: ANN401
    e = torch.tensor(features(EDGE_SIZE, SOURCE.size, 4))
    return edge_network(p, x, SOURCE, TARGET, e, p["A"], lambda f: torch.tanh(f @ p["K"].T), ROUNDS)


EDGE_SHAPES: Shapes = {"A": (MATRICES, UNITS, UNITS), "K": (MATRICES, EDGE_SIZE)}
RUNS: dict[str, tuple[dict[str, Array], Any]] = {
    "gated graph": (
        draw(6, more={f"message.{r}.weight": (UNITS, UNITS) for r in range(ROUNDS)}),
        lambda p, x: gated_graph(p, x, SOURCE, TARGET, ROUNDS),
    ),
    "edge network": (draw(7, more=EDGE_SHAPES), edge_run),
}


@pytest.mark.parametrize("name", RUNS)
def test_gradients_are_central_differences(name: str) -> None:
    p, run = RUNS[name]
    x, target = features(2), features(UNITS, seed=8)
    _, _, gradient = differentiated(run, p, x, target)

    def value(moved: Mapping[str, Array]) -> float:
        h = run({key: torch.tensor(values) for key, values in moved.items()}, torch.tensor(x))
        return float(((h - torch.tensor(target)) ** 2).mean())

    differences = []
    for key, values in p.items():
        for at in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[at] = 1e-5
            ahead, behind = (value(p | {key: values + sign * step}) for sign in (1, -1))
            differences.append((ahead - behind) / 2e-5)
    assert_close(gradient, differences, (1e-6, 1e-9))
