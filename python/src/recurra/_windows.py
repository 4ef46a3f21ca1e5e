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
    array = np.asarray(series)
    if array.ndim not in (1, 2):
        raise ValueError(f"windows: series has shape {array.shape}, expected (time,) or (time, features)")
    length, stride = count("windows: length", length, 1), count("windows: stride", stride, 1)
    if length > array.shape[0]:
        raise ValueError(f"windows: length is {length}, expected 1 .. {array.shape[0]}")
    starts = np.arange(0, array.shape[0] - length + 1, stride)
    return np.ascontiguousarray(array[starts[:, np.newaxis] + np.arange(length)])
