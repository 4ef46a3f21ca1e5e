"""Linear models of the next output by least squares: ARX, and AR where there is no input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]


def delayed(series: Array, steps: int) -> Array:
    """(experiments, time, features) some steps later, zeros before the start."""
    late = np.zeros_like(series)
    late[:, steps:] = series[:, : series.shape[1] - steps]
    return late


@dataclass(frozen=True)
class Arx:
    """y_t = c + A_1 y_{t-1} + ... + A_n y_{t-n} + B_0 u_t + ... + B_m u_{t-m}, at rest before the start.

    Attributes:
        outputs: (n, outputs, outputs), the A.
        inputs: (m + 1, outputs, inputs), the B.
        constant: (outputs,), c.
    """

    outputs: Array
    inputs: Array
    constant: Array

    @classmethod
    def fit(cls, u: Array, y: Array, n: int, m: int, start: int = 0) -> Arx:
        """Least squares of the one-step error over the steps from `start` on."""
        lags = [delayed(u, k) for k in range(m + 1)] + [delayed(y, k) for k in range(1, n + 1)]
        columns = np.concatenate([*lags, np.ones((*y.shape[:2], 1))], axis=2)[:, start:]
        wanted = y[:, start:].reshape(-1, y.shape[2])
        solution = np.linalg.lstsq(columns.reshape(len(wanted), -1), wanted, rcond=None)[0]
        cut = (m + 1) * u.shape[2]
        return cls(
            outputs=solution[cut:-1].reshape(n, y.shape[2], y.shape[2]).transpose(0, 2, 1),
            inputs=solution[:cut].reshape(m + 1, u.shape[2], y.shape[2]).transpose(0, 2, 1),
            constant=solution[-1],
        )

    def one_step(self, u: Array, y: Array) -> Array:
        """The next outputs, from the true ones so far."""
        ahead = self.constant + sum(delayed(u, k) @ b.T for k, b in enumerate(self.inputs))
        known: Array = ahead + sum(delayed(y, k) @ a.T for k, a in enumerate(self.outputs, 1))
        return known

    def simulate(self, u: Array) -> Array:
        """The outputs from the inputs alone, from rest: closed loop."""
        driven = self.constant + sum(delayed(u, k) @ b.T for k, b in enumerate(self.inputs))
        y = np.zeros((*u.shape[:2], len(self.constant)))
        for t in range(u.shape[1]):
            past = (y[:, t - k] @ a.T for k, a in enumerate(self.outputs, 1) if k <= t)
            y[:, t] = driven[:, t] + sum(past)
        return y

    def forecast(self, history: Array, steps: int) -> Array:
        """(series, steps, outputs) to come, without input, after at least n steps of history."""
        y = [history[:, t] for t in range(-len(self.outputs), 0)]
        for _ in range(steps):
            past = sum(y[-k] @ a.T for k, a in enumerate(self.outputs, 1))
            y.append(self.constant + past)
        return np.stack(y[len(self.outputs) :], axis=1)
