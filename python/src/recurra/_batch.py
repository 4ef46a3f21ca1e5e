"""Inputs, teachers and targets of whole batches, checked against a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    check_lengths,
    check_shape,
    flags,
    floats,
    integers,
)
from recurra._losses import Loss


@dataclass
class Batch:
    """What the engine takes: x as (batch, time, features), and whether the caller's x had no batch axis."""

    x: FloatArray
    lengths: IntArray | None
    single: bool
    teacher: FloatArray | None = None

    def core(self, target: npt.NDArray[Any] | None = None, mask: BoolArray | None = None) -> _core.Data:
        """The same with a target, as the engine's functions take it."""
        return self.x, self.lengths, self.teacher, target, mask


def read_input(
    x: npt.ArrayLike | None,
    lengths: npt.ArrayLike | None,
    core: _core._Network,
    dtype: np.dtype[Any],
    *,
    teacher: npt.ArrayLike | None = None,
    like: npt.ArrayLike | None = None,
) -> Batch:
    """(batch, time, features), (time, features), or class ids without the feature axis.

    None is the input of a network that takes none; it is as long as the teacher, or as `like`.
    """
    if x is None:
        x = _no_input(like if teacher is None else teacher, core, dtype)
    if core.takes_ids:
        ids = integers("x", x)
        if ids.ndim not in (1, 2):
            raise ValueError(f"x has shape {ids.shape}, expected class ids (batch, time) or (time,)")
        array: FloatArray = np.ascontiguousarray(ids[..., np.newaxis], dtype=dtype)
    else:
        array = floats("x", x, dtype)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"x has shape {array.shape}, expected (batch, time, features) or (time, features)"
            )
        if array.shape[-1] != core.input_size:
            raise ValueError(f"x has {array.shape[-1]} features, expected {core.input_size}")
    single = array.ndim == 2
    array = array[np.newaxis] if single else array
    batch, time = array.shape[:2]
    if batch == 0 or time == 0:
        raise ValueError(f"x has batch {batch} and time {time}, expected at least 1 of each")
    read = Batch(array, check_lengths(lengths, batch, time), single)
    read.teacher = None if teacher is None else _read_teacher(teacher, read, core, dtype)
    return read


def _no_input(like: npt.ArrayLike | None, core: _core._Network, dtype: np.dtype[Any]) -> FloatArray:
    if core.input_size != 0:
        raise TypeError(f"x is None, expected an array: the network has {core.input_size} input features")
    shape = () if like is None else np.shape(like)
    if len(shape) not in (2, 3):
        raise ValueError(
            "x is None and nothing else tells the number of steps, expected an array (batch, time, 0), or a "
            "teacher or target"
        )
    return np.empty((*shape[:-1], 0), dtype)


def _read_teacher(
    teacher: npt.ArrayLike, batch: Batch, core: _core._Network, dtype: np.dtype[Any]
) -> FloatArray:
    if core.teacher_size == 0:
        raise ValueError("teacher is given, expected None: the network has no Feedback, or several")
    array = floats("teacher", teacher, dtype)
    leading = batch.x.shape[1:2] if batch.single else batch.x.shape[:2]
    axes = "(time, output)" if batch.single else "(batch, time, output)"
    check_shape("teacher", array, (*leading, core.teacher_size), axes)
    return array


def _leading(batch: Batch, core: _core._Network) -> tuple[tuple[int, ...], str]:
    """The axes of the output but the last, and their names."""
    leading = batch.x.shape[:1] if core.pools else batch.x.shape[:2]
    axes = "batch" if core.pools else "batch, time"
    if batch.single:
        leading, axes = leading[1:], axes.removeprefix("batch").removeprefix(", ")
    return leading, axes


def read_target(
    target: npt.ArrayLike,
    loss: Loss,
    batch: Batch,
    core: _core._Network,
    dtype: np.dtype[Any],
    *,
    name: str = "target",
) -> npt.NDArray[Any]:
    """The target in exactly the shape the loss wants for this batch."""
    leading, axes = _leading(batch, core)
    if not loss.takes_classes:
        array: npt.NDArray[Any] = floats(name, target, dtype)
        check_shape(name, array, (*leading, core.output_size), f"({axes}{', ' if axes else ''}output)")
    else:
        array = integers(name, target)
        check_shape(name, array, leading, f"({axes})")
    return array


def read_mask(mask: npt.ArrayLike | None, batch: Batch, core: _core._Network) -> BoolArray | None:
    """Which entries of the target count, shaped as the output without its last axis."""
    if mask is None:
        return None
    leading, axes = _leading(batch, core)
    array = flags("mask", mask)
    check_shape("mask", array, leading, f"({axes})")
    return array
