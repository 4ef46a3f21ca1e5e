"""One class per sequence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_consistent_length, check_is_fitted  # type: ignore[import-untyped]

from recurra._arrays import FloatArray
from recurra.sklearn._architecture import CellChoice, Pooling
from recurra.sklearn._input import read_rows, unchanged_on_error
from recurra.sklearn._labels import (
    ClassWeight,
    Labels,
    cross_entropy,
    encode,
    log_probabilities,
    read_labels,
    require_target,
)
from recurra.sklearn._recurrent import Recurrent
from recurra.sklearn._sequences import Data


class RecurrentClassifier(ClassifierMixin, Recurrent):  # type: ignore[misc]
    """Sequences to classes: cells, pooling over time, a linear layer, cross entropy.

    X is a list of arrays (time, features) of any lengths, or (sequences, time, features), or a 2-D array
    (sequences, time) whose rows are sequences of one feature; y is one label per sequence.

    Args (by keyword; the others are those of `Recurrent` and `Trained`):
        pooling: What the classes are read from: the "last" step, or the "mean" or "max" over steps.
        class_weight: How much each class counts in the loss: a mapping, "balanced", or None: all the same.

    Attributes (beside those of `Trained`):
        classes_: The labels, sorted.
    """

    pooling: Pooling
    class_weight: ClassWeight
    classes_: Labels

    def __init__(
        self,
        *,
        cell: CellChoice = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        class_weight: ClassWeight = None,
        epochs: int = 50,
        batch_size: int = 32,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        clip_norm: float | None = 1.0,
        standardize: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        dtype: npt.DTypeLike = "float32",
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.dropout = dropout
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.standardize = standardize
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Data, y: npt.ArrayLike) -> RecurrentClassifier:
        """Train a new network; what was fitted before stays if this raises."""
        with unchanged_on_error(self):
            require_target(self, y)
            sequences, labels = read_rows(self, X, reset=True), read_labels(y)
            check_consistent_length(sequences.values, labels)
            self.classes_, ids = encode(labels)
            loss = cross_entropy(self.class_weight, self.classes_, ids)
            self._fit_network(sequences, ids, loss, output_size=len(self.classes_), pooling=self.pooling)
        return self

    def predict_log_proba(self, X: Data) -> FloatArray:
        """(sequences, classes), in the order of ``classes_``."""
        check_is_fitted(self)
        return log_probabilities(self._outputs(read_rows(self, X)))

    def predict_proba(self, X: Data) -> FloatArray:
        """(sequences, classes), in the order of ``classes_``."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Data) -> Labels:
        """The likeliest label of each sequence."""
        check_is_fitted(self)
        labels: Labels = self.classes_[self._outputs(read_rows(self, X)).argmax(axis=1)]
        return labels
