"""A toy task for the tests of fit."""

from typing import Any

import numpy as np
import recurra as rc
from problems import Array


def running_sum(sequences: int = 64, time: int = 12, dtype: str = "float32") -> tuple[Array, Array]:
    """Inputs and their running sum."""
    x = np.random.default_rng(0).choice([-1.0, 1.0], (sequences, time, 1)).astype(dtype)
    return x, np.tanh(np.cumsum(x, axis=1) / 3)


def small(dtype: str = "float32", seed: int = 0) -> rc.Network:
    return rc.Network([rc.GRU(1, 8), rc.Linear(8, 1)], dtype=dtype, seed=seed)


def fit(network: rc.Network, x: Any, y: Any, **options: Any) -> rc.History:  # noqa: ANN401
    return rc.fit(network, x, y, **{"progress": False, "epochs": 3, "batch_size": 16, **options})
