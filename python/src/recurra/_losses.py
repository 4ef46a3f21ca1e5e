"""Losses: what training minimises, a mean over the valid entries."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from recurra import _core
from recurra._arrays import count, number

LossName: TypeAlias = Literal[
    "mse", "mae", "huber", "cross_entropy", "binary_cross_entropy", "sampled_softmax"
]


class Loss(ABC):
    """What training minimises: one of the classes below, or its name for the default settings.

    Each is the mean over the valid entries (steps; sequences if the network pools) that PyTorch's loss of the
    same name gives with ``reduction="mean"``. Without an entry that counts, value and gradient are 0.
    """

    takes_classes = False  # whether targets are class ids

    @abstractmethod
    def _core(self) -> _core.Loss: ...


@dataclass(frozen=True)
class MSE(Loss):
    """Mean squared error: the mean of (y - target)^2.

    Target: exactly the output's shape; the mean is over entries and features.
    """

    def _core(self) -> _core.Loss:
        return _core.Loss.mse()


@dataclass(frozen=True)
class MAE(Loss):
    """Mean absolute error: the mean of ``|y - target|``, whose derivative at 0 is 0.

    Target: exactly the output's shape; the mean is over entries and features.
    """

    def _core(self) -> _core.Loss:
        return _core.Loss.mae()


@dataclass(frozen=True)
class Huber(Loss):
    """The mean of d^2 / 2 where d = ``|y - target|`` is at most `delta`, of delta (d - delta / 2) elsewhere.

    Target: exactly the output's shape; the mean is over entries and features.
    Source: P. J. Huber, Annals of Mathematical Statistics 35 (1964).

    Args:
        delta: Where the square ends and the line begins, > 0.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        delta = number("Huber: delta", self.delta)
        _check("Huber", "delta", delta, "a finite number > 0", delta > 0)

    def _core(self) -> _core.Loss:
        return _core.Loss.huber(self.delta)


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """Cross entropy of logits y and class ids: -log p[target] with p = softmax(y).

    With weights w, label smoothing s and C classes, the sum over the entries of
    (1 - s) w[target] (-log p[target]) + s / C sum_c w[c] (-log p[c]), divided by the sum of w[target].
    Target: integers, the output's shape without its last axis.
    Source of label smoothing: C. Szegedy et al., CVPR 2016.

    Args:
        class_weights: One number >= 0 per class. None: all 1. If the targets' weights add up to 0, the
            loss is 0.
        ignore_index: Entries with this target do not count. It need not be a class of the network.
        label_smoothing: 0 .. 1.
    """

    class_weights: tuple[float, ...] | None = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0

    takes_classes = True

    def __init__(
        self,
        class_weights: Iterable[float] | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        weights = None
        if class_weights is not None:
            if not isinstance(class_weights, Iterable):
                raise TypeError(
                    f"CrossEntropy: class_weights is {class_weights!r}, "
                    "expected one number per class, or None"
                )
            weights = tuple(
                number(f"CrossEntropy: class_weights[{i}]", weight) for i, weight in enumerate(class_weights)
            )
        if weights == ():
            raise ValueError("CrossEntropy: class_weights is empty, expected one number per class, or None")
        for i, weight in enumerate(weights or ()):
            _check("CrossEntropy", f"class_weights[{i}]", weight, "a finite number >= 0", weight >= 0)
        if ignore_index is not None:
            ignore_index = count("CrossEntropy: ignore_index", ignore_index, -(2**63), 2**63 - 1)
        label_smoothing = number("CrossEntropy: label_smoothing", label_smoothing)
        _check("CrossEntropy", "label_smoothing", label_smoothing, "0 .. 1", 0 <= label_smoothing <= 1)
        object.__setattr__(self, "class_weights", weights)
        object.__setattr__(self, "ignore_index", ignore_index)
        object.__setattr__(self, "label_smoothing", label_smoothing)

    def _core(self) -> _core.Loss:
        return _core.Loss.cross_entropy(self.class_weights or (), self.ignore_index, self.label_smoothing)


@dataclass(frozen=True)
class SampledSoftmax(Loss):
    """Cross entropy of many classes, whose gradient comes from a few drawn ones.

    A probability is exp(y[target]) over the sum of exp(y) over all classes. Here `samples` classes, drawn
    with replacement, stand in that sum for all but the target, each divided by how often it is expected to
    be drawn: an unbiased estimate, whose logarithm is too small by what vanishes with more samples. The
    classes are drawn anew for every update (by the seed of `fit` or `loss_and_gradient`), the same for all
    of a batch. Where no gradient is wanted (validation, `evaluate`), the loss is the exact cross entropy.
    Needs a `Linear` as the last layer.
    Target: integers, the output's shape without its last axis.
    Source: Y. Bengio, J.-S. Senecal, AISTATS 2003; S. Jean et al., ACL 2015.

    Args:
        samples: How many classes are drawn, at least 1.
        distribution: ``"log_uniform"``: class c of C with log((c + 2) / (c + 1)) / log(C + 1), for classes in
            the order of their frequency, as the tokenizers number them; ``"uniform"``: each as likely.
    """

    samples: int = 1024
    distribution: Literal["log_uniform", "uniform"] = "log_uniform"

    takes_classes = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", count("SampledSoftmax: samples", self.samples, 1, 2**31 - 1))
        if self.distribution not in ("log_uniform", "uniform"):
            raise ValueError(
                f"SampledSoftmax: distribution is {self.distribution!r}, expected 'log_uniform' or 'uniform'"
            )

    def _core(self) -> _core.Loss:
        return _core.Loss.sampled_softmax(self.samples, self.distribution == "uniform")


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """The mean of -w t log(p) - (1 - t) log(1 - p) with p = logistic(y), for logits y.

    Target t: values in [0, 1], exactly the output's shape; the mean is over entries and features.

    Args:
        positive_weight: w >= 0; more than 1 counts what is 1 more than what is 0. None: 1.
    """

    positive_weight: float | None = None

    def __post_init__(self) -> None:
        if self.positive_weight is not None:
            weight = number("BinaryCrossEntropy: positive_weight", self.positive_weight)
            _check("BinaryCrossEntropy", "positive_weight", weight, "a finite number >= 0", weight >= 0)

    def _core(self) -> _core.Loss:
        return _core.Loss.binary_cross_entropy(1.0 if self.positive_weight is None else self.positive_weight)


BY_NAME: dict[str, type[Loss]] = {
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "sampled_softmax": SampledSoftmax,
}


def read_loss(loss: LossName | Loss) -> Loss:
    """`loss`, or what it names with its default settings."""
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in BY_NAME:
        known = ", ".join(map(repr, BY_NAME))
        raise ValueError(f"loss is {loss!r}, expected one of {known}, or a recurra.Loss")
    return BY_NAME[loss]()


def _check(owner: str, name: str, value: float, expected: str, condition: bool) -> None:
    if not (condition and math.isfinite(value)):
        raise ValueError(f"{owner}: {name} is {value}, expected {expected}")
