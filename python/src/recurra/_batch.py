"""Inputs and targets of whole batches, checked against a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, IntArray, check_lengths, check_shape, floats, integers
from recurra._losses import Loss


@dataclass
class Batch:
    """What the engine takes: x as (batch, time, features), and whether the caller's x had no batch axis."""

    x: FloatArray
    lengths: IntArray | None
    single: bool


def read_input(
    x: npt.ArrayLike, lengths: npt.ArrayLike | None, core: _core._Network, dtype: np.dtype[Any]
) -> Batch:
    """(batch, time, features), (time, features), or class ids without the feature axis."""
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
    return Batch(array, check_lengths(lengths, batch, time), single)


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
    leading = batch.x.shape[:1] if core.pools else batch.x.shape[:2]
    axes = "batch" if core.pools else "batch, time"
    if batch.single:
        leading, axes = leading[1:], axes.removeprefix("batch").removeprefix(", ")
    if not loss.takes_classes:
        array: npt.NDArray[Any] = floats(name, target, dtype)
        check_shape(name, array, (*leading, core.output_size), f"({axes}{', ' if axes else ''}output)")
    else:
        array = integers(name, target)
        check_shape(name, array, leading, f"({axes})")
    return array
