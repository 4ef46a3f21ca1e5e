"""One value, or several, per sequence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import (  # type: ignore[import-untyped]
    check_consistent_length,
    check_is_fitted,
)

import recurra as rc
from recurra._arrays import FloatArray, flag, parse_dtype
from recurra._losses import LossName
from recurra.sklearn._architecture import CellChoice, Pooling
from recurra.sklearn._input import read_rows, unchanged_on_error
from recurra.sklearn._labels import require_target
from recurra.sklearn._outputs import numeric_loss, read_values
from recurra.sklearn._recurrent import Recurrent
from recurra.sklearn._sequences import Data
from recurra.sklearn._standardization import Standardization


class RecurrentRegressor(MultiOutputMixin, RegressorMixin, Recurrent):  # type: ignore[misc]
    """Sequences to numbers: cells, pooling over time, a linear layer.

    X is a list of arrays (time, features) of any lengths, or (sequences, time, features), or a 2-D array
    (sequences, time) whose rows are sequences of one feature; y is (sequences,) or (sequences, outputs).

    Args (by keyword; the others are those of `Recurrent` and `Trained`):
        pooling: What the values are read from: the "last" step, or the "mean" or "max" over steps.
        loss: "mse", "mae", "huber", or an object such as ``recurra.Huber(delta=2.0)``, of the standardized
            targets.
    """

    pooling: Pooling
    loss: LossName | rc.Loss
    _target: Standardization
    _vector: bool

    def __init__(
        self,
        *,
        cell: CellChoice = "lstm",
        hidden_size: int = 32,
        num_layers: int = 1,
        bidirectional: bool = False,
        pooling: Pooling = "last",
        dropout: float = 0.0,
        loss: LossName | rc.Loss = "mse",
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
        self.loss = loss
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

    def fit(self, X: Data, y: npt.ArrayLike) -> RecurrentRegressor:
        """Train a new network; what was fitted before stays if this raises."""
        with unchanged_on_error(self):
            require_target(self, y)
            sequences = read_rows(self, X, reset=True)
            target = read_values(y)
            check_consistent_length(sequences.values, target)
            self._vector = target.ndim == 1
            columns = target.reshape(len(target), -1)
            self._target = Standardization.of(columns, flag("standardize", self.standardize))
            scaled = self._target.apply(columns, parse_dtype(self.dtype))
            self._fit_network(
                sequences, scaled, numeric_loss(self.loss), output_size=columns.shape[1], pooling=self.pooling
            )
        return self

    def predict(self, X: Data) -> FloatArray:
        """(sequences,) or (sequences, outputs), as y was."""
        check_is_fitted(self)
        values = self._target.undo(self._outputs(read_rows(self, X)))
        return values[:, 0] if self._vector else values
