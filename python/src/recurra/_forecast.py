"""A network that goes on by itself, from what was seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra._arrays import FloatArray, check_shape, count, floats, integers
from recurra._network_base import NetworkBase


class ForecastMethods(NetworkBase):
    """What a `Network` says of the steps to come."""

    def forecast(self, history: npt.ArrayLike, steps: int, x: npt.ArrayLike | None = None) -> FloatArray:
        """The outputs of the steps after `history`, each fed back to give the next (a closed loop).

        The last layer is a Feedback, which is first given the history as its teacher. Or the network has no
        Feedback and as many inputs as outputs: an output is the next input.

        Args:
            history: (time, output) or (batch, time, output), the outputs seen so far, at least one step.
            steps: How many to forecast.
            x: (time + steps, features) or (batch, time + steps, features), the inputs beside the history and
                those of the steps to come, or class ids without the last axis; None for a network without
                input or without Feedback.

        Returns:
            (steps, output), or (batch, steps, output) if the history has a batch axis.

        Raises:
            ValueError: a shape, or a network that does not forecast; a value that is not finite.
        """
        steps = count("forecast: steps", steps, 1)
        past = floats("history", history, self.dtype)
        if past.ndim not in (2, 3) or past.shape[-1] != self.output_size or 0 in past.shape:
            raise ValueError(
                f"history has shape {past.shape}, expected (time, {self.output_size}) or "
                f"(batch, time, {self.output_size}), at least one step"
            )
        single = past.ndim == 2
        past = past[np.newaxis] if single else past
        inputs = None
        if x is not None:
            inputs = self._inputs_ahead(x, past.shape[1] + steps, None if single else past.shape[0])
        y = self._core.forecast(past, inputs, steps)
        return y[0] if single else y

    def _inputs_ahead(self, x: npt.ArrayLike, steps: int, batch: int | None) -> FloatArray:
        """The inputs of a forecast, with a batch axis."""
        leading, axes = (
            ((steps,), "time + steps") if batch is None else ((batch, steps), "batch, time + steps")
        )
        if self._core.takes_ids:
            ids = integers("x", x)
            check_shape("x", ids, leading, f"({axes})")
            inputs: FloatArray = np.ascontiguousarray(ids[..., np.newaxis], dtype=self.dtype)
        else:
            inputs = floats("x", x, self.dtype)
            check_shape("x", inputs, (*leading, self.input_size), f"({axes}, features)")
        return inputs[np.newaxis] if batch is None else inputs
