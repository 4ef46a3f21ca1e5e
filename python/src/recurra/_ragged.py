"""Lists of arrays of any lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

Sequences: TypeAlias = npt.ArrayLike | Sequence[npt.NDArray[Any]]


def is_ragged(value: object) -> TypeGuard[Sequence[npt.NDArray[Any]]]:
    """Whether it is a list of arrays, one per sequence."""
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and isinstance(value[0], np.ndarray)
        and value[0].ndim > 0
    )


def pad(name: str, sequences: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """One array with zeros behind the shorter ones, and their lengths."""
    arrays = [np.asarray(sequence) for sequence in sequences]
    for i, array in enumerate(arrays):
        if (
            array.ndim != arrays[0].ndim
            or array.shape[1:] != arrays[0].shape[1:]
            or array.dtype != arrays[0].dtype
        ):
            raise ValueError(
                f"{name}[{i}] has shape {array.shape} and dtype {array.dtype}, "
                f"expected {('time', *arrays[0].shape[1:])} and {arrays[0].dtype} as {name}[0]"
            )
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    padded = np.zeros((len(arrays), max(1, int(lengths.max())), *arrays[0].shape[1:]), dtype=arrays[0].dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, lengths


def pad_like(name: str, value: Sequences, lengths: npt.NDArray[np.int64], leader: str) -> Sequences:
    """A list of arrays padded, if it has the leader's lengths; anything else as it is."""
    if not is_ragged(value):
        return value
    padded, found = pad(name, value)
    if len(found) != len(lengths):
        raise ValueError(f"{name} has {len(found)} sequences, expected {len(lengths)} as {leader}")
    for i, (got, expected) in enumerate(zip(found, lengths, strict=True)):
        if got != expected:
            raise ValueError(f"{name}[{i}] has {got} steps, expected {expected} as {leader}[{i}]")
    return padded
