"""Nonlinear autoregression with exogenous inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin  # type: ignore[import-untyped]
from sklearn.metrics import r2_score  # type: ignore[import-untyped]
from sklearn.utils import check_random_state  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

import recurra as rc
from recurra._arrays import BoolArray, FloatArray, flag
from recurra._losses import LossName
from recurra.sklearn._architecture import narx_layers
from recurra.sklearn._input import read_series, unchanged_on_error
from recurra.sklearn._labels import require_target
from recurra.sklearn._outputs import numeric_loss, read_outputs, read_series_of_outputs
from recurra.sklearn._sequences import Data, Sequences
from recurra.sklearn._standardization import Standardization
from recurra.sklearn._training import Trained, draw_seed, run


class NARXRegressor(MultiOutputMixin, RegressorMixin, Trained):  # type: ignore[misc]
    """A system's outputs from its inputs and its own earlier outputs.

    y_t = f(x_t, x_{t-1}, ..., x_{t-input_delays}, y_{t-1}, ..., y_{t-output_delays}) with a multilayer
    perceptron f. It is trained in an open loop, on the true earlier outputs (series-parallel), and then runs
    in a closed loop, on its own (parallel), or in an open one.

    X is one series (time, features) with y (time,) or (time, outputs), or a list of such series of any
    lengths, or (series, time, features). Before a series stands the mean of the training data (0 without
    `standardize`); the first steps, whose delays reach there, do not count in training.

    Args (by keyword; the others are those of `Trained`):
        input_delays: How many earlier inputs f sees.
        output_delays: How many earlier outputs f sees, at least 1.
        present_input: Whether f sees x_t.
        hidden_sizes: Units of f's hidden layers, with tanh. (): f is linear, an ARX model.
        loss: "mse", "mae", "huber", or an object such as ``recurra.Huber(delta=2.0)``, of the standardized
            targets.
        window: An update after every so many steps. None: after whole series.

    Source: S. Chen, S. A. Billings and P. M. Grant, Int. J. Control 51 (1990); K. S. Narendra and K.
    Parthasarathy, IEEE Transactions on Neural Networks 1 (1990).
    """

    input_delays: int
    output_delays: int
    present_input: bool
    hidden_sizes: Sequence[int]
    loss: LossName | rc.Loss
    window: int | None
    _input: Standardization
    _target: Standardization
    _flat: bool

    def __init__(
        self,
        *,
        input_delays: int = 2,
        output_delays: int = 2,
        present_input: bool = True,
        hidden_sizes: Sequence[int] = (16,),
        loss: LossName | rc.Loss = "mse",
        epochs: int = 50,
        batch_size: int = 32,
        window: int | None = 32,
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
        self.input_delays = input_delays
        self.output_delays = output_delays
        self.present_input = present_input
        self.hidden_sizes = hidden_sizes
        self.loss = loss
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

    def fit(self, X: Data, y: Data) -> NARXRegressor:
        """Train a new network in an open loop; what was fitted before stays if this raises."""
        with unchanged_on_error(self):
            require_target(self, y)
            series = read_series(self, X, reset=True)
            target = read_outputs(y, series)
            random = check_random_state(self.random_state)
            layers = narx_layers(
                series.values.shape[2],
                target.values.shape[2],
                self.input_delays,
                self.output_delays,
                self.present_input,
                self.hidden_sizes,
            )
            network = rc.Network(layers, self.dtype, draw_seed(random))
            standardize = flag("standardize", self.standardize)
            self._input = Standardization.of(series.values[series.valid], standardize)
            self._target = Standardization.of(target.values[target.valid], standardize)
            self._flat = target.flat
            self.history_ = self._train(
                network,
                self._input.apply(series.values, network.dtype),
                self._target.apply(target.values, network.dtype),
                series.lengths,
                numeric_loss(self.loss),
                random,
                rule=None if self.window is None else rc.BPTT(window=self.window),
                mask=self._settled(series),
                teacher=True,
            )
            self.network_ = network
        return self

    def predict(self, X: Data) -> FloatArray | list[FloatArray]:
        """The outputs in a closed loop: a simulation, in which the network sees its own earlier outputs."""
        check_is_fitted(self)
        series = read_series(self, X)
        return series.laid_out(self._in_units(self._run(series)))

    def predict_one_step(self, X: Data, y: Data) -> FloatArray | list[FloatArray]:
        """Each step's outputs from the true outputs before it (an open loop); y as for `fit`."""
        check_is_fitted(self)
        series = read_series(self, X)
        true = self._as_fitted(read_outputs(y, series))
        return series.laid_out(
            self._in_units(self._run(series, self._target.apply(true, self.network_.dtype)))
        )

    def forecast(self, X: Data, y: Data) -> FloatArray | list[FloatArray]:
        """The outputs of the steps after y, each fed back to give the next.

        Args:
            X: The inputs beside the outputs seen so far and those of the steps to come, (time + steps,
                features), or a list of such series, or (series, time + steps, features).
            y: The outputs seen so far, (time,) or (time, outputs), or a list of these, or (series, time,
                outputs): at least one step, and fewer than X has.

        Returns:
            (steps,) or (steps, outputs), as y was in `fit`, in the layout of X.
        """
        check_is_fitted(self)
        series = read_series(self, X)
        seen = read_series_of_outputs(y, series)
        steps = series.lengths - seen.lengths
        for i in np.flatnonzero(steps < 1):
            entry = "" if series.layout == "matrix" else f"[{i}]"
            most = series.lengths[i] - 1
            raise ValueError(
                f"y{entry} has {seen.lengths[i]} steps, expected 1 .. {most}: fewer than X{entry}"
            )
        if series.layout == "array" and len(set(steps)) > 1:
            raise ValueError(
                f"y has series of {seen.lengths.min()} to {seen.lengths.max()} steps, expected one length, "
                "since X is an array and the forecasts are to be one, or X as a list"
            )
        x = self._input.apply(series.values, self.network_.dtype)
        past = self._target.apply(self._as_fitted(seen), self.network_.dtype)
        forecasts = [
            self._in_units(self.network_.forecast(past[i, :known], int(steps[i]), x[i, : known + steps[i]]))
            for i, known in enumerate(seen.lengths)
        ]
        if series.layout == "list":
            return forecasts
        return forecasts[0] if series.layout == "matrix" else np.stack(forecasts)

    def score(self, X: Data, y: Data) -> float:
        """R squared of the closed loop, over all steps of all series."""
        check_is_fitted(self)
        series = read_series(self, X)
        true = self._as_fitted(read_outputs(y, series))[series.valid]
        return float(r2_score(true, self._target.undo(self._run(series))[series.valid]))

    def _settled(self, series: Sequences) -> BoolArray:
        """Which steps count in training: those whose delays do not reach past the start."""
        lags = max(self.input_delays, self.output_delays)
        settled = series.valid & (np.arange(series.values.shape[1]) >= lags)
        if not settled.any():
            longest = series.lengths.max()
            raise ValueError(
                f"X has {longest} samples in its longest series, expected more than the {lags} delays"
            )
        return settled

    def _run(self, series: Sequences, teacher: FloatArray | None = None) -> FloatArray:
        return run(
            self.network_, self._input.apply(series.values, self.network_.dtype), series.lengths, teacher
        )

    def _in_units(self, outputs: FloatArray) -> FloatArray:
        values = self._target.undo(outputs)
        return values[..., 0] if self._flat else values

    def _as_fitted(self, outputs: Sequences) -> FloatArray:
        """The values of outputs that are as many as in `fit`."""
        expected = self.network_.output_size
        if outputs.values.shape[2] != expected:
            raise ValueError(f"y has {outputs.values.shape[2]} outputs, expected {expected} as in fit")
        return outputs.values
