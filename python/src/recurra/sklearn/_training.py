"""Training by an estimator's settings, and running what was trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator  # type: ignore[import-untyped]

import recurra as rc
from recurra._arrays import BoolArray, FloatArray, IntArray, flag, number
from recurra._losses import LossName

SEQUENCES_AT_ONCE = 256  # bounds the memory of a prediction


class Trained(BaseEstimator):  # type: ignore[misc]
    """What all estimators share: a network, and how it is trained.

    Args (of every estimator, by keyword):
        epochs: Passes over the data.
        batch_size: Sequences per update.
        learning_rate: Of AdamW, with `weight_decay`.
        clip_norm: Scale a gradient down to this norm. None: never.
        standardize: Scale every feature of the input, and of numeric targets, to mean 0 and deviation 1 over
            all steps; predictions are scaled back.
        early_stopping: Hold `validation_fraction` of the sequences out, stop when their loss has not
            improved for `n_iter_no_change` epochs, and keep the best parameters.
        dtype: Of the network, "float32" or "float64"; inputs of any real dtype are converted.
        random_state: Of weights, order and dropout.
        verbose: Show the progress on standard error.

    Attributes:
        network_: The `recurra.Network`.
        history_: The `recurra.History` of its training.
        n_features_in_: Features of the input.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float | None
    standardize: bool
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int
    dtype: npt.DTypeLike
    random_state: int | np.random.RandomState | None
    verbose: bool
    network_: rc.Network
    history_: rc.History
    n_features_in_: int

    def _train(
        self,
        network: rc.Network,
        x: FloatArray,
        y: npt.NDArray[Any],
        lengths: IntArray,
        loss: LossName | rc.Loss,
        random: np.random.RandomState,
        *,
        rule: rc.BPTT | None = None,
        mask: BoolArray | None = None,
        teacher: bool = False,
    ) -> rc.History:
        validation, stopping = None, None
        if flag("early_stopping", self.early_stopping):
            validation = self._checked_fraction(len(x))
            stopping = rc.EarlyStopping(self.n_iter_no_change)
            order = random.permutation(len(x))  # the last ones are held out
            x, y, lengths, mask = x[order], y[order], lengths[order], None if mask is None else mask[order]
            if mask is not None:
                _check_both_sides(mask, validation)
        return rc.fit(
            network,
            x,
            y,
            lengths=lengths,
            mask=mask,
            teacher=teacher,
            loss=loss,
            optimizer=rc.AdamW(self.learning_rate, weight_decay=self.weight_decay),
            rule=rule,
            epochs=self.epochs,
            batch_size=self.batch_size,
            clip_norm=self.clip_norm,
            validation=validation,
            early_stopping=stopping,
            progress=flag("verbose", self.verbose),
            seed=draw_seed(random),
        )

    def _checked_fraction(self, total: int) -> float:
        fraction = number("validation_fraction", self.validation_fraction)
        if not 0 < fraction < 1 or not 0 < round(total * fraction) < total:
            raise ValueError(
                f"validation_fraction is {fraction} of {total} sequences, expected at least one on each side"
            )
        return fraction


def _check_both_sides(mask: BoolArray, fraction: float) -> None:
    """Raise ValueError where nothing counts on one side: its loss would be 0, which nothing improves."""
    cut = len(mask) - round(len(mask) * fraction)
    for side, part in (("training", mask[:cut]), ("held-out", mask[cut:])):
        if not part.any():
            raise ValueError(
                f"early_stopping is True, but no step of the {len(part)} {side} series counts, "
                "expected one on each side"
            )


def run(
    network: rc.Network, x: FloatArray, lengths: IntArray, teacher: FloatArray | None = None
) -> FloatArray:
    """The network's output for many sequences, some at a time."""
    outputs = []
    for start in range(0, len(x), SEQUENCES_AT_ONCE):
        part = slice(start, start + SEQUENCES_AT_ONCE)
        told = None if teacher is None else teacher[part]
        outputs.append(network(x[part], lengths=lengths[part], teacher=told))
    return np.concatenate(outputs)


def draw_seed(random: np.random.RandomState) -> int:
    """A seed for one of the library's generators."""
    return int(random.randint(2**31 - 1))
