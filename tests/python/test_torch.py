"""Outputs, final states, losses, gradients and training trajectories equal PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import (
    DTYPES,
    LOSSES,
    Array,
    LossName,
    assert_close,
    cell,
    draw_input,
    draw_state,
    draw_target,
    randomize,
)

torch = pytest.importorskip("torch")

from torch_twin import TWIN_CELLS, Tensor, Twin  # noqa: E402

TOLERANCE = {"float32": (2e-4, 2e-5), "float64": (1e-11, 1e-12)}


def one(name: str) -> list[rc.Layer]:
    return [cell(name, 3, 11)]


def two(name: str) -> list[rc.Layer]:
    return [cell(name, 3, 7), cell(name, 7, 5), rc.Linear(5, 4)]


class Case:
    """A ragged batch with a random initial state, for a network and its twin."""

    def __init__(self, layers: list[rc.Layer], dtype: str, loss: LossName) -> None:
        rng = np.random.default_rng(3)
        self.network = rc.Network(layers, dtype=dtype)
        randomize(self.network, 4)
        self.twin = Twin(self.network)
        self.x = draw_input(self.network, (5, 9), rng)
        self.lengths = np.array([4, 9, 1, 9, 6])
        self.state = draw_state(self.network, 5, rng)
        self.loss = loss
        self.target = draw_target(self.network, self.network(self.x), loss, rng)

    def torch_loss(self, y: Tensor) -> Tensor:
        target = torch.tensor(self.target)
        mask = torch.arange(9)[None] < torch.tensor(self.lengths)[:, None]
        function = torch.nn.functional.mse_loss if self.loss == "mse" else torch.nn.functional.cross_entropy
        return function(y[mask], target[mask])

    def torch_step(self) -> tuple[Array, dict[str, Array], float]:
        y, final = self.twin(torch.tensor(self.x), self.lengths, self.state)
        value = self.torch_loss(y)
        value.backward()
        return y.detach().numpy(), {k: v.detach().numpy() for k, v in final.items()}, value.item()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", [one, two])
@pytest.mark.parametrize("name", TWIN_CELLS)
def test_outputs_states_losses_and_gradients(
    name: str, layers: Callable[[str], list[rc.Layer]], dtype: str, loss: LossName
) -> None:
    case = Case(layers(name), dtype, loss)
    expected_y, expected_state, expected_loss = case.torch_step()
    close = TOLERANCE[dtype]

    y, state = case.network(case.x, lengths=case.lengths, state=case.state, return_state=True)
    value, gradient = case.network.loss_and_gradient(
        case.x, case.target, loss, lengths=case.lengths, state=case.state
    )

    assert_close(y, expected_y, close)
    assert set(state) == set(expected_state)
    for name in state:
        assert_close(state[name], expected_state[name], close)
    assert value == pytest.approx(expected_loss, rel=close[0])
    assert_close(gradient, case.twin.gradient(), close)


@pytest.mark.parametrize("name", TWIN_CELLS)
def test_zero_initial_state_is_torchs_default(name: str) -> None:
    case = Case([cell(name, 3, 7)], "float64", "mse")
    expected, _ = case.twin(torch.tensor(case.x), np.full(5, 9), None)
    assert_close(case.network(case.x), expected.detach().numpy(), TOLERANCE["float64"])


@pytest.mark.parametrize("name", TWIN_CELLS)
def test_truncated_gradient_is_that_of_detached_windows(name: str) -> None:
    case = Case([cell(name, 3, 7), rc.Linear(7, 4)], "float64", "mse")
    x, target = torch.tensor(case.x), torch.tensor(case.target)
    state, total = case.state, torch.zeros(())
    for begin in range(0, 9, 4):
        y, final = case.twin(x[:, begin : begin + 4], np.full(5, min(4, 9 - begin)), state)
        total = total + ((y - target[:, begin : begin + 4]) ** 2).sum() / target.numel()
        state = case.state.copy()
        for key, value in final.items():
            state[key][:] = value.detach().numpy()
    total.backward()
    value, gradient = case.network.loss_and_gradient(
        case.x, case.target, rule=rc.BPTT(window=4), state=case.state
    )
    assert value == pytest.approx(total.item(), rel=1e-12)
    assert_close(gradient, case.twin.gradient(), TOLERANCE["float64"])
    full = case.network.loss_and_gradient(case.x, case.target, state=case.state)[1]
    assert not np.allclose(full, gradient, rtol=1e-3)


OPTIMIZERS: dict[str, tuple[rc.Optimizer, Callable[..., Any]]] = {
    "SGD": (rc.SGD(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (rc.SGD(0.05, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
    "momentum and decay": (
        rc.SGD(0.05, momentum=0.9, l2=0.03),
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.03),
    ),
    "Adam": (rc.Adam(0.02), lambda p: torch.optim.Adam(p, lr=0.02)),
    "Adam's settings and decay": (
        rc.Adam(0.02, betas=(0.7, 0.95), epsilon=1e-3, l2=0.05),
        lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.05),
    ),
}
CLIPS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "norm": (0.05, None),
    "value": (None, 0.01),
    "both": (0.05, 0.01),
}


@pytest.mark.parametrize(
    ("optimizer", "clip", "dtype"),
    [(optimizer, "none", dtype) for optimizer in OPTIMIZERS for dtype in DTYPES]
    + [
        (optimizer, clip, "float64")
        for optimizer in OPTIMIZERS
        if "decay" in optimizer
        for clip in ("norm", "value", "both")
    ],
)
def test_training_trajectory(optimizer: str, clip: str, dtype: str) -> None:
    case = Case([rc.GRU(3, 5), rc.Linear(5, 4)], dtype, "cross_entropy")
    ours, make = OPTIMIZERS[optimizer]
    theirs = make(case.twin.parameters())
    clip_norm, clip_value = CLIPS[clip]
    losses = []
    for _ in range(6):
        theirs.zero_grad()
        y, _ = case.twin(torch.tensor(case.x), case.lengths, None)
        value = case.torch_loss(y)
        value.backward()
        losses.append(value.item())
        if clip_value is not None:
            torch.nn.utils.clip_grad_value_(case.twin.parameters(), clip_value)
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(case.twin.parameters(), clip_norm)
        theirs.step()
    start = case.network.flat.copy()
    history = rc.fit(
        case.network,
        case.x,
        case.target,
        loss="cross_entropy",
        lengths=case.lengths,
        optimizer=ours,
        epochs=6,
        batch_size=5,
        clip_norm=clip_norm,
        clip_value=clip_value,
        shuffle=False,
        progress=False,
    )
    # Torch adds 1e-6 to the norm it divides by.
    close = (1e-4, 1e-5) if clip_norm or dtype == "float32" else (1e-9, 1e-11)
    moved = case.network.flat - start
    assert np.abs(moved).max() > 1e-3
    assert_close(moved, case.twin.flat() - start, close)
    assert_close(history.loss, losses, (close[0], 0))
