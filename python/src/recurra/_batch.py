"""Inputs and targets of whole batches, checked against a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, IntArray, check_lengths, check_shape, floats, integers

LOSSES = ("mse", "cross_entropy")


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
    loss: str,
    batch: Batch,
    core: _core._Network,
    dtype: np.dtype[Any],
    *,
    name: str = "target",
) -> npt.NDArray[Any]:
    """The target in exactly the shape the loss wants for this batch."""
    if loss not in LOSSES:
        raise ValueError(f"loss is {loss!r}, expected one of {', '.join(map(repr, LOSSES))}")
    leading = batch.x.shape[:1] if core.pools else batch.x.shape[:2]
    axes = "batch" if core.pools else "batch, time"
    if batch.single:
        leading, axes = leading[1:], axes.removeprefix("batch").removeprefix(", ")
    if loss == "mse":
        array: npt.NDArray[Any] = floats(name, target, dtype)
        check_shape(name, array, (*leading, core.output_size), f"({axes}{', ' if axes else ''}output)")
    else:
        array = integers(name, target)
        check_shape(name, array, leading, f"({axes})")
    return array


def check_values(
    batch: Batch, target: npt.NDArray[Any], loss: str, core: _core._Network, *, name: str = "target"
) -> None:
    """Raise ValueError for a value that some batch of this data set would be refused for."""
    rows, time = batch.x.shape[:2]
    lengths = np.full(rows, time) if batch.lengths is None else batch.lengths
    steps = np.arange(time) < lengths[:, np.newaxis]
    if core.takes_ids:
        _check_classes("x", batch.x[..., 0], core.num_ids, steps)
    else:
        _check_finite("x", batch.x, steps)
    entries = lengths > 0 if core.pools else steps
    if loss == "mse":
        _check_finite(name, target.reshape(*entries.shape, -1), entries)
    else:
        _check_classes(name, target.reshape(entries.shape), core.output_size, entries)


def _check_finite(name: str, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
    wrong = np.argwhere(valid & ~np.isfinite(values).all(axis=-1))
    if wrong.size:
        entry = values[tuple(wrong[0])]
        feature = int(np.argmin(np.isfinite(entry)))
        where = f"{_position(wrong[0])}, feature {feature}"
        raise ValueError(
            f"{name} has the non-finite value {entry[feature]} at ({where}), expected finite values"
        )


def _check_classes(name: str, ids: npt.NDArray[Any], num_ids: int, valid: npt.NDArray[np.bool_]) -> None:
    wrong = np.argwhere(valid & ((ids < 0) | (ids >= num_ids)))
    if wrong.size:
        found = int(ids[tuple(wrong[0])])
        where = _position(wrong[0])
        raise ValueError(f"{name} has the class id {found} at ({where}), expected 0 .. {num_ids - 1}")


def _position(index: npt.NDArray[np.intp]) -> str:
    return ", ".join(f"{axis} {i}" for axis, i in zip(("sequence", "time"), index, strict=False))
