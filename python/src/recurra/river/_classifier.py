"""A recurrent network that classifies online."""

from __future__ import annotations

from typing import Any

import numpy as np
from river import base

from recurra._arrays import count
from recurra._losses import Loss, LossName
from recurra._optimizers import Optimizer
from recurra._rules import BPTT, OnlineRule
from recurra.river._features import Sample
from recurra.river._learning import Factory, OnlineLearning


class RecurrentClassifier(OnlineLearning, base.Classifier):
    """A recurrent network that classifies online: each sample is a step of one long sequence.

    The network has `max_classes` outputs from the beginning; a class takes the next one when it is first
    learned. As for `RecurrentRegressor`, `learn_one` makes a step and predictions make none.

    Args:
        network: Makes the layers, given the numbers of features and classes; their outputs are logits. None:
            an LSTM of 16 units and a linear readout.
        rule: How the past counts. None: ``RTRL()``, exact.
        optimizer: None: ``Adam(1e-2)``.
        max_classes: How many classes there may be.
        update_every: Samples; an update follows the sum of their gradients.
        clip_norm: Scale the gradient of an update down to this norm. None: never.
        strict: As for `RecurrentRegressor`.
        dtype: "float32" or "float64".
        seed: Of the initial parameters.

    Attributes:
        learner: The `recurra.Online` at work, None before the first sample.
        classes: Those learned so far, in the order of their outputs.
    """

    def __init__(
        self,
        network: Factory | None = None,
        rule: OnlineRule | BPTT | None = None,
        optimizer: Optimizer | None = None,
        max_classes: int = 10,
        update_every: int = 1,
        clip_norm: float | None = 1.0,
        strict: bool = True,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        super().__init__(network, rule, optimizer, update_every, clip_norm, strict, dtype, seed)
        self.max_classes = max_classes
        self.classes: list[base.typing.ClfTarget] = []

    @property
    def _multiclass(self) -> bool:
        return True

    def _loss(self) -> LossName | Loss:
        return "cross_entropy"

    def learn_one(self, x: Sample, y: base.typing.ClfTarget, w: float = 1.0) -> None:
        """Make a step with a sample, and learn its class.

        Args:
            x: Features by name.
            y: The class: a truth value, a number or a string.
            w: The sample's weight.

        Raises:
            ValueError, TypeError: a feature or the weight does not fit, or there are more than `max_classes`
                classes; nothing has changed then.
        """
        outputs = count("RecurrentClassifier: max_classes", self.max_classes, 2)
        known = y in self.classes
        if not known and len(self.classes) == outputs:
            raise ValueError(
                f"learn_one: y is {y!r}, expected one of the max_classes={outputs} of {self.classes}"
            )
        place = self.classes.index(y) if known else len(self.classes)
        features, learner = self._begin(x, outputs, self._loss())
        learner.step(features.read("learn_one", x), place, w)
        self._keep(features, learner)
        if not known:
            self.classes.append(y)

    def predict_proba_one(self, x: Sample, **_: Any) -> dict[base.typing.ClfTarget, float]:  # noqa: ANN401
        """The probabilities of the classes learned so far, of a step with this sample, which is not made."""
        y = self._output(x, "predict_proba_one")
        if y is None:
            return {}
        logits = y[: len(self.classes)].astype(np.float64)
        weights = np.exp(logits - logits.max())
        return dict(zip(self.classes, (weights / weights.sum()).tolist(), strict=True))

    @classmethod
    def _unit_test_params(cls) -> Any:  # noqa: ANN401
        yield {"strict": False}
