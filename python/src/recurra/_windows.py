"""Windows of a long series."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import count


def windows(series: npt.ArrayLike, length: int, stride: int = 1) -> npt.NDArray[Any]:
    """Cut a series into windows that may overlap.

    Args:
        series: (time,) or (time, features).
        length: Steps of a window, 1 .. time.
        stride: Steps from one window's start to the next, at least 1.

    Returns:
        (count, length) or (count, length, features), a copy, with count = (time - length) // stride + 1.
    """
    array = _read_series("windows", series)
    length, stride = count("windows: length", length, 1), count("windows: stride", stride, 1)
    if length > array.shape[0]:
        raise ValueError(f"windows: length is {length}, expected 1 .. {array.shape[0]}")
    starts = np.arange(0, array.shape[0] - length + 1, stride)
    return np.ascontiguousarray(array[starts[:, np.newaxis] + np.arange(length)])


def consecutive_windows(series: npt.ArrayLike, length: int, batch_size: int) -> npt.NDArray[Any]:
    """Cut a long series into batches whose rows go on from batch to batch, for ``fit(..., stateful=True)``.

    The series is cut into `batch_size` parts of as many whole windows as fit; row i of batch k is window k of
    part i. Fewer than ``length * batch_size`` steps are left over at the end of the series; they are dropped.

    Args:
        series: (time,) or (time, features).
        length: Steps of a window, at least 1.
        batch_size: Rows of a batch, at least 1; to be the `batch_size` of `fit`.

    Returns:
        (count, length) or (count, length, features), a copy, with count = batch_size * (time // (length *
        batch_size)): batch k is ``[k * batch_size : (k + 1) * batch_size]``.
    """
    name = "consecutive_windows"
    array = _read_series(name, series)
    length, batch_size = count(f"{name}: length", length, 1), count(f"{name}: batch_size", batch_size, 1)
    batches = array.shape[0] // (length * batch_size)
    if batches == 0:
        raise ValueError(
            f"{name}: series has {array.shape[0]} steps, expected at least length * batch_size = "
            f"{length * batch_size}"
        )
    features = array.shape[1:]
    parts = array[: batches * length * batch_size].reshape(batch_size, batches, length, *features)
    return np.array(parts.swapaxes(0, 1), order="C").reshape(batches * batch_size, length, *features)


def _read_series(function: str, series: npt.ArrayLike) -> npt.NDArray[Any]:
    array = np.asarray(series)
    if array.ndim not in (1, 2):
        raise ValueError(f"{function}: series has shape {array.shape}, expected (time,) or (time, features)")
    return array
