"""The output layer for many classes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from recurra._arrays import count, number
from recurra._layer import Layer, size


class AdaptiveSoftmax(Layer):
    """Log-probabilities of many classes: (..., input_size) -> (..., num_classes).

    The last layer for ``loss="cross_entropy"``. Classes are numbered from the most to the least frequent. The
    head, W x, scores those before the first cutoff (the shortlist) and one cluster for each further range of
    classes; cluster i scores its own classes by U_i P_i x, where P_i has input_size / div_value^(i + 1) rows,
    rounded down:

        log p(y) = log softmax(W x)_y                                            y in the shortlist
        log p(y) = log softmax(W x)_cluster + log softmax(U_i P_i x)_y           y in cluster i

    So rare classes have few parameters. Without a cutoff it is a Linear without bias and a log softmax.
    The mathematics, shapes and rules are those of PyTorch's ``AdaptiveLogSoftmaxWithLoss``.

    Parameters: ``weight_head`` (shortlist + clusters, input_size), and for each cluster i
    ``weight_projection_i`` (units, input_size) and ``weight_tail_i`` (classes, units).

    Args:
        input_size: Features of x.
        num_classes: How many classes there are.
        cutoffs: Increasing class ids from 1 to num_classes - 1: where the clusters begin.
        div_value: By how much the projection of each cluster is narrower than the one before; above 0.

    Raises:
        TypeError: A size or a cutoff is no integer, or div_value no number.
        ValueError: A size is below 1; cutoffs do not increase or lie outside of 1 .. num_classes - 1;
            div_value is not above 0, or leaves a projection without units.

    Source: E. Grave et al., Efficient softmax approximation for GPUs, ICML 2017.
    """

    def __init__(
        self, input_size: int, num_classes: int, cutoffs: Iterable[int] = (), div_value: float = 4.0
    ) -> None:
        inputs = size("AdaptiveSoftmax", "input_size", input_size)
        classes = size("AdaptiveSoftmax", "num_classes", num_classes)
        found = _cutoffs(cutoffs, classes)
        divisor = number("AdaptiveSoftmax: div_value", div_value)
        if not (divisor > 0 and math.isfinite(divisor)):
            raise ValueError(f"AdaptiveSoftmax: div_value is {div_value!r}, expected a finite number above 0")
        for i in range(len(found)):
            if math.log(inputs) < (i + 1) * math.log(divisor) - 1e-9:
                raise ValueError(
                    f"AdaptiveSoftmax: div_value is {div_value!r}, which leaves the projection of "
                    f"cluster {i} no unit, expected input_size / div_value^{i + 1} to be at least 1"
                )
        options: dict[str, str | float] = {}
        if found:
            options["cutoffs"] = ",".join(map(str, found))
        if divisor != 4.0:
            options["div_value"] = divisor
        super().__init__("AdaptiveSoftmax", input_size=inputs, num_classes=classes, **options)


def _cutoffs(cutoffs: Iterable[int], classes: int) -> list[int]:
    if isinstance(cutoffs, str) or not isinstance(cutoffs, Iterable):
        raise TypeError(f"AdaptiveSoftmax: cutoffs is {cutoffs!r}, expected integers")
    found: list[int] = []
    for i, cutoff in enumerate(cutoffs):
        least = found[-1] + 1 if found else 1
        found.append(count(f"AdaptiveSoftmax: cutoffs[{i}]", cutoff, least, classes - 1))
    return found
