"""What training leaves behind, and how it shows."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import TextIO


@dataclass
class History:
    """The complete epochs of a `fit`.

    Attributes:
        loss: Mean training loss of each epoch, every batch before its update.
        validation_loss: After each epoch; empty without validation data, NaN where Ctrl-C came in between.
        learning_rate: That of each epoch.
        seconds: Duration of each epoch.
        best_epoch: The epoch, from 0, with the lowest loss: the validation loss if there is one, and as
            `EarlyStopping` sees it if it is asked for. None without a complete epoch.
        stopped_early: Whether early stopping ended the training before its last epoch.
        interrupted: Whether Ctrl-C ended the training; the parameters are those of the last update.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    stopped_early: bool = False
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.loss)


def describe(epoch: int, epochs: int, loss: float, validation_loss: float, seconds: float) -> str:
    """One epoch as a line."""
    validation = "" if math.isnan(validation_loss) else f"  validation_loss {validation_loss:.6g}"
    return f"epoch {epoch + 1}/{epochs}  loss {loss:.6g}{validation}  {seconds:.2f} s"


class Progress:
    """Shows training: a bar on a terminal (tqdm's, or a plain one), elsewhere a line per epoch."""

    def __init__(self, epochs: int, shown: bool, file: TextIO | None = None) -> None:
        self._epochs = epochs
        self._shown = shown
        self._file = file if file is not None else sys.stderr
        self._bar = None
        self._terminal = shown and self._file.isatty()
        if self._terminal:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=None, unit="batch", file=self._file, leave=False, dynamic_ncols=True)

    @property
    def wants_batches(self) -> bool:
        """Whether `batch` does anything."""
        return self._terminal

    def value(self, loss: float) -> str:
        """A loss in words."""
        return f"loss {loss:.6g}"

    def line(self, epoch: int, loss: float, validation_loss: float, seconds: float) -> str:
        """An epoch in words."""
        return describe(epoch, self._epochs, loss, validation_loss, seconds)

    def batch(self, epoch: int, batch: int, batches: int, loss: float) -> None:
        """A batch is done."""
        if self._bar is None:
            done, width = batch / batches, 24
            bar = f"[{'=' * int(done * width):{width}}]"
            self._rewrite(f"epoch {epoch + 1}/{self._epochs} {bar} {batch}/{batches}  {self.value(loss)}")
            return
        if self._bar.total is None:
            self._bar.reset(total=self._epochs * batches)
        self._bar.set_description(f"epoch {epoch + 1}/{self._epochs}", refresh=False)
        self._bar.set_postfix_str(self.value(loss), refresh=False)
        self._bar.update(epoch * batches + batch - self._bar.n)  # a resumed run begins further on

    def epoch(self, epoch: int, loss: float, validation_loss: float, seconds: float) -> None:
        """An epoch is done."""
        line = self.line(epoch, loss, validation_loss, seconds)
        if self._bar is not None:
            self._bar.write(line, file=self._file)
        elif self._shown:
            self._rewrite("")
            print(line, file=self._file, flush=True)

    def _rewrite(self, text: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{text}", end="", file=self._file, flush=True)

    def close(self, interrupted: bool) -> None:
        """Training is over."""
        if self._bar is not None:
            self._bar.close()
        else:
            self._rewrite("")
        if self._shown and interrupted:
            print("interrupted: the network keeps its last update", file=self._file, flush=True)
