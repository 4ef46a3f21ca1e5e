"""The input of an estimator: a list of sequences, a 3-D array, or a 2-D array, as scikit-learn has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]
from sklearn.utils.validation import check_array, validate_data  # type: ignore[import-untyped]

from recurra._arrays import FloatArray, as_array
from recurra.sklearn._sequences import REAL, Data, Sequences, entries, named, read_array, read_named


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Give `estimator` back what it was where `fit` raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def read_rows(estimator: BaseEstimator, X: Data, *, reset: bool = False) -> Sequences:
    """Input of which a 2-D array's rows are sequences with one feature.

    Its columns are steps, and as many as in `fit`; unless that got sequences of any lengths.
    """
    if (sequences := _read_sequences(estimator, X, reset)) is not None:
        if reset:
            estimator._steps_are_columns = False
        return sequences
    if reset or estimator._steps_are_columns:
        array: FloatArray = validate_data(estimator, X, reset=reset, dtype=REAL)
        estimator._steps_are_columns = True
    else:
        array = check_array(X, dtype=REAL, input_name="X")
        _check_features(estimator, 1)
    return Sequences(array[:, :, np.newaxis], np.full(len(array), array.shape[1], dtype=np.int64), "matrix")


def read_series(estimator: BaseEstimator, X: Data, *, reset: bool = False) -> Sequences:
    """Input of which a 2-D array, (time, features), is one series."""
    if (sequences := _read_sequences(estimator, X, reset)) is not None:
        return sequences
    array: FloatArray = validate_data(estimator, X, reset=reset, dtype=REAL)
    return Sequences(array[np.newaxis], np.array([len(array)], dtype=np.int64), "matrix")


def _read_sequences(estimator: BaseEstimator, X: Data, reset: bool) -> Sequences | None:
    """Input that is a list or has three axes."""
    if (items := entries(X)) is not None:
        sequences = read_named(named("X", items))
    elif (X.ndim if hasattr(X, "ndim") else as_array("X", X).ndim) > 2:
        sequences = read_array("X", check_array(X, dtype=REAL, allow_nd=True, input_name="X"))
    else:
        return None
    features = sequences.values.shape[2]
    if reset:
        estimator.n_features_in_ = features
        vars(estimator).pop("feature_names_in_", None)  # of an earlier fit
    else:
        _check_features(estimator, features)
    return sequences


def _check_features(estimator: BaseEstimator, features: int) -> None:
    expected = 1 if getattr(estimator, "_steps_are_columns", False) else estimator.n_features_in_
    if features != expected:
        name = type(estimator).__name__
        raise ValueError(f"X has {features} features, but {name} is expecting {expected} features as input")
