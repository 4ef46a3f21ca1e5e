"""Every optimizer = PyTorch's over 50 steps of random gradients, and its state can be moved."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, assert_close, build, refused

torch: Any = pytest.importorskip("torch")

OPTIMIZERS: dict[str, tuple[rc.Optimizer, Callable[[Any], Any]]] = {
    "SGD": (rc.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
    "momentum": (
        rc.SGD(0.05, 0.9, l2=0.03),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.03),
    ),
    "Nesterov": (
        rc.SGD(0.05, 0.8, l2=0.03, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.8, nesterov=True, weight_decay=0.03),
    ),
    "Adam": (rc.Adam(0.02), lambda p: torch.optim.Adam(p, 0.02)),
    "Adam with all": (
        rc.Adam(0.02, (0.7, 0.95), 1e-3, l2=0.05),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.05),
    ),
    "AdamW": (rc.AdamW(0.02), lambda p: torch.optim.AdamW(p, 0.02)),
    "AdamW with all": (
        rc.AdamW(0.02, (0.7, 0.95), 1e-3, 0.3),
        lambda p: torch.optim.AdamW(p, 0.02, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.3),
    ),
    "RMSprop": (rc.RMSprop(), lambda p: torch.optim.RMSprop(p)),
    "RMSprop with momentum": (
        rc.RMSprop(0.02, 0.8, 1e-4, 0.7, l2=0.05),
        lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.8, eps=1e-4, momentum=0.7, weight_decay=0.05),
    ),
    "RMSprop centered": (
        rc.RMSprop(0.02, 0.8, centered=True),
        lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.8, centered=True),
    ),
    "RMSprop with all": (
        rc.RMSprop(0.02, 0.9, 1e-3, 0.5, centered=True, l2=0.1),
        lambda p: torch.optim.RMSprop(
            p, 0.02, alpha=0.9, eps=1e-3, momentum=0.5, centered=True, weight_decay=0.1
        ),
    ),
    "Adagrad": (rc.Adagrad(), lambda p: torch.optim.Adagrad(p)),
    "Adagrad with all": (
        rc.Adagrad(0.1, 1e-4, initial_accumulator=0.3, learning_rate_decay=0.2, l2=0.05),
        lambda p: torch.optim.Adagrad(
            p, 0.1, lr_decay=0.2, weight_decay=0.05, initial_accumulator_value=0.3, eps=1e-4
        ),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps(name: str, dtype: str) -> None:
    ours, make = OPTIMIZERS[name]
    network = build("LSTM", dtype)
    weights = torch.nn.Parameter(torch.from_numpy(network.flat.copy()))
    theirs, updater = make([weights]), ours.bind(network)
    rng = np.random.default_rng(4)
    for step in range(50):
        if step == 30:  # the rate can change on the way
            updater.learning_rate = theirs.param_groups[0]["lr"] = updater.learning_rate / 3
        gradient = rng.normal(size=network.flat.size).astype(dtype)
        weights.grad = torch.from_numpy(gradient.copy())
        theirs.step()
        updater.update(gradient)
        close = (1e-3, 2e-5) if dtype == "float32" else (1e-12, 1e-12)
        assert_close(network.flat, weights.detach().numpy(), close, f"step {step}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_states(name: str, dtype: str) -> None:
    optimizer = OPTIMIZERS[name][0]
    whole, parts = build("LSTM", dtype), build("LSTM", dtype)
    gradients = np.random.default_rng(1).normal(size=(9, whole.flat.size)).astype(dtype)
    updater = optimizer.bind(whole)
    for gradient in gradients[:4]:
        updater.update(gradient)
    state = updater.state()
    assert state["updates"] == 4
    parts.flat[:] = whole.flat
    other = optimizer.bind(parts)
    other.set_state(state)
    for gradient in gradients[4:]:
        updater.update(gradient)
        other.update(gradient)
    assert np.array_equal(whole.flat, parts.flat)
    assert state["updates"] == 4
    assert all(np.array_equal(updater.state()[key], other.state()[key]) for key in state)


def test_states_that_do_not_fit() -> None:
    network = build("LSTM")
    updater = rc.Adam().bind(network)
    good = updater.state()
    zeros = np.zeros(network.flat.size)
    cases: tuple[tuple[dict[str, Any], type[Exception], tuple[str, ...]], ...] = (
        ({"updates": None}, TypeError, ("updates", "None", "an integer")),
        ({"updates": -1}, ValueError, ("updates", "-1", "at least 0")),
        ({"mean": zeros[1:]}, ValueError, ("mean", f"({zeros.size},)")),
        ({"mean": zeros * np.nan}, ValueError, ("mean", "nan")),
        ({"velocity": zeros}, ValueError, ("Adam", "'velocity'", "unknown")),
    )
    for changes, error, words in cases:
        with refused(error, "state", *words, network=network):
            updater.set_state({**good, **changes})
    with refused(ValueError, "state lacks the vector 'square'", network=network):
        updater.set_state({name: value for name, value in good.items() if name != "square"})
    with refused(ValueError, "'mean', 'square'", "expected 'updates'", network=network):
        updater.set_state({name: value for name, value in good.items() if name != "updates"})
    with refused(ValueError, "Adam: learning_rate is -1", "finite number >= 0", network=network):
        updater.learning_rate = -1.0
    assert updater.learning_rate == 1e-3
