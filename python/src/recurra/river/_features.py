"""Samples as river gives them, features by name, as the vectors that a network reads."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

import numpy as np

from recurra._arrays import FloatArray, number

Sample: TypeAlias = Mapping[Any, Any]


class Features:
    """The features of the first sample, in the order of their sorted names, which all later ones have.

    Args:
        x: The first sample.
        strict: Whether a feature that is missing or new is an error. Else what is missing is 0 and what is
            new is left out.
        dtype: Of the vectors.
    """

    def __init__(self, x: Sample, strict: bool, dtype: np.dtype[Any]) -> None:
        if not sample(x):
            raise ValueError("learn_one: x has no features, expected at least one")
        self.names: list[Hashable] = sorted(x, key=str)
        self.strict = strict
        self.dtype = dtype

    def read(self, function: str, x: Sample) -> FloatArray:
        """The vector of a sample."""
        x = sample(x)
        if self.strict and x.keys() != set(self.names):
            missing = [name for name in self.names if name not in x]
            new = [name for name in x if name not in self.names]
            raise ValueError(
                f"{function}: x lacks the features {missing} and has the new ones {new}, expected those of "
                "the first sample; strict=False takes 0 for what is missing and leaves out what is new"
            )
        values = [_value(function, name, x[name]) if name in x else 0.0 for name in self.names]
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused by the engine
            return np.array(values, self.dtype)


def sample(x: Sample) -> Sample:
    """`x`, if it has features by name."""
    if not isinstance(x, Mapping):
        raise TypeError(f"x is a {type(x).__name__}, expected a dict of features by name")
    return x


def _value(function: str, name: Hashable, value: object) -> float:
    if isinstance(value, bool | np.bool_):
        return float(value)
    found = number(f"{function}: x[{name!r}]", value)
    if not math.isfinite(found):
        raise ValueError(f"{function}: x[{name!r}] is {found}, expected a finite number")
    return found
