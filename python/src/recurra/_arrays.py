"""Arrays at the border: one place that checks and converts them.

Real numbers of another precision or byte order are converted, with a `ConversionWarning`; a view that is not
C-contiguous is copied. Anything else that does not fit is an error that names the argument, what it got and
what it expected.
"""

from __future__ import annotations

import math
import operator
import sys
import warnings
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


class ConversionWarning(UserWarning):
    """An array was converted because its dtype or byte order is not the network's."""


def parse_dtype(dtype: npt.DTypeLike) -> np.dtype[np.floating[Any]]:
    """`dtype` as float32 or float64."""
    try:
        parsed = np.dtype(object if dtype is None else dtype)  # NumPy's default is float64, not ours
    except TypeError:
        parsed = np.dtype(object)
    for known in (np.dtype(np.float32), np.dtype(np.float64)):
        if parsed == known:
            return known
    raise ValueError(f"dtype is {dtype!r}, expected 'float32' or 'float64'")


def as_array(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """`value` as the array that it is, or makes."""
    try:
        return value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"{name} is a {type(value).__name__} that is no array, expected one: {error}"
        ) from None


def _depth_of_caller() -> int:
    """The `stacklevel` at which the function that calls this one reaches code outside the package."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "recurra":
        frame, depth = frame.f_back, depth + 1
    return depth


def floats(name: str, value: npt.ArrayLike, dtype: np.dtype[np.floating[Any]]) -> FloatArray:
    """`value` as a C-contiguous array of `dtype`; warns where that converts an array."""
    if type(value) is np.ndarray and value.dtype == dtype and value.flags.carray:
        return value  # nothing to do, which a small step of training notices
    array = as_array(name, value)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}, expected {dtype}")
    reasons = []
    if array.dtype.newbyteorder("=") != dtype:
        reasons.append(f"has dtype {array.dtype}, expected {dtype}")
    elif not array.dtype.isnative:
        reasons.append(f"has byte order {array.dtype.byteorder!r}, expected the machine's")
    if reasons and isinstance(value, np.ndarray):
        message = f"{name} {' and '.join(reasons)}: converted"
        warnings.warn(message, ConversionWarning, stacklevel=_depth_of_caller())
    with np.errstate(all="ignore"):  # what overflows is infinite, and refused where it is read
        converted = np.asarray(array, dtype=dtype, order="C")
    return converted if converted.flags.aligned else converted.copy()


def integers(name: str, value: npt.ArrayLike) -> IntArray:
    """A C-contiguous copy of `value` as int64: nobody else can change what was checked."""
    array = as_array(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {array.dtype}, expected integers")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} has the value {array.max()}, expected at most {np.iinfo(np.int64).max}")
    return np.array(array, dtype=np.int64, order="C")


def flags(name: str, value: npt.ArrayLike) -> BoolArray:
    """A C-contiguous copy of `value`, an array of True and False."""
    array = as_array(name, value)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} has dtype {array.dtype}, expected bool")
    return np.array(array, order="C")


def integer(name: str, value: object) -> int:
    """`value` as an integer; True and False are none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} is {value!r}, expected an integer") from None


def count(name: str, value: object, least: int, most: int = 2**31 - 1) -> int:
    """`value` as an integer, `least` .. `most`."""
    found = integer(name, value)
    if found < least:
        raise ValueError(f"{name} is {found}, expected at least {least}")
    if found > most:
        raise ValueError(f"{name} is {found}, expected at most {most}")
    return found


def number(name: str, value: object) -> float:
    """`value` as a real number; True and False are none."""
    if type(value) is float:
        return value
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}, expected a number")
    try:
        return float(value)
    except OverflowError:  # an integer beyond all doubles, which a range then refuses
        return -math.inf if isinstance(value, int) and value < 0 else math.inf


def flag(name: str, value: object) -> bool:
    """`value`, if it is True or False."""
    if value is True or value is False:
        return value
    if not isinstance(value, np.bool_):
        raise TypeError(f"{name} is {value!r}, expected True or False")
    return bool(value)


def check_shape(name: str, array: npt.NDArray[Any], expected: tuple[int, ...], axes: str) -> None:
    """Raise ValueError unless `array` has exactly this shape."""
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}, expected {axes} = {expected}")


def check_lengths(
    lengths: npt.ArrayLike | None, batch: int, time: int, name: str = "lengths"
) -> IntArray | None:
    """`lengths` as int64, one per sequence, each 0 .. time."""
    if lengths is None:
        return None
    array = integers(name, lengths)
    check_shape(name, array, (batch,), "(batch,)")
    wrong = np.flatnonzero((array < 0) | (array > time))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {array[wrong[0]]}, expected 0 .. {time}")
    return array


def check_seed(seed: int) -> int:
    """A seed of random numbers."""
    if isinstance(seed, bool):
        raise TypeError(f"seed is {seed!r}, expected an integer in 0 .. 2**64 - 1")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed!r}, expected an integer in 0 .. 2**64 - 1")
    return int(seed)
