"""A recurrent network that regresses online."""

from __future__ import annotations

from typing import Any

import numpy as np
from river import base

from recurra._arrays import number
from recurra._losses import Loss, LossName
from recurra._optimizers import Optimizer
from recurra._rules import BPTT, OnlineRule
from recurra.river._features import Sample
from recurra.river._learning import Factory, OnlineLearning


class RecurrentRegressor(OnlineLearning, base.Regressor):
    """A recurrent network that regresses online: each sample is a step of one long sequence.

    `learn_one` makes a step and learns from it. `predict_one` tells what the next step would give for a
    sample, and makes none: where samples are learned out of order, or later than they are predicted, its
    memory is of what was learned. Features are best scaled first; for targets far from -1 .. 1 wrap the model
    in ``river.preprocessing.TargetStandardScaler``.

    Args:
        network: Makes the layers, given the numbers of features and outputs. None: an LSTM of 16 units and a
            linear readout.
        rule: How the past counts. None: ``RTRL()``, exact.
        optimizer: None: ``Adam(1e-2)``.
        loss: As for `fit`.
        update_every: Samples; an update follows the sum of their gradients.
        clip_norm: Scale the gradient of an update down to this norm. None: never.
        strict: Whether a feature that the first sample did not have, or one that is missing, is an error. If
            not, what is missing is 0 and what is new is left out.
        dtype: "float32" or "float64".
        seed: Of the initial parameters.

    Attributes:
        learner: The `recurra.Online` at work, None before the first sample.
    """

    def __init__(
        self,
        network: Factory | None = None,
        rule: OnlineRule | BPTT | None = None,
        optimizer: Optimizer | None = None,
        loss: LossName | Loss = "mse",
        update_every: int = 1,
        clip_norm: float | None = 1.0,
        strict: bool = True,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        super().__init__(network, rule, optimizer, update_every, clip_norm, strict, dtype, seed)
        self.loss = loss

    def _loss(self) -> LossName | Loss:
        return self.loss

    def learn_one(self, x: Sample, y: base.typing.RegTarget, w: float = 1.0) -> None:
        """Make a step with a sample, and learn from its target.

        Args:
            x: Features by name.
            y: A number.
            w: The sample's weight.

        Raises:
            ValueError, TypeError: a feature, the target or the weight does not fit; nothing has changed then.
        """
        target = number("learn_one: y", y)
        features, learner = self._begin(x, 1, self.loss)
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused
            goal = np.array([target], features.dtype)
        learner.step(features.read("learn_one", x), goal, w)
        self._keep(features, learner)

    def predict_one(self, x: Sample, **_: Any) -> float:  # noqa: ANN401
        """The output of a step with this sample, which is not made. 0 before anything was learned."""
        y = self._output(x, "predict_one")
        return 0.0 if y is None else float(y[0])

    @classmethod
    def _unit_test_params(cls) -> Any:  # noqa: ANN401
        yield {"strict": False}
