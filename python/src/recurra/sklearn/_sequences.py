"""Batches of sequences: read from lists and 3-D arrays, held padded, given back in the layout they had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """

    values: FloatArray
    lengths: IntArray
    layout: Layout

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


def pad(arrays: Sequence[npt.NDArray[Any]], layout: Layout = "list") -> Sequences:
    """Arrays (time, features) as one batch."""
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    shape = (len(arrays), int(lengths.max()), arrays[0].shape[1])
    values = np.zeros(shape, dtype=np.result_type(*{array.dtype for array in arrays}))
    for row, array in zip(values, arrays, strict=True):
        row[: len(array)] = array
    return Sequences(values, lengths, layout)


def read_list(name: str, items: Iterable[object]) -> Sequences:
    """A list of (time, features), or of (time,) for one feature."""
    arrays = []
    for i, item in enumerate(items):
        options = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0}
        array = check_array(item, dtype=REAL, input_name=f"{name}[{i}]", **options)
        if array.ndim not in (1, 2):
            raise ValueError(f"{name}[{i}] has shape {array.shape}, expected (time, features) or (time,)")
        arrays.append(array[:, np.newaxis] if array.ndim == 1 else array)
        if len(array) == 0:
            raise ValueError(f"{name}[{i}] has 0 steps, expected at least 1")
        if arrays[i].shape[1] != arrays[0].shape[1]:
            raise ValueError(
                f"{name}[{i}] has {arrays[i].shape[1]} features, expected {arrays[0].shape[1]} as {name}[0]"
            )
    return pad(arrays)


def read_array(name: str, array: npt.NDArray[Any]) -> Sequences:
    """A checked array (sequences, time, features)."""
    if array.ndim != 3 or 0 in array.shape:
        raise ValueError(
            f"{name} has shape {array.shape}, expected (sequences, time, features) with at least 1 of each, "
            "or a list of arrays (time, features)"
        )
    return Sequences(array, np.full(array.shape[0], array.shape[1], dtype=np.int64), "array")
