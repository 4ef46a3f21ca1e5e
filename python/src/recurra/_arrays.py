"""Arrays at the border: one place that checks and converts them.

Real numbers of another precision, byte order or layout are converted, with a `ConversionWarning`. Anything else that
does not fit is an error that names the argument, what it got and what it expected.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.int64]


class ConversionWarning(UserWarning):
    """An array was copied because its dtype, byte order or layout is not the network's."""


def parse_dtype(dtype: npt.DTypeLike) -> np.dtype[np.floating[Any]]:
    """`dtype` as float32 or float64."""
    try:
        parsed = np.dtype(dtype)
    except TypeError:
        parsed = np.dtype(object)
    if parsed not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype is {dtype!r}, expected 'float32' or 'float64'")
    return parsed


def floats(name: str, value: npt.ArrayLike, dtype: np.dtype[np.floating[Any]], stacklevel: int = 4) -> FloatArray:
    """`value` as a C-contiguous array of `dtype`; warns where that takes a copy of an array."""
    array = value if isinstance(value, np.ndarray) else np.asarray(value)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}, expected {dtype}")
    reasons = []
    if array.dtype.newbyteorder("=") != dtype:
        reasons.append(f"has dtype {array.dtype}, expected {dtype}")
    elif not array.dtype.isnative:
        reasons.append(f"has byte order {array.dtype.byteorder!r}, expected the machine's")
    if not array.flags.c_contiguous:
        reasons.append("is not C-contiguous")
    if reasons and isinstance(value, np.ndarray):
        warnings.warn(f"{name} {' and '.join(reasons)}: converted", ConversionWarning, stacklevel=stacklevel)
    return np.ascontiguousarray(array, dtype=dtype)


def integers(name: str, value: npt.ArrayLike) -> IntArray:
    """`value` as a C-contiguous array of int64."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} has the value {array.max()}, expected at most {np.iinfo(np.int64).max}")
    return np.ascontiguousarray(array, dtype=np.int64)


def check_shape(name: str, array: npt.NDArray[Any], expected: tuple[int, ...], axes: str) -> None:
    """Raise ValueError unless `array` has exactly this shape."""
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {axes} = {expected}")


def check_lengths(lengths: npt.ArrayLike | None, batch: int, time: int) -> IntArray | None:
    """`lengths` as int64, one per sequence, each 0 .. time."""
    if lengths is None:
        return None
    array = integers("lengths", lengths)
    check_shape("lengths", array, (batch,), "(batch,)")
    wrong = np.flatnonzero((array < 0) | (array > time))
    if wrong.size:
        raise ValueError(f"lengths[{wrong[0]}] is {array[wrong[0]]}, expected 0 .. {time}")
    return array
