"""Two plants to identify, and records of them: what goes in, what comes out, what noise leaves of it.

Both are of K. S. Narendra and K. Parthasarathy, Identification and control of dynamical systems using neural
networks, IEEE Transactions on Neural Networks 1 (1990), with the inputs they test on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

NOISE = 0.05  # standard deviation of the measurement's, relative to the output's
HOLD = 10  # an input keeps its level for at most so many steps


@dataclass(frozen=True)
class Plant:
    """y(k+1) from the past outputs, newest first, and the past inputs, newest first; at rest all are 0."""

    name: str
    equation: str
    inputs: int
    outputs: int
    following: Callable[[list[Array], list[Array]], Array]  # of arrays (experiments, outputs or inputs)
    probe: Callable[[npt.NDArray[np.intp]], Array]  # the paper's test input at steps k

    def simulate(self, u: Array) -> Array:
        """Outputs (experiments, time, outputs) from rest; y[:, t] is y(t + 1), the first u[:, t] moves."""
        count, time, _ = u.shape
        rest: Array = np.zeros((count, self.outputs))
        y, before = [rest, rest, rest], np.zeros_like(u[:, 0])
        for t in range(time):
            y.append(self.following([y[-1], y[-2], y[-3]], [u[:, t], before]))
            before = u[:, t]
        return np.stack(y[3:], axis=1)


def _fourth(y: list[Array], u: list[Array]) -> Array:
    (x1, x2, x3), (x4, x5) = y, u
    following: Array = (x1 * x2 * x3 * x5 * (x3 - 1) + x4) / (1 + x2**2 + x3**2)
    return following


def _fourth_probe(k: npt.NDArray[np.intp]) -> Array:
    slow, fast = np.sin(2 * np.pi * k / 250), np.sin(2 * np.pi * k / 25)
    u: Array = np.where(k <= 500, slow, 0.8 * slow + 0.2 * fast)[:, np.newaxis]
    return u


def _fifth(y: list[Array], u: list[Array]) -> Array:
    y1, y2 = y[0][:, 0], y[0][:, 1]
    following: Array = np.stack([y1, y1 * y2], axis=1) / (1 + y2**2)[:, np.newaxis] + u[0]
    return following


def _fifth_probe(k: npt.NDArray[np.intp]) -> Array:
    return np.stack([np.sin(2 * np.pi * k / 25), np.cos(2 * np.pi * k / 25)], axis=1)


PLANTS = (
    Plant(
        "one input, one output (example 4)",
        "y(k+1) = (y(k) y(k-1) y(k-2) u(k-1) (y(k-2) - 1) + u(k)) / (1 + y(k-1)^2 + y(k-2)^2)",
        1, 1, _fourth, _fourth_probe,
    ),
    Plant(
        "two inputs, two outputs (example 5)",
        "y1(k+1) = y1(k) / (1 + y2(k)^2) + u1(k), y2(k+1) = y1(k) y2(k) / (1 + y2(k)^2) + u2(k)",
        2, 2, _fifth, _fifth_probe,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Record:
    """Experiments from rest: inputs, what the plant did, and what was measured of it."""

    u: Array
    y: Array
    measured: Array


def record(plant: Plant, count: int, time: int, seed: int) -> Record:
    """Inputs of random levels in [-1, 1), each held for 1 to `HOLD` steps in half of the experiments."""
    rng = np.random.default_rng(seed)
    u = rng.uniform(-1, 1, (count, time, plant.inputs))
    for held in u[::2]:
        held[:] = np.repeat(held, rng.integers(1, HOLD + 1, time), axis=0)[:time]
    y = plant.simulate(u)
    noise = NOISE * y.std(axis=(0, 1)) * rng.standard_normal(y.shape)
    return Record(u, y, y + noise)


def probe(plant: Plant, time: int) -> Record:
    """The paper's test, one experiment, without noise."""
    u = plant.probe(np.arange(time))[np.newaxis]
    y = plant.simulate(u)
    return Record(u, y, y)


def nrmse(simulated: Array, y: Array) -> float:
    """Root mean squared error of each output relative to its deviation, in the mean square over outputs."""
    return float(np.sqrt(_squares(simulated, y).mean()))


def typical(simulated: Array, y: Array) -> float:
    """As `nrmse`, but the root of the median over steps: a few large errors do not show in it."""
    return float(np.sqrt(np.median(_squares(simulated, y))))


def _squares(simulated: Array, y: Array) -> Array:
    relative: Array = np.mean((simulated - y) ** 2 / y.var(axis=(0, 1)), axis=2)
    return relative
