"""A class per step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from recurra._arrays import FloatArray
from recurra.sklearn._architecture import CellChoice
from recurra.sklearn._input import read_series, unchanged_on_error
from recurra.sklearn._labels import (
    ClassWeight,
    Labels,
    cross_entropy,
    encode,
    log_probabilities,
    read_step_labels,
    require_target,
)
from recurra.sklearn._recurrent import Recurrent
from recurra.sklearn._sequences import Data


class SequenceTagger(ClassifierMixin, Recurrent):  # type: ignore[misc]
    """A label for every step: cells, a linear layer, cross entropy.

    X is a list of arrays (time, features) of any lengths with y a list of arrays (time,) of labels, or
    (sequences, time, features) with y (sequences, time), or one series (time, features) with y (time,).
    Predictions have the layout of X.

    Args (by keyword; the others are those of `Recurrent` and `Trained`):
        class_weight: How much each class counts in the loss: a mapping, "balanced", or None: all the same.
        window: An update after every so many steps, with the state carried on; for long series, and not if
            `bidirectional`. None: an update after whole sequences.

    Attributes (beside those of `Trained`):
        classes_: The labels, sorted.
    """

    class_weight: ClassWeight
    window: int | None
    classes_: Labels

    def __init__(
        self,
        *,
        cell: CellChoice = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        class_weight: ClassWeight = None,
        epochs: int = 50,
        batch_size: int = 32,
        window: int | None = None,
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
        self.dropout = dropout
        self.class_weight = class_weight
        self.epochs = epochs
        self.batch_size = batch_size
        self.window = window
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

    def fit(self, X: Data, y: Data) -> SequenceTagger:
        """Train a new network; what was fitted before stays if this raises."""
        with unchanged_on_error(self):
            require_target(self, y)
            sequences = read_series(self, X, reset=True)
            self.classes_, known = encode(read_step_labels(y, sequences))
            ids = np.zeros(sequences.values.shape[:2], dtype=np.int64)
            ids[sequences.valid] = known
            loss = cross_entropy(self.class_weight, self.classes_, known)
            self._fit_network(sequences, ids, loss, output_size=len(self.classes_), window=self.window)
        return self

    def predict_log_proba(self, X: Data) -> FloatArray | list[FloatArray]:
        """For every step (classes,), in the order of ``classes_``."""
        check_is_fitted(self)
        sequences = read_series(self, X)
        return sequences.laid_out(log_probabilities(self._outputs(sequences)))

    def predict_proba(self, X: Data) -> FloatArray | list[FloatArray]:
        """For every step (classes,), in the order of ``classes_``."""
        found = self.predict_log_proba(X)
        return [np.exp(row) for row in found] if isinstance(found, list) else np.exp(found)

    def predict(self, X: Data) -> Labels | list[Labels]:
        """The likeliest label of each step."""
        check_is_fitted(self)
        sequences = read_series(self, X)
        return sequences.laid_out(self.classes_[self._outputs(sequences).argmax(axis=-1)])

    def score(self, X: Data, y: Data) -> float:
        """The fraction of all steps whose label is right."""
        check_is_fitted(self)
        sequences = read_series(self, X)
        found = self.classes_[self._outputs(sequences).argmax(axis=-1)]
        return float(np.mean(found[sequences.valid] == read_step_labels(y, sequences)))
