"""External memories: transcriptions of their papers, safety, errors. NETWORKS has them for the rest."""

from collections.abc import Callable
from typing import Any

import memory_references as references
import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc
from problems import assert_close, close_to, randomize

Array = npt.NDArray[Any]
CONTROLLER, TIME = 4, 7

MEMORIES: dict[str, Callable[[], rc.Layer]] = {
    "stack": lambda: rc.StackMemory(3, 2),
    "stacks": lambda: rc.StackMemory(4, 1, stacks=3),
    "one cell": lambda: rc.StackMemory(1, 3),
    "NTM": lambda: rc.NTMMemory(5, 3),
    "NTM, many heads": lambda: rc.NTMMemory(6, 2, read_heads=2, write_heads=3, shift=2),
}


def pose(name: str, dtype: str = "float64") -> tuple[rc.Network, Array, dict[str, Array]]:
    """A Linear and the memory; random inputs, and a state that can be."""
    layer = MEMORIES[name]()
    net = rc.Network([rc.Linear(CONTROLLER, CONTROLLER), layer], dtype=dtype)
    randomize(net, 3)
    net.parameters["0.weight"][:] = np.eye(CONTROLLER)
    net.parameters["0.bias"][:] = 0
    rng = np.random.default_rng(5)
    state = {}
    for key, values in net.initial_state(1).items():
        drawn: Array = rng.normal(size=(values.shape[1],))
        if key.endswith("weighting"):
            locations = int(layer.options["locations"])
            drawn = rng.dirichlet(np.ones(locations), drawn.size // locations).ravel()
        state[key] = drawn.astype(dtype)
    return net, 2 * rng.normal(size=(TIME, CONTROLLER)).astype(dtype), state


def own(net: rc.Network) -> dict[str, Array]:
    """The memory's parameters by their names."""
    return {key[2:]: value for key, value in net.parameters.items() if key.startswith("1.")}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MEMORIES)
def test_a_step_is_that_of_the_paper(name: str, dtype: str) -> None:
    net, x, start = pose(name, dtype)
    state = net.initial_state(1)
    for key in state:
        state[key][0] = start[key]
    y, last = net(x[None], state=state, return_state=True)
    followed = {key[2:]: value.astype("f8") for key, value in start.items()}
    expected = references.run(references.NumPy, net.layers[1], x, own(net), followed)
    close = close_to(dtype) if dtype == "float32" else (1e-9, 1e-11)
    assert_close(y[0], expected, close)
    for key, values in followed.items():
        assert_close(last["1." + key][0], values, close, key)


@pytest.mark.parametrize("name", MEMORIES)
def test_the_gradient_is_that_of_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    net, x, start = pose(name)
    state = net.initial_state(1)
    for key in state:
        state[key][0] = start[key]
    target = np.random.default_rng(6).normal(size=(1, TIME, net.output_size))
    loss, gradient = net.loss_and_gradient(x[None], target, state=state)

    xp = references.Torch(torch)
    leaves = {key: torch.tensor(value, requires_grad=True) for key, value in own(net).items()}
    followed = {key[2:]: torch.tensor(value) for key, value in start.items()}
    y = references.run(xp, net.layers[1], torch.tensor(x), leaves, followed)
    twin = ((y - torch.tensor(target[0])) ** 2).mean()
    twin.backward()
    assert loss == pytest.approx(twin.item(), rel=1e-9)
    expected = np.concatenate([leaf.grad.numpy().ravel() for leaf in leaves.values()])
    assert_close(gradient[-expected.size :], expected, (1e-8, 1e-11))
    assert np.abs(expected).max() > 1e-3


@pytest.mark.parametrize("name", MEMORIES)
def test_what_a_memory_starts_with(name: str) -> None:
    net, *_ = pose(name)
    for key, values in net.initial_state(2).items():
        if key.endswith("weighting"):
            heads = values.reshape(-1, int(net.layers[1].options["locations"]))
            assert (heads[:, 0] == 1).all()
            assert (heads[:, 1:] == 0).all()
        else:
            assert (values == (1e-6 if key.endswith("memory") else 0)).all()


def test_a_stack_gives_back_what_it_was_told_to_keep() -> None:
    """Actions that are all but certain: what is pushed comes back in the other order."""
    net = rc.Network([rc.Linear(4, 4), rc.StackMemory(8, 1)], dtype="float64")
    net.parameters["0.weight"][:] = np.eye(4)
    net.parameters["0.bias"][:] = 0
    net.parameters["1.interface.weight"][:] = np.eye(4)
    net.parameters["1.interface.bias"][:] = 0
    values = np.array([2.0, -1.0, 0.5, -3.0])
    pushes = np.stack([np.full(4, 50.0), np.zeros(4), np.zeros(4), values], axis=1)
    rests = np.tile([0.0, 0.0, 50.0, 9.0], (2, 1))
    pops = np.tile([0.0, 50.0, 0.0, 9.0], (4, 1))
    tops = net(np.concatenate([pushes, rests, pops]))[:, 4]
    kept = 1 / (1 + np.exp(-values))
    assert_close(tops, [*kept, kept[3], kept[3], kept[2], kept[1], kept[0], 0], (1e-12, 1e-12))


def test_only_the_last_outputs_are_fed_back() -> None:
    """Feedback with `fed` = a net that is told, step by step, what it gave last before."""
    net = rc.Network([rc.Feedback([rc.Linear(3 + 2, 4), rc.Tanh()], fed=2)], dtype="float64", seed=4)
    weight, bias = net.parameters["0.0.weight"], net.parameters["0.0.bias"]
    x = np.random.default_rng(1).normal(size=(6, 3))
    y, fed = [], np.zeros(2)
    for x_t in x:
        y.append(np.tanh(weight @ np.concatenate([x_t, fed]) + bias))
        fed = y[-1][2:]
    assert_close(net(x), y)
    assert net.initial_state(1)["0.y"].shape == (1, 2)
    with pytest.raises(ValueError, match="teacher"):
        net(x, teacher=np.array(y))


@pytest.mark.parametrize("name", MEMORIES)
@pytest.mark.parametrize("size", [1e3, 1e30])
def test_extreme_inputs_stay_finite(name: str, size: float) -> None:
    net, x, _ = pose(name, "float32")
    x = (size * np.sign(x)).astype("f4")
    y = net(x[None])
    assert np.isfinite(y[..., CONTROLLER:]).all()
    if size < 1e10:
        _, gradient = net.loss_and_gradient(x[None], np.zeros_like(y))
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_copy_task_stays_finite(seed: int) -> None:
    """Twenty draws, with a rate that is far too large."""
    rng = np.random.default_rng(seed)
    bits, length = 4, 5
    net = rc.Network(
        [rc.Feedback([rc.LSTM(bits + 1 + 6, 16), rc.NTMMemory(12, 6)], fed=6), rc.Linear(22, bits)], seed=seed
    )
    x = np.zeros((40, 2 * length + 1, bits + 1), "f4")
    y = np.zeros((40, 2 * length + 1, bits), "f4")
    x[:, :length, :bits] = y[:, length + 1 :] = rng.integers(0, 2, (40, length, bits))
    x[:, length, bits] = 1
    updater = rc.Updater(rc.RMSprop(0.03), net)
    for _ in range(15):
        loss, gradient = net.loss_and_gradient(x, y, loss="binary_cross_entropy")
        assert np.isfinite(loss)
        assert np.isfinite(gradient).all()
        updater.update(gradient)


def test_heads_can_be_looked_at() -> None:
    net = rc.Network([rc.Linear(3, 4), rc.NTMMemory(5, 2, read_heads=2)], dtype="float64")
    x = np.random.default_rng(0).normal(size=(6, 3))
    signals = rc.Diagnosis(net, x).signals()
    weighting = signals["1.state.read_weighting"].reshape(6, 2, 5)
    assert_close(weighting.sum(axis=2), np.ones((6, 2)))
    _, last = net(x, return_state=True)
    assert_close(signals["1.state.memory"][-1], np.ravel(last["1.memory"]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [rc.StackMemory(3, 2)], "layer before it"),
        (lambda: [rc.Linear(2, 3), rc.StackMemory(3, 2, stacks=17)], "stacks = 17, expected at most 16"),
        (lambda: [rc.Linear(2, 3), rc.NTMMemory(3, 2, read_heads=9)], "9 heads"),
        (lambda: [rc.Linear(2, 3), rc.NTMMemory(4, 2, shift=2)], "shift = 2, expected at most"),
        (lambda: [rc.LSTM(2, 3), rc.Last(), rc.NTMMemory(4, 2)], "expects a sequence"),
        (lambda: [rc.Tree(rc.LSTM(2, 3)), rc.StackMemory(4, 2)], "trees"),
        (lambda: [rc.Feedback([rc.Linear(5, 2)], fed=3)], "fed = 3, expected at most the 2"),
        (lambda: [rc.Feedback([rc.LSTM(2, 4), rc.StackMemory(3, 3)], fed=3)], r"delays \* fed = 3"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, words: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=words):
        rc.Network(make())


@pytest.mark.parametrize("name", ["depth", "width", "stacks"])
def test_wrong_sizes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"StackMemory: {name}"):
        rc.StackMemory(**{"depth": 2, "width": 2, name: 0})
    wrong: Any = 1.5
    with pytest.raises(TypeError, match=f"StackMemory: {name}"):
        rc.StackMemory(**{"depth": 2, "width": 2, name: wrong})
