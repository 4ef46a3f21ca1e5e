"""The transcriptions of recursive networks equal PyTorch's layers on chains, and obey identities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from problems import Array, assert_close
from tree_references import (
    Children,
    children_along,
    children_of,
    differentiated,
    downwards,
    leaves_first,
    n_ary,
    tensor_network,
    tree_lstm,
)

torch = pytest.importorskip("torch")

from torch_twin import torch_module  # noqa: E402

INPUT, UNITS, CLOSE = 3, 4, (1e-12, 1e-13)
PARENTS = [3, 3, 3, 6, 6, 4, -1, -1, 7, 3, 11, -1]  # nodes of four and two children, and of one
SLOTS = [2, 0, 3, 1, 2, 0, 0, 0, 1, 1, 3, 0]


def draw(arity: int = 1, seed: int = 0) -> dict[str, Array]:
    """An LSTM's parameters; with an arity above 1 those of an N-ary tree."""
    rng = np.random.default_rng(seed)
    shapes = {
        "weight_ih": (4 * UNITS, INPUT),
        "weight_hh": ((3 + arity) * UNITS, arity * UNITS),
        "bias": (4 * UNITS,),
    }
    return {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}


def features(children: Children, seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(size=(len(children), INPUT))


def rows_of(p: Mapping[str, Array], gate: str, slot: int = 0, arity: int = 1) -> Array:
    """A gate's rows of an N-ary R."""
    first = {"i": 0, "f": 1 + slot, "g": 1 + arity, "o": 2 + arity}[gate] * UNITS
    return p["weight_hh"][first : first + UNITS]


def test_children() -> None:
    assert children_of([2, 2, -1, 2]) == [[], [], [0, 1, 3], []]
    assert children_of([2, 2, -1, 2], [3, 0, 0, 1]) == [[], [], [1, 3, None, 0], []]
    assert children_of([2, 2, -1], None, 3) == [[None] * 3, [None] * 3, [0, 1, None]]
    assert children_along([3, 0, 1], [2, 2, 3], 4, [1, 0, 0]) == [[], [], [0, 3], [1]]
    assert children_along([3, 0], [2, 2], 4) == [[], [], [3, 0], []]
    assert downwards([2, 2, -1]) == [[2], [2], []]
    assert downwards([2, 2, -1], [0, 1, 1]) == [[2], [None, 2], []]
    with pytest.raises(AssertionError, match="slot 1 of node 2"):
        children_of([2, 2, -1], [1, 1, 0])
    with pytest.raises(AssertionError, match="cycle"):
        leaves_first([[1], [0]])


def test_leaves_come_first() -> None:
    order = leaves_first(children_along([0, 1, 0, 2], [1, 3, 3, 3], 5))
    assert sorted(order) == list(range(5))
    assert all(order.index(a) < order.index(b) for a, b in ((0, 1), (1, 3), (0, 3), (2, 3)))


@pytest.mark.parametrize("arity", [None, 1])
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("learned", [False, True])
def test_a_path_is_torch_s_lstm(arity: int | None, down: bool, learned: bool) -> None:
    p, path = draw(), [5, 0, 3, -1, 1, 2]  # 4 1 0 5 2 3
    order = [4, 1, 0, 5, 2, 3][:: -1 if down else 1]
    x = features(children_of(path))
    rng = np.random.default_rng(2)
    start = {name: rng.normal(size=UNITS) for name in ("initial_h", "initial_c")} if learned else {}
    h, c = tree_lstm(p | start, x, downwards(path) if down else children_of(path), arity)
    module = torch_module("LSTM", [{name: torch.tensor(values) for name, values in p.items()}])
    initial = tuple(torch.tensor(v)[None] for v in start.values()) if learned else None
    y, (_, last) = module(torch.tensor(x[order]), initial)
    assert_close(h[order], y.detach(), CLOSE)
    assert_close(c[order[-1]], last.detach()[0], CLOSE)


@pytest.mark.parametrize("arity", [None, 4])
def test_leaves_are_steps_of_an_lstm_from_the_start(arity: int | None) -> None:
    """The start stands in the first slot."""
    p, children = draw(arity or 1), children_of(PARENTS, SLOTS, arity)
    x = features(children)
    start = {"initial_h": np.full(UNITS, 0.3), "initial_c": np.full(UNITS, -0.4)}
    h, c = tree_lstm(p | start, x, children, arity)
    first = {name: torch.tensor(values) for name, values in p.items()}
    first["weight_hh"] = torch.tensor(np.concatenate([rows_of(p, g, 0, arity or 1) for g in "ifgo"]))
    first["weight_hh"] = first["weight_hh"][:, :UNITS]
    leaves = [v for v in range(len(PARENTS)) if v not in PARENTS]
    module = torch_module("LSTM", [first])
    initial = tuple(torch.tensor(np.tile(v, (1, len(leaves), 1))) for v in start.values())
    _, last = module(torch.tensor(x[leaves])[:, None], initial)
    for found, expected in zip((h, c), last, strict=True):
        assert_close(found[leaves], expected.detach()[0], CLOSE)


def test_a_node_by_hand() -> None:
    """Two leaves and a root of one unit each, in plain numbers."""
    p = {"weight_ih": np.array([[0.5], [-0.3], [0.8], [0.2]]), "bias": np.array([0.1, 0.4, -0.2, 0.3])}
    p["weight_hh"] = np.array([[0.7], [-0.6], [0.9], [0.4]])
    x = np.array([[1.0], [-2.0], [0.5]])

    def logistic(a: float) -> float:
        return 0.5 + 0.5 * float(np.tanh(a / 2))

    leaves = []
    for value in (1.0, -2.0):
        c = logistic(0.5 * value + 0.1) * float(np.tanh(0.8 * value - 0.2))
        leaves.append((logistic(0.2 * value + 0.3) * float(np.tanh(c)), c))
    (h_1, c_1), (h_2, c_2) = leaves
    total = h_1 + h_2
    c = logistic(0.25 + 0.7 * total + 0.1) * float(np.tanh(0.4 + 0.9 * total - 0.2))
    c += logistic(-0.15 - 0.6 * h_1 + 0.4) * c_1 + logistic(-0.15 - 0.6 * h_2 + 0.4) * c_2
    h = logistic(0.1 + 0.4 * total + 0.3) * float(np.tanh(c))
    states, memory = tree_lstm(p, x, children_of([2, 2, -1]))
    assert_close(states[:, 0], [h_1, h_2, h], CLOSE)
    assert_close(memory[:, 0], [c_1, c_2, c], CLOSE)


def test_n_ary_is_child_sum_where_its_matrices_say_so() -> None:
    """All slots have one U, and a forget gate sees its own child alone."""
    p, arity = draw(), 4
    blocks = dict(zip("ifgo", np.split(p["weight_hh"], 4), strict=True))
    rows = [np.tile(blocks["i"], arity)]
    rows += [np.kron(np.eye(arity)[k], blocks["f"]) for k in range(arity)]
    rows += [np.tile(blocks[gate], arity) for gate in "go"]
    q = p | {"weight_hh": np.concatenate(rows)}
    children = children_of(PARENTS)
    x = features(children)
    for slots in (SLOTS, None):
        states = tree_lstm(q, x, children_of(PARENTS, slots, arity), arity)
        for found, expected in zip(states, tree_lstm(p, x, children), strict=True):
            assert_close(found, expected, CLOSE)


def test_slots_and_blocks_of_an_n_ary_tree_go_together() -> None:
    """Children in other slots change the states, unless the blocks of rows and columns move with them."""
    arity, order = 4, [2, 0, 3, 1]
    p = draw(arity)
    x = features(children_of(PARENTS))
    h, _ = tree_lstm(p, x, children_of(PARENTS, SLOTS, arity), arity)
    moved = [order[slot] for slot in SLOTS]
    other, _ = tree_lstm(p, x, children_of(PARENTS, moved, arity), arity)
    inner = [v for v, below in enumerate(children_of(PARENTS)) if below]
    assert np.abs(h - other)[inner].min() > 1e-6
    back = np.argsort(order)
    hh = p["weight_hh"].reshape(3 + arity, UNITS, arity, UNITS)[:, :, back]
    hh = hh[[0, *(1 + back), 1 + arity, 2 + arity]].reshape(p["weight_hh"].shape)
    again, _ = tree_lstm(p | {"weight_hh": hh}, x, children_of(PARENTS, moved, arity), arity)
    assert_close(again, h, CLOSE)


def test_the_forget_gates_of_an_n_ary_node_see_all_children() -> None:
    """U^(f)_kl: row of gates k, column of children l, in plain loops; all other gates are off."""
    arity, units, rng = 2, 1, np.random.default_rng(3)
    W = {gate: np.zeros((units, 1)) for gate in "ifou"}
    b = {gate: np.zeros(units) for gate in "ifou"}
    W["u"][:], b["i"][:], b["o"][:] = 1, 30, 30  # a leaf has c = tanh(x), h = tanh(c), all but exactly
    U: dict[str, Any] = {gate: [np.zeros((1, 1))] * arity for gate in "iou"}
    U["f"] = rng.normal(size=(arity, arity, 1, 1))
    x = np.array([[0.7], [-0.4], [0.0]])
    _, c = n_ary(x, children_of([2, 2, -1]), W, U, b)
    leaves = np.tanh(x[:2, 0])
    a = U["f"][:, :, 0, 0] @ np.tanh(leaves)
    assert_close(c[2], [np.sum(leaves / (1 + np.exp(-a)))], (1e-10, 1e-11))


def test_a_node_with_two_above_it_counts_for_both() -> None:
    """As if it stood twice, with all that lies below it."""
    p = draw()
    shared = children_along([0, 1, 1, 2, 3], [1, 2, 3, 4, 4], 5)
    x = features(shared)
    h, _ = tree_lstm(p, x, shared)
    twice, _ = tree_lstm(p, x[[0, 1, 2, 0, 1, 3, 4]], children_of([1, 2, 6, 4, 5, 6, -1]))
    assert_close(twice, h[[0, 1, 2, 0, 1, 3, 4]], CLOSE)


def elman(arity: int, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (UNITS, INPUT),
        "weight_hh": (UNITS, arity * UNITS),
        "bias": (UNITS,),
        "tensor": (UNITS, arity * UNITS, arity * UNITS),
    }
    return {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}


def test_a_path_through_a_tensor_of_zeros_is_torch_s_rnn() -> None:
    p = elman(1, 4)
    p["tensor"][:] = 0
    x = features(children_of([1, 2, 3, -1]))
    module = torch_module("Elman(activation=tanh)", [{k: torch.tensor(p[k]) for k in list(p)[:3]}])
    assert_close(tensor_network(p, x, children_of([1, 2, 3, -1])), module(torch.tensor(x))[0].detach(), CLOSE)


def test_a_tensor_is_torch_s_bilinear_layer() -> None:
    """Which adds the rest as its bias."""
    p = elman(2, 5)
    x = features(children_of([2, 2, -1]))
    h = tensor_network(p, x, children_of([2, 2, -1]))
    q = torch.tensor(np.concatenate([h[0], h[1]]))
    rest = torch.tensor(p["weight_hh"]) @ q + torch.tensor(p["weight_ih"] @ x[2] + p["bias"])
    assert_close(h[:2], np.tanh(x[:2] @ p["weight_ih"].T + p["bias"]), CLOSE)
    bilinear = torch.nn.functional.bilinear(q, q, torch.tensor(p["tensor"]), rest)
    assert_close(h[2], torch.tanh(bilinear), CLOSE)


RUNS: dict[str, tuple[dict[str, Array], Any]] = {
    "child-sum": (
        draw(seed=6) | {"initial_h": np.full(UNITS, 0.3), "initial_c": np.full(UNITS, -0.2)},
        lambda p, x, xp: tree_lstm(p, x, children_of(PARENTS), xp=xp)[0],
    ),
    "N-ary": (draw(4, 7), lambda p, x, xp: tree_lstm(p, x, children_of(PARENTS, SLOTS, 4), 4, xp)[0]),
    "tensor": (elman(4, 8), lambda p, x, xp: tensor_network(p, x, children_of(PARENTS, SLOTS, 4), xp)),
}


@pytest.mark.parametrize("name", RUNS)
def test_gradients_are_central_differences(name: str) -> None:
    p, run = RUNS[name]
    x = features(children_of(PARENTS))
    target = np.random.default_rng(9).normal(size=(len(x), UNITS))
    h, loss, gradient = differentiated(lambda q, z: run(q, z, torch), p, x, target)
    assert_close(h, run(p, x, np), CLOSE)

    def value(moved: Mapping[str, Array]) -> float:
        return float(np.mean((run(moved, x, np) - target) ** 2))

    assert_close(loss, value(p), CLOSE)
    differences = []
    for key, values in p.items():
        for at in np.ndindex(values.shape):
            step = np.zeros_like(values)
            step[at] = 1e-5
            ahead, behind = (value(p | {key: values + sign * step}) for sign in (1, -1))
            differences.append((ahead - behind) / 2e-5)
    assert_close(gradient, differences, (1e-6, 1e-9))
