"""Trees are their transcriptions, up and down, over forests and acyclic graphs: outputs and gradients."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_cases import layer
from hypothesis import given, settings
from problems import Array, assert_close
from topology_cases import edges, network, one_of, random_parents, random_slots
from tree_cell_references import elstm, gru
from tree_references import (
    Children,
    children_along,
    children_of,
    differentiated,
    downwards,
    tensor_network,
    tree_lstm,
)

torch = pytest.importorskip("torch")

INPUT, UNITS, ARITY, CLOSE = 3, 4, 3, (1e-10, 1e-12)
Run = Callable[[Any, Any, Children, int | None, Any], Any]


def lstm(p: Any, x: Any, children: Children, arity: int | None, xp: Any) -> Any:  # noqa: ANN401
    return tree_lstm(p, x, children, arity, xp)[0]


def gru_of(reset: str) -> Run:
    return lambda p, x, children, arity, xp: gru(reset, p, x, children, arity, xp)


CELLS: dict[str, tuple[Callable[[], Any], Run, dict[str, Any]]] = {
    "LSTM": (lambda: rc.LSTM(INPUT, UNITS), lstm, {}),
    "LSTM, learned": (lambda: rc.LSTM(INPUT, UNITS, learned_initial_state=True), lstm, {}),
    "LSTM, bilinear": (lambda: rc.LSTM(INPUT, UNITS), lstm, {"bilinear": True}),
    "GRU after": (lambda: rc.GRU(INPUT, UNITS, reset="after"), gru_of("after"), {}),
    "GRU before": (lambda: rc.GRU(INPUT, UNITS, reset="before"), gru_of("before"), {}),
    "GRU, learned": (
        lambda: rc.GRU(INPUT, UNITS, reset="after", learned_initial_state=True), gru_of("after"), {}
    ),
    "ELSTM": (
        lambda: rc.ELSTM(INPUT, UNITS), lambda p, x, children, _, xp: elstm(p, x, children, xp), {}
    ),
}  # fmt: skip


def check(net: rc.Network, forest: rc.Forest, run: Callable[[Any, Any, Any], Any]) -> None:
    """Outputs of NumPy; outputs, loss and gradient of PyTorch."""
    x = one_of(1, forest, INPUT)
    target = np.random.default_rng(2).normal(size=(forest.num_nodes, net.output_size))
    parameters = {name.removeprefix("0."): np.array(values) for name, values in net.parameters.items()}
    h, loss, gradient = differentiated(lambda p, z: run(p, z, torch), parameters, x, target)
    y = net(x, forest)
    assert_close(run(parameters, x, np), h, CLOSE)
    assert_close(y, h, CLOSE)
    found, slope = net.loss_and_gradient(x, target, topology=forest)
    assert_close(found, loss, CLOSE)
    assert_close(slope, gradient, CLOSE)


ABOVE = random_parents(60, 4, children=ARITY)
SLOTS = random_slots(ABOVE, ARITY, 5)


def test_the_forest_is_worth_it() -> None:
    forest = rc.Forest(ABOVE, SLOTS)
    assert forest.num_trees > 5
    assert forest.height > 5
    assert forest.max_children == ARITY
    assert (forest.sizes == 1).any()


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("slots", ["summed", "in order", "by slot"])
@pytest.mark.parametrize("cell", CELLS)
def test_forests(cell: str, slots: str, direction: str) -> None:
    make, run, options = CELLS[cell]
    arity = None if slots == "summed" else ARITY
    net = network(rc.Tree(make(), arity, direction=direction, **options))
    places = SLOTS if slots == "by slot" else None
    children = children_of(ABOVE, places, arity)
    if direction == "down":
        own = [0] * len(ABOVE)
        for below in children:
            for slot, k in enumerate(below):
                own[k or 0] = slot if k is not None else own[k or 0]
        children = downwards(ABOVE, own if arity else None)
    check(net, rc.Forest(ABOVE, places), lambda p, x, xp: run(p, x, children, arity, xp))


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=8)
@given(drawn=edges())
def test_acyclic_graphs(cell: str, direction: str, drawn: tuple[list[int], list[int], int]) -> None:
    make, run, options = CELLS[cell]
    source, target, nodes = drawn
    net = network(rc.Tree(make(), direction=direction, **options))
    ends = (source, target) if direction == "up" else (target, source)
    children = children_along(*ends, nodes)
    check(net, rc.Forest.from_edges(source, target, nodes), lambda p, x, xp: run(p, x, children, None, xp))


@pytest.mark.parametrize("by_slot", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@settings(max_examples=8)
@given(drawn=edges())
def test_acyclic_graphs_with_slots(cell: str, by_slot: bool, drawn: tuple[list[int], list[int], int]) -> None:
    """Without slots, children stand in the order of the edges."""
    make, run, options = CELLS[cell]
    source, target, nodes = drawn
    arity = max(2, *np.bincount(target, minlength=2))
    slots = [sum(other == node for other in target[e + 1 :]) for e, node in enumerate(target)]
    places = slots if by_slot else None
    net = network(rc.Tree(make(), int(arity), **options))
    children = children_along(source, target, nodes, places, int(arity))
    forest = rc.Forest.from_edges(source, target, nodes, places)
    check(net, forest, lambda p, x, xp: run(p, x, children, int(arity), xp))


@pytest.mark.parametrize("slots", [None, SLOTS])
def test_recursive_neural_tensor_network(slots: Array | None) -> None:
    net = network(rc.Tree(rc.Elman(INPUT, UNITS), ARITY, bilinear=True))
    children = children_of(ABOVE, slots, ARITY)
    check(net, rc.Forest(ABOVE, slots), lambda p, x, xp: tensor_network(p, x, children, xp))


def test_a_tensor_of_zeros_adds_nothing() -> None:
    for arity in (None, ARITY):
        bent, plain = (network(rc.Tree(rc.GRU(INPUT, UNITS), arity, bilinear=b)) for b in (True, False))
        bent.parameters["0.tensor"][:] = 0
        for name, values in plain.parameters.items():
            bent.parameters[name][:] = values
        forest = rc.Forest(ABOVE)
        x = one_of(1, forest, INPUT)
        assert_close(bent(x, forest), plain(x, forest))


@pytest.mark.parametrize("arity", [None, ARITY])
@pytest.mark.parametrize("cell", ["GRU(reset=after)", "MinGRU", "LSTM1997(block_size=2)", "ELSTM"])
def test_gradients_are_central_differences(cell: str, arity: int | None) -> None:
    net = network(rc.Linear(2, 3), rc.Tree(layer(cell), arity), rc.Readout("gated", 2))
    forest = rc.Forest(ABOVE, SLOTS).take([0, 1, 2])
    x, target = one_of(1, forest, 2), one_of(2, forest, 2)[:3]
    _, gradient = net.loss_and_gradient(x, target, topology=forest)
    rng = np.random.default_rng(0)
    for at in rng.choice(net.flat.size, 40, replace=False):
        values = []
        for step in (1e-5, -2e-5):
            net.flat[at] += step
            values.append(net.loss_and_gradient(x, target, topology=forest)[0])
        net.flat[at] += 1e-5
        assert_close(gradient[at], (values[0] - values[1]) / 2e-5, (1e-5, 1e-9), f"at {at}")


def test_through_two_layers_gradients_are_those_of_torch() -> None:
    """Upwards, a projection, and downwards again: the second layer's cotangents enter the first."""
    net = network(
        rc.Tree(rc.LSTM(INPUT, UNITS)), rc.Linear(UNITS, 2), rc.Tree(rc.LSTM(2, 3), direction="down")
    )
    up, down = children_of(ABOVE), downwards(ABOVE)

    def run(p: Any, x: Any, xp: Any) -> Any:  # noqa: ANN401
        first = {name: values for name, values in p.items() if "." not in name}
        second = {name[2:]: values for name, values in p.items() if name.startswith("2.")}
        h = lstm(first, x, up, None, xp) @ p["1.weight"].T + p["1.bias"]
        return lstm(second, h, down, None, xp)

    check(net, rc.Forest(ABOVE), run)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wide_cells(dtype: str) -> None:
    """Widths beyond a register, and more rows than a product takes at once."""
    above = random_parents(400, 7)
    net = rc.Network([rc.Tree(rc.LSTM(INPUT, 35))], dtype=dtype, seed=3)
    forest = rc.Forest(above)
    x = one_of(1, forest, INPUT).astype(dtype)
    p = {name.removeprefix("0."): np.array(v, np.float64) for name, v in net.parameters.items()}
    expected = tree_lstm(p, x.astype(np.float64), children_of(above))[0]
    assert_close(net(x, forest), expected, (2e-5, 2e-6) if dtype == "float32" else (1e-12, 1e-13))


SHARED_SLOT = """
import numpy as np, recurra as rc
forest = rc.Forest.from_edges([0, 0], [1, 2], 3, {slots})
net = rc.Network([rc.Tree(rc.Elman(3, 4), 2, direction="down")])
try:
    net(np.zeros((3, 3), np.float32), forest)
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("slots", [[0, 5], [5, 0]])
def test_downwards_slots_beyond_the_arity_are_refused(slots: list[int]) -> None:
    """In a process of its own, for what lies beyond the arity must not be written past an array."""
    done = subprocess.run(
        [sys.executable, "-c", SHARED_SLOT.format(slots=slots)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Tree: node 0" in done.stdout


@pytest.mark.parametrize("slots", [None, [1, 1]])
def test_downwards_two_parents_in_one_slot_are_summed(slots: list[int] | None) -> None:
    forest = rc.Forest.from_edges([0, 0], [1, 2], 3, slots)
    net = rc.Network([rc.Tree(rc.Elman(3, 4), 2, direction="down")], dtype="float64", seed=1)
    p, x = net.parameters, np.arange(9.0).reshape(3, 3) / 9
    above = np.tanh(x @ p["0.weight_ih"].T + p["0.bias"])
    block = p["0.weight_hh"][:, :4] if slots is None else p["0.weight_hh"][:, 4:]
    below = np.tanh(p["0.weight_ih"] @ x[0] + p["0.bias"] + block @ (above[1] + above[2]))
    assert np.allclose(net(x, forest), [below, above[1], above[2]], rtol=0, atol=1e-14)
