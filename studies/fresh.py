"""Learning from batches that are drawn anew for every update."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import recurra as rc

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """Sequences, (batch, time, features), what is to be said at their steps, and which steps count."""

    x: Array
    target: Array
    mask: Array


@dataclass(frozen=True)
class Training:
    """How a network learns: by an optimizer with this rate at first, and gradients up to `clip_norm` long."""

    optimizer: rc.Optimizer
    rate: float
    updates: int
    clip_norm: float
    decay: float = 0.1  # share of the rate that is left at the last update; it falls as a cosine does


def learn(
    net: rc.Network,
    draw: Callable[[np.random.Generator, float], Batch],
    loss: Literal["cross_entropy", "binary_cross_entropy"],
    training: Training,
    seed: int,
) -> tuple[list[float], float]:
    """The losses of all updates, and the seconds they took.

    Args:
        net: What learns.
        draw: A batch, of a generator and the share of the updates that are done.
        loss: Of the steps that count.
        training: How.
        seed: Draws the batches.
    """
    rng = np.random.default_rng(seed)
    updater = rc.Updater(training.optimizer, net)
    losses = []
    start = time.process_time()
    for update in range(training.updates):
        done = update / training.updates
        batch = draw(rng, done)
        value, gradient = net.loss_and_gradient(batch.x, batch.target, loss, mask=batch.mask)
        norm = float(np.linalg.norm(gradient))
        if norm > training.clip_norm:
            gradient *= training.clip_norm / norm
        falling = 0.5 * (1 + np.cos(np.pi * done))
        updater.learning_rate = training.rate * (training.decay + (1 - training.decay) * falling)
        updater.update(gradient)
        losses.append(value)
    return losses, time.process_time() - start
