"""Numeric targets: values per sequence, and series of outputs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, check_consistent_length  # type: ignore[import-untyped]

import recurra as rc
from recurra._arrays import FloatArray
from recurra._losses import LossName, read_loss
from recurra.sklearn._sequences import Data, Sequences, check_steps, named, read_named


def numeric_loss(loss: LossName | rc.Loss) -> rc.Loss:
    """A loss of numbers, not of classes or probabilities."""
    objective = read_loss(loss)
    if not isinstance(objective, rc.MSE | rc.MAE | rc.Huber):
        raise ValueError(f"loss is {loss!r}, expected 'mse', 'mae', 'huber' or an object of these")
    return objective


def read_values(y: npt.ArrayLike) -> FloatArray:
    """(sequences,) or (sequences, outputs)."""
    options = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0, "input_name": "y"}
    values: FloatArray = check_array(y, dtype=np.float64, **options)
    if values.ndim not in (1, 2):
        raise ValueError(f"y has shape {values.shape}, expected (sequences,) or (sequences, outputs)")
    return values


def read_series_of_outputs(y: Data, series: Sequences) -> Sequences:
    """As many series of outputs as there are in X, of any lengths."""
    if series.layout == "matrix":
        return read_named({"y": y})
    if not isinstance(y, Iterable) or isinstance(y, str):
        raise ValueError(f"y is {y!r}, expected the outputs of {len(series.lengths)} series")
    items = named("y", y)
    if len(items) != len(series.lengths):
        raise ValueError(f"y has {len(items)} series, expected {len(series.lengths)} as X")
    return read_named(items)


def read_outputs(y: Data, series: Sequences) -> Sequences:
    """Series of outputs that are as long as those of X."""
    outputs = read_series_of_outputs(y, series)
    if series.layout == "matrix":
        check_consistent_length(series.values[0], outputs.values[0])
    check_steps("y", outputs.lengths, series.lengths)
    return outputs
