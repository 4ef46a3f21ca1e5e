"""Training as perplexities."""

from __future__ import annotations

import math

from recurra._history import Progress


def perplexity_of(loss: float) -> float:
    """exp, which may be infinite."""
    return math.exp(loss) if loss < 700 else math.inf


class PerplexityProgress(Progress):
    """Shows what a cross entropy means, and how many tokens are read in a second."""

    def __init__(self, epochs: int, shown: bool, tokens: int) -> None:
        super().__init__(epochs, shown)
        self._tokens = tokens

    def value(self, loss: float) -> str:
        """A loss as perplexity."""
        return f"perplexity {perplexity_of(loss):.2f}"

    def line(self, epoch: int, loss: float, validation_loss: float, seconds: float) -> str:
        """An epoch as perplexities."""
        validation = "" if math.isnan(validation_loss) else f"  validation {self.value(validation_loss)}"
        speed = f"{self._tokens / max(seconds, 1e-9):.0f} tokens/s"
        return f"epoch {epoch + 1}/{self._epochs}  {self.value(loss)}{validation}  {seconds:.2f} s  {speed}"
