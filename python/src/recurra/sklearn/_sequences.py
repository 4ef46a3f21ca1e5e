"""Batches of sequences: read from lists and 3-D arrays, held padded, given back in the layout they had."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array  # type: ignore[import-untyped]

from recurra._arrays import FloatArray, IntArray

Data: TypeAlias = npt.ArrayLike | Sequence[npt.NDArray[Any]]
Layout: TypeAlias = Literal["list", "array", "matrix"]

REAL = (np.float64, np.float32)  # what is neither becomes the first


@dataclass(frozen=True)
class Sequences:
    """A batch of sequences.

    Attributes:
        values: (sequences, time, features), zero past a sequence's end.
        lengths: (sequences,) steps of each, at least 1.
        layout: What it came as: a list, a 3-D array, or a 2-D array.
        flat: Whether what came in had no axis for its one feature.
    """

    values: FloatArray
    lengths: IntArray
    layout: Layout
    flat: bool = False

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(sequences, time): which steps are there."""
        return np.arange(self.values.shape[1]) < self.lengths[:, np.newaxis]

    def laid_out(self, values: npt.NDArray[Any]) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
        """`values`, (sequences, time, ...), in the layout the sequences had; a 2-D array was one series."""
        if self.layout == "list":
            return [row[:length].copy() for row, length in zip(values, self.lengths, strict=True)]
        return values[0] if self.layout == "matrix" else values


def entries(value: object) -> list[Any] | None:
    """The entries of a list, a tuple or an array of objects, if they are arrays or nested lists."""
    if isinstance(value, np.ndarray) and not (value.dtype == object and value.ndim == 1):
        return None
    if not isinstance(value, list | tuple | np.ndarray) or len(value) == 0:
        return None
    first = value[0]
    nested = isinstance(first, list | tuple) and len(first) > 0 and np.iterable(first[0])
    return list(value) if nested or getattr(first, "ndim", 0) > 0 else None


def named(name: str, items: Iterable[object]) -> dict[str, object]:
    """The entries of a list under the names that errors give them."""
    return {f"{name}[{i}]": item for i, item in enumerate(items)}


def read_named(items: Mapping[str, object]) -> Sequences:
    """Entries (time, features), or (time,) for one feature."""
    arrays: dict[str, FloatArray] = {}
    options = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0}
    for name, item in items.items():
        array = check_array(item, dtype=REAL, input_name=name, **options)
        if array.ndim not in (1, 2):
            raise ValueError(f"{name} has shape {array.shape}, expected (time, features) or (time,)")
        if len(array) == 0:
            raise ValueError(f"{name} has 0 steps, expected at least 1")
        arrays[name] = array
    first, *others = arrays
    for name in others:
        if arrays[name].shape[1:] != arrays[first].shape[1:]:
            expected = ("time", *arrays[first].shape[1:])
            raise ValueError(f"{name} has shape {arrays[name].shape}, expected {expected} as {first}")
    return _pad(list(arrays.values()))


def _pad(arrays: Sequence[FloatArray]) -> Sequences:
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    features = arrays[0].shape[1] if arrays[0].ndim == 2 else 1
    dtype = np.result_type(*{array.dtype for array in arrays})
    values = np.zeros((len(arrays), int(lengths.max()), features), dtype)
    for row, array in zip(values, arrays, strict=True):
        row[: len(array)] = array.reshape(len(array), features)
    return Sequences(values, lengths, "list", arrays[0].ndim == 1)


def read_array(name: str, array: npt.NDArray[Any]) -> Sequences:
    """A checked array (sequences, time, features)."""
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (sequences, time, features) with at least 1 of each, "
            "or a list of arrays (time, features)"
        )
    return Sequences(array, np.full(array.shape[0], array.shape[1], dtype=np.int64), "array")


def check_steps(name: str, lengths: IntArray | Sequence[int], expected: IntArray) -> None:
    """Raise ValueError unless each sequence is as long as that of X."""
    if len(lengths) != len(expected):
        raise ValueError(f"{name} has {len(lengths)} sequences, expected {len(expected)} as X")
    for i, (found, steps) in enumerate(zip(lengths, expected, strict=True)):
        if found != steps:
            raise ValueError(f"{name}[{i}] has {found} steps, expected {steps} as X[{i}]")
