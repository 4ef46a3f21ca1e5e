"""Schedules = PyTorch's where it has them, and what fit does with them."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import assert_close, refused
from recurra import _core
from training import fit, running_sum, small

torch: Any = pytest.importorskip("torch")
lr: Any = torch.optim.lr_scheduler

LOSSES = [3.0, 2.0, 2.1, 1.9999, 1.5, 1.6, 1.7, 1.8, 1.4] + [1.5] * 12
NOT_ONE: Any = 0.5

CASES: dict[str, tuple[rc.RateSchedule, Callable[[Any], Any]]] = {
    "constant": (rc.ConstantRate(), lambda o: lr.ConstantLR(o, 1.0)),
    "step": (rc.StepDecay(3), lambda o: lr.StepLR(o, 3)),
    "step 4": (rc.StepDecay(4, 0.7), lambda o: lr.StepLR(o, 4, 0.7)),
    "exponential": (rc.ExponentialDecay(0.8), lambda o: lr.ExponentialLR(o, 0.8)),
    "cosine": (rc.CosineDecay(20), lambda o: lr.CosineAnnealingLR(o, 20)),
    "cosine to 0.01": (rc.CosineDecay(20, 0.01), lambda o: lr.CosineAnnealingLR(o, 20, 0.01)),
    "plateau": (rc.ReduceOnPlateau(), lambda o: lr.ReduceLROnPlateau(o, eps=0)),
    "plateau 0": (
        rc.ReduceOnPlateau(0.5, 0, 0.01, 1e-3),
        lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=0.01, min_lr=1e-3, eps=0),
    ),
    "plateau 2": (
        rc.ReduceOnPlateau(0.3, 2),
        lambda o: lr.ReduceLROnPlateau(o, factor=0.3, patience=2, eps=0),
    ),
    "warmup": (
        rc.LinearWarmup(4),
        lambda o: lr.LinearLR(o, start_factor=1 / 5, total_iters=4),
    ),
    "warmup and cosine": (
        rc.LinearWarmup(4, rc.CosineDecay(16, 0.02)),
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, start_factor=1 / 5, total_iters=4), lr.CosineAnnealingLR(o, 16, 0.02)], [4]
        ),
    ),
    "warmup and steps": (
        rc.LinearWarmup(3, then=rc.StepDecay(2, 0.5)),
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, start_factor=1 / 4, total_iters=3), lr.StepLR(o, 2, 0.5)], [3]
        ),
    ),
}


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # PyTorch's own use of its deprecated arguments
@pytest.mark.parametrize("name", CASES)
def test_torch(name: str) -> None:
    schedule, make = CASES[name]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = make(optimizer)
    rates, expected = [], []
    for epoch in range(len(LOSSES)):
        expected.append(optimizer.param_groups[0]["lr"])
        rates.append(_core.scheduled_rate(schedule._core(), 0.3, epoch, LOSSES[:epoch]))
        optimizer.step()
        scheduler.step(*([LOSSES[epoch]] if isinstance(scheduler, lr.ReduceLROnPlateau) else []))
    assert_close(rates, expected)
    assert name == "constant" or len(set(rates)) > 1


def test_a_cosine_stays_at_its_minimum() -> None:
    schedule = rc.CosineDecay(5, 0.01)._core()
    assert [_core.scheduled_rate(schedule, 0.3, epoch, []) for epoch in (5, 6, 100)] == [0.01] * 3


def test_fit() -> None:
    x, y = running_sum(16, 6, "float64")
    schedule = rc.LinearWarmup(2, rc.ExponentialDecay(0.5))
    network, expected = small("float64"), small("float64")
    history = fit(network, x, y, optimizer=rc.SGD(0.3, 0.9), schedule=schedule, epochs=4)
    assert_close(history.learning_rate, [0.1, 0.2, 0.3, 0.15])
    updater = rc.SGD(1.0, 0.9).bind(expected)
    for rate in history.learning_rate:
        updater.learning_rate = rate
        updater.update(expected.loss_and_gradient(x, y)[1])
    assert_close(network.flat, expected.flat, (1e-10, 1e-12))
    assert fit(small(), *running_sum()).learning_rate == [1e-3] * 3


@pytest.mark.parametrize("validation", [None, 0.5])
def test_a_plateau_is_of_the_validation_loss_if_there_is_one(validation: float | None) -> None:
    x, y = running_sum(32, 6)
    y[16:] = np.random.default_rng(0).normal(size=y[16:].shape) * 3  # nothing to learn there
    schedule = rc.ReduceOnPlateau(0.5, 1, 0.01)
    history = fit(small(), x, y, optimizer=rc.Adam(0.05), schedule=schedule, epochs=25, validation=validation)
    monitored = history.loss if validation is None else history.validation_loss
    expected = [_core.scheduled_rate(schedule._core(), 0.05, epoch, monitored[:epoch]) for epoch in range(25)]
    assert history.learning_rate == expected
    assert history.learning_rate[-1] < 0.05


def test_schedules_are_values() -> None:
    assert rc.CosineDecay(5) == rc.CosineDecay(5, 0.0)
    assert rc.StepDecay(5) != rc.StepDecay(6)
    schedule = rc.LinearWarmup(2, rc.ReduceOnPlateau())
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(schedule) == hash(rc.LinearWarmup(2, rc.ReduceOnPlateau()))
    assert repr(rc.LinearWarmup(2)) == "LinearWarmup(epochs=2, then=ConstantRate())"


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: rc.StepDecay(0), ValueError, "StepDecay: step_size is 0, expected at least 1"),
    (lambda: rc.StepDecay(NOT_ONE), TypeError, "StepDecay: step_size is 0.5, expected an integer"),
    (lambda: rc.ExponentialDecay(1.5), ValueError, "ExponentialDecay: factor is 1.5.*, expected 0 < factor"),
    (lambda: rc.CosineDecay(5, -1.0), ValueError, "CosineDecay: minimum is -1.*, expected a finite"),
    (lambda: rc.CosineDecay(5, float("inf")), ValueError, "CosineDecay: minimum is inf"),
    (lambda: rc.ReduceOnPlateau(patience=-1), ValueError, "ReduceOnPlateau: patience is -1, expected"),
    (lambda: rc.LinearWarmup(1, rc.LinearWarmup(1)), TypeError, "LinearWarmup: then is LinearWarmup"),
    (lambda: rc.LinearWarmup(1, NOT_ONE), TypeError, "LinearWarmup: then is 0.5, expected a schedule"),
])  # fmt: skip
def test_settings(make: Callable[[], rc.RateSchedule], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_fit_refuses() -> None:
    network, (x, y) = small(), running_sum()
    with refused(TypeError, "schedule", "'cosine'", "recurra.RateSchedule", network=network):
        fit(network, x, y, schedule="cosine")
    with refused(
        ValueError, "CosineDecay", "minimum is 0.5", "at most the learning rate, 0.001", network=network
    ):
        fit(network, x, y, schedule=rc.CosineDecay(5, 0.5))
