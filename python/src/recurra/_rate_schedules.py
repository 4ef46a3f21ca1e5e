"""Schedules: the learning rate of each epoch, a pure function of settings, epoch and earlier losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from recurra import _core
from recurra._arrays import count, number


class RateSchedule(ABC):
    """The learning rate of each epoch, counted from 0; epoch 0 has the optimizer's own unless it warms up."""

    @abstractmethod
    def _core(self) -> _core.RateSchedule: ...

    def __post_init__(self) -> None:
        _core.check_schedule(self._core(), float("inf"))  # the optimizer's rate is not known yet


@dataclass(frozen=True)
class ConstantRate(RateSchedule):
    """The optimizer's own rate in every epoch."""

    def _core(self) -> _core.RateSchedule:
        return _core.ConstantRate()


@dataclass(frozen=True)
class StepDecay(RateSchedule):
    """The rate times `factor` after every `step_size` epochs: rate factor^(epoch // step_size).

    Args:
        step_size: Epochs, at least 1.
        factor: 0 < factor <= 1.
    """

    step_size: int
    factor: float = 0.1

    def _core(self) -> _core.RateSchedule:
        step_size = count("StepDecay: step_size", self.step_size, 1)
        return _core.StepDecay(step_size, number("StepDecay: factor", self.factor))


@dataclass(frozen=True)
class ExponentialDecay(RateSchedule):
    """The rate times `factor` after every epoch: rate factor^epoch.

    Args:
        factor: 0 < factor <= 1.
    """

    factor: float

    def _core(self) -> _core.RateSchedule:
        return _core.ExponentialDecay(number("ExponentialDecay: factor", self.factor))


@dataclass(frozen=True)
class CosineDecay(RateSchedule):
    """Half a cosine from the rate to `minimum`, which epoch `epochs` reaches and later ones keep.

    minimum + (rate - minimum) (1 + cos(pi epoch / epochs)) / 2.
    Source: I. Loshchilov and F. Hutter, SGDR, ICLR 2017, without restarts.

    Args:
        epochs: At least 1.
        minimum: 0 .. the optimizer's rate.
    """

    epochs: int
    minimum: float = 0.0

    def _core(self) -> _core.RateSchedule:
        epochs = count("CosineDecay: epochs", self.epochs, 1)
        return _core.CosineDecay(epochs, number("CosineDecay: minimum", self.minimum))


@dataclass(frozen=True)
class ReduceOnPlateau(RateSchedule):
    """The rate times `factor` where the loss has stopped falling.

    That is after more than `patience` epochs in a row whose loss is not below (1 - threshold) times the best
    so far; then the count starts again. The loss is the validation loss if there is one, else the training
    loss.

    Args:
        factor: 0 < factor <= 1.
        patience: Epochs, at least 0.
        threshold: 0 <= threshold < 1.
        minimum: 0 .. the optimizer's rate; the rate does not fall below it.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    minimum: float = 0.0

    def _core(self) -> _core.RateSchedule:
        patience = count("ReduceOnPlateau: patience", self.patience, 0)
        return _core.ReduceOnPlateau(
            number("ReduceOnPlateau: factor", self.factor),
            patience,
            number("ReduceOnPlateau: threshold", self.threshold),
            number("ReduceOnPlateau: minimum", self.minimum),
        )


@dataclass(frozen=True)
class LinearWarmup(RateSchedule):
    """The rate times (epoch + 1) / (epochs + 1) in the first `epochs` epochs, then another schedule.

    Args:
        epochs: At least 1.
        then: Any schedule but another warm-up; it starts after the warm-up, from its epoch 0.
    """

    epochs: int
    then: RateSchedule = field(default_factory=ConstantRate)

    def _core(self) -> _core.RateSchedule:
        epochs = count("LinearWarmup: epochs", self.epochs, 1)
        if not isinstance(self.then, RateSchedule) or isinstance(self.then, LinearWarmup):
            raise TypeError(f"LinearWarmup: then is {self.then!r}, expected a schedule that is no warm-up")
        return _core.LinearWarmup(epochs, self.then._core())


def read_schedule(schedule: RateSchedule | None) -> RateSchedule:
    """`schedule`, or a constant rate."""
    if schedule is None:
        return ConstantRate()
    if not isinstance(schedule, RateSchedule):
        raise TypeError(f"fit: schedule is {schedule!r}, expected a recurra.RateSchedule or None")
    return schedule
