"""An end to training that no longer improves."""

from __future__ import annotations

from dataclasses import dataclass

from recurra import _core
from recurra._arrays import count, flag, number


@dataclass(frozen=True)
class EarlyStopping:
    """End training when the loss has not improved for `patience` epochs in a row.

    The loss is the validation loss if there is one, else the training loss.

    Args:
        patience: Epochs, at least 1.
        min_delta: How much lower than the best a loss must be to be a new best, at least 0.
        restore_best: When training ends, early or not, give the network the parameters of its best epoch; but
            not when Ctrl-C ends it.
    """

    patience: int
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        self._core()  # checks the settings

    def _core(self) -> _core.EarlyStopping:
        patience = count("EarlyStopping: patience", self.patience, 1)
        min_delta = number("EarlyStopping: min_delta", self.min_delta)
        restore_best = flag("EarlyStopping: restore_best", self.restore_best)
        return _core.EarlyStopping(patience, min_delta, restore_best)
