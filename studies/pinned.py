"""An online learner of which some weights are not there: they stay 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import recurra as rc

Array = npt.NDArray[np.floating[Any]]


class Pinned:
    """A network with fewer connections than its layers have: `missing` are views of its weights, all made 0.

    Connections of weight 0 carry neither states nor errors, so what the others learn is exactly what they
    would learn without them.
    """

    def __init__(self, learner: rc.Online, missing: Sequence[Array]) -> None:
        self.learner = learner
        self._missing = missing
        self._cut()

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        return self.learner.network.flat.size - sum(view.size for view in self._missing)

    def learn(self, x: Array | None, target: Array, teacher: Array | None = None) -> Array:
        """A step with a target, the update after it; the output."""
        y, _ = self.learner.step(x, target, 1.0, teacher)
        self._cut()
        return y

    def _cut(self) -> None:
        for view in self._missing:
            view[...] = 0
        if self._missing:
            self.learner.reload()
