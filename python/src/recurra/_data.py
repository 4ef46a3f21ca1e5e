"""Data sets for training: arrays, or lists of arrays of any lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._batch import read_input, read_mask, read_target
from recurra._losses import Loss
from recurra._network import Network

Sequences: TypeAlias = npt.ArrayLike | Sequence[npt.NDArray[Any]]


def read_data(
    network: Network,
    x: Sequences | None,
    y: Sequences,
    loss: Loss,
    *,
    lengths: npt.ArrayLike | None = None,
    teacher: Sequences | bool | None = None,
    mask: Sequences | None = None,
    target_lengths: npt.ArrayLike | None = None,
) -> _core.Data:
    """What the engine takes of a data set. `teacher` True: the targets themselves."""
    if isinstance(teacher, bool | np.bool_):
        if teacher and loss.takes_classes:
            raise ValueError("teacher is True, expected an array: the targets of cross entropy are class ids")
        teacher = y if teacher else None
    leader, name = (y, "y") if x is None else (x, "x")
    if _is_ragged(leader):
        if lengths is not None:
            raise ValueError(
                f"lengths is given, expected None: {name} is a list of sequences, which have their own"
            )
        padded, found = _pad(name, leader)
        lengths = found
        x = None if x is None else padded
        if not network._core.pools and not network._core.decodes:
            y = _pad_like("y", y, found, name)
            mask = None if mask is None else _pad_like("mask", mask, found, name)
        if not network._core.decodes:
            teacher = None if teacher is None else _pad_like("teacher", teacher, found, name)
    if network._core.decodes and _is_ragged(y):
        if target_lengths is not None:
            raise ValueError(
                "target_lengths is given, expected None: y is a list of sequences, which have their own"
            )
        y, target_lengths = _pad("y", y)
        mask = None if mask is None else _pad_like("mask", mask, target_lengths, "y")
        teacher = None if teacher is None else _pad_like("teacher", teacher, target_lengths, "y")
    batch = read_input(
        x, lengths, network._core, network.dtype, teacher=teacher, target_lengths=target_lengths, like=y
    )
    target = read_target(y, loss, batch, network._core, network.dtype, name="y")
    return batch.core(target, read_mask(mask, batch, network._core))


def _is_ragged(value: object) -> TypeGuard[Sequence[npt.NDArray[Any]]]:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and isinstance(value[0], np.ndarray)
        and value[0].ndim > 0
    )


def _pad(name: str, sequences: Sequence[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
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


def _pad_like(name: str, value: Sequences, lengths: npt.NDArray[np.int64], leader: str) -> Sequences:
    """A list of arrays padded, if it has the leader's lengths; anything else as it is."""
    if not _is_ragged(value):
        return value
    padded, found = _pad(name, value)
    if len(found) != len(lengths):
        raise ValueError(f"{name} has {len(found)} sequences, expected {len(lengths)} as {leader}")
    for i, (got, expected) in enumerate(zip(found, lengths, strict=True)):
        if got != expected:
            raise ValueError(f"{name}[{i}] has {got} steps, expected {expected} as {leader}[{i}]")
    return padded


def split(data: _core.Data, fraction: float) -> tuple[_core.Data, _core.Data]:
    """The first sequences and the last ones, which are this fraction of all."""
    total = data[0].shape[0]
    if not isinstance(fraction, float | np.floating) or not 0 < fraction < 1:
        raise ValueError(f"fit: validation is {fraction!r}, expected a fraction 0 < validation < 1 or (x, y)")
    held_out = round(total * float(fraction))
    if not 0 < held_out < total:
        raise ValueError(
            f"fit: validation is {fraction} of {total} sequences, expected at least one on each side"
        )
    cut = total - held_out
    x, lengths, teacher, target, mask, target_time, target_lengths = data

    def part(rows: slice) -> _core.Data:
        return (
            x[rows],
            None if lengths is None else lengths[rows],
            None if teacher is None else teacher[rows],
            None if target is None else target[rows],
            None if mask is None else mask[rows],
            target_time,
            None if target_lengths is None else target_lengths[rows],
        )

    return part(slice(cut)), part(slice(cut, None))
