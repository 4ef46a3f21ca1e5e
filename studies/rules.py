"""The rules that the studies of learning online compare, and a network that learns from a stream by one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import recurra as rc

Array = npt.NDArray[np.floating[Any]]
Rule = rc.OnlineRule | rc.BPTT

EXACT, SNAP = "exact RTRL", "SnAp-1"


def rules(windows: Sequence[int]) -> Mapping[str, Rule]:
    """By name: exact, approximate, and truncated to so many steps."""
    return {EXACT: rc.RTRL(), SNAP: rc.SnAp(1), **{f"BPTT({w})": rc.BPTT(window=w) for w in windows}}


@dataclass(frozen=True)
class Passed:
    """What one pass over a stream gave, at each step before it was learned from."""

    outputs: Array  # (steps, outputs)
    losses: Array  # (steps)
    state: rc.State  # after it
    seconds: float  # of this process


def one_pass(
    net: rc.Network, rule: Rule, loss: Literal["mse", "binary_cross_entropy"], rate: float, x: Array, y: Array
) -> Passed:
    """One step after the other, each with an update by Adam."""
    learner = rc.Online(net, rule, loss, rc.Adam(rate))
    outputs, losses = np.empty_like(y), np.empty(len(y))
    start = time.process_time()
    for t, (x_t, y_t) in enumerate(zip(x, y, strict=True)):
        outputs[t], losses[t] = learner.step(x_t, y_t)
    seconds = time.process_time() - start
    return Passed(outputs, losses, learner.state, seconds)
