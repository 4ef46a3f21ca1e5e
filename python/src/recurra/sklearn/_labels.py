"""Labels and classes: class ids for training, probabilities and labels from logits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]
from sklearn.utils import compute_class_weight  # type: ignore[import-untyped]
from sklearn.utils.multiclass import check_classification_targets  # type: ignore[import-untyped]
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d  # type: ignore[import-untyped]

import recurra as rc
from recurra._arrays import FloatArray, IntArray
from recurra.sklearn._sequences import Data, Sequences, check_steps

Labels: TypeAlias = npt.NDArray[Any]
ClassWeight: TypeAlias = Mapping[Any, float] | Literal["balanced"] | None


def require_target(estimator: BaseEstimator, y: object) -> None:
    """Raise ValueError where there is no y, in scikit-learn's words."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")


def read_labels(y: object, *, name: str = "y") -> Labels:
    """A vector of labels, none of them NaN."""
    array = check_array(y, dtype=None, ensure_2d=False, ensure_min_samples=0, input_name=name)
    if array.ndim == 0:
        raise ValueError(f"{name} is {y!r}, expected a list or an array of labels")
    return np.asarray(column_or_1d(array, warn=True))


def read_step_labels(y: Data, sequences: Sequences) -> Labels:
    """The labels of all steps of all sequences, one after the other."""
    if sequences.layout == "matrix":
        labels = read_labels(y)
        check_consistent_length(sequences.values[0], labels)
        return labels
    if not isinstance(y, Iterable) or isinstance(y, str):
        raise ValueError(f"y is {y!r}, expected the labels of {len(sequences.lengths)} sequences")
    rows = [read_labels(row, name=f"y[{i}]") for i, row in enumerate(y)]
    check_steps("y", [len(row) for row in rows], sequences.lengths)
    return np.concatenate(rows)


def encode(labels: Labels) -> tuple[Labels, IntArray]:
    """The classes, sorted, and the id of each label among them."""
    check_classification_targets(labels)
    classes, ids = np.unique(labels, return_inverse=True)
    return classes, ids.astype(np.int64)


def cross_entropy(class_weight: ClassWeight, classes: Labels, ids: IntArray) -> rc.CrossEntropy:
    """The loss with weights as scikit-learn's `class_weight` gives them."""
    if class_weight is None:
        return rc.CrossEntropy()
    return rc.CrossEntropy(compute_class_weight(class_weight, classes=classes, y=classes[ids]))


def log_probabilities(logits: FloatArray) -> FloatArray:
    """Of the last axis, in float64."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
