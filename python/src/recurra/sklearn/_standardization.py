"""Scaling to mean 0 and deviation 1, feature by feature over all steps of all sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recurra._arrays import FloatArray


@dataclass(frozen=True)
class Standardization:
    """Takes values (..., features) to mean 0 and deviation 1, and back."""

    mean: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, values: FloatArray, standardize: bool) -> Standardization:
        """That of `values`, (count, features); one that changes nothing unless `standardize`."""
        features = values.shape[1]
        if not standardize:
            return cls(np.zeros(features), np.ones(features))
        mean, scale = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
        # A constant feature deviates by the rounding of its mean alone, a float64: it becomes 0, not noise.
        constant = scale <= 10 * len(values) * np.finfo(np.float64).eps * np.abs(mean)
        return cls(mean, np.where(constant | (scale == 0), 1.0, scale))

    def apply(self, values: FloatArray, dtype: np.dtype[np.floating]) -> FloatArray:
        """`values` scaled, as `dtype`."""
        scaled: FloatArray = ((values - self.mean) / self.scale).astype(dtype)
        return scaled

    def undo(self, values: FloatArray) -> FloatArray:
        """The float64 values that `apply` takes to `values`."""
        return np.asarray(values, dtype=np.float64) * self.scale + self.mean
