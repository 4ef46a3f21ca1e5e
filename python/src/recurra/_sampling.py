"""Symbols drawn by their logits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import FloatArray, IntArray, count, number


@dataclass(frozen=True)
class Sampling:
    """How likely each symbol is to be drawn.

    Args:
        temperature: Logits are divided by it; 0: the likeliest symbol, the first of equally likely ones.
        top_k: Only so many likeliest symbols (of equally likely ones, the first).
        top_p: Of those, only the fewest likeliest symbols whose probabilities add up to this, 0 < top_p <= 1.

    Source: top_k: A. Fan et al., Hierarchical neural story generation, ACL 2018; top_p: A. Holtzman et al.,
    The curious case of neural text degeneration, ICLR 2020.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        temperature = number("generate: temperature", self.temperature)
        if not (temperature >= 0 and math.isfinite(temperature)):
            raise ValueError(f"generate: temperature is {self.temperature}, expected a finite number >= 0")
        if self.top_k is not None:
            count("generate: top_k", self.top_k, 1)
        if self.top_p is not None and not 0 < number("generate: top_p", self.top_p) <= 1:
            raise ValueError(f"generate: top_p is {self.top_p}, expected 0 < top_p <= 1")

    def probabilities(self, logits: FloatArray) -> npt.NDArray[np.float64]:
        """(..., symbols), of logits of this shape. OverflowError if they make no distribution."""
        scores = logits.astype(np.float64)
        highest = scores.max(axis=-1, keepdims=True)
        if not np.isfinite(highest).all():  # NaN is a maximum too
            raise OverflowError("generate: an output is not finite, expected finite logits")
        if self.temperature == 0:
            chances = np.zeros_like(scores)
            np.put_along_axis(chances, scores.argmax(axis=-1)[..., np.newaxis], 1.0, axis=-1)
            return chances
        with np.errstate(over="ignore"):  # a tiny temperature: minus infinity, whose exp is 0
            chances = np.exp((scores - highest) / self.temperature)
        chances /= chances.sum(axis=-1, keepdims=True)
        if self.top_k is not None or self.top_p is not None:
            chances = self._truncated(scores, chances)
        return chances

    def _truncated(self, scores: npt.NDArray[Any], chances: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        order = np.argsort(-scores, axis=-1, kind="stable")
        kept = np.take_along_axis(chances, order, axis=-1)
        if self.top_k is not None:
            kept[..., self.top_k :] = 0
            kept /= kept.sum(axis=-1, keepdims=True)
        if self.top_p is not None:
            before = np.cumsum(kept, axis=-1) - kept  # what the likelier ones add up to
            before[..., 0] = 0
            kept[before >= self.top_p] = 0
            kept /= kept.sum(axis=-1, keepdims=True)
        found = np.zeros_like(chances)
        np.put_along_axis(found, order, kept, axis=-1)
        return found

    def draw(self, logits: FloatArray, rng: np.random.Generator) -> IntArray:
        """(...), one symbol for each row of (..., symbols) logits."""
        bounds = np.cumsum(self.probabilities(logits), axis=-1)
        bounds /= bounds[..., -1:]  # the last is exactly 1, above every number drawn
        drawn = rng.random(bounds.shape[:-1])
        found: IntArray = (bounds > drawn[..., np.newaxis]).argmax(axis=-1)
        return found
