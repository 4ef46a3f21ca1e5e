"""The first LSTM, in online learning as in its paper: published numbers beside ours.

S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997): experiment 1 (the
embedded Reber grammar), experiment 2a (real-time recurrent learning at a lag of 4 steps) and experiment 4 (to
add two marked values among a hundred), with the paper's networks to the number of weights, its ranges of
initial weights, biases, learning rates, and an update at every step. Its rule, in which errors leave a memory
cell and never come back, is ``rc.EProp()`` on ``rc.LSTM1997``; beside it stands the exact gradient.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import recurra as rc

from studies import report
from studies.pinned import Pinned
from studies.sequences1997 import SYMBOLS, Array, Symbols, adding, embedded_reber, lag

THE_1997_RULE = rc.EProp()
WRONG = 0.04  # of experiment 4: an error at the end of a sequence that is not less
LARGEST = 0.25  # of experiment 2a: no output may be further off
SUCCESSIVE = {"lag": 10_000, "adding": 2_000}  # sequences without a mistake


@dataclass(frozen=True)
class Result:
    """Sequences seen until the paper's criterion was met, if it was; wrong answers to fresh ones, if asked."""

    sequences: int | None
    seconds: float
    wrong: int | None = None
    error: float = math.nan


def learner(
    layers: Sequence[rc.Layer], reach: float, rule: rc.OnlineRule, rate: float, seed: int
) -> rc.Online:
    """All weights uniform in +-reach. The paper's gradients are half of those of the sum of squares."""
    net = rc.Network(layers, dtype="float64")
    net.flat[:] = np.random.default_rng(seed).uniform(-reach, reach, net.flat.size)
    return rc.Online(net, rule, "mse", rc.SGD(rate * net.output_size / 2))


def grammarian(blocks: int, size: int, rule: rc.OnlineRule, rate: float, seed: int) -> Pinned:
    """Experiment 1: outputs see the cells alone and have no biases; output gates begin shut, -1, -2, ..."""
    cells, symbols = blocks * size, len(SYMBOLS)
    layers = [rc.LSTM1997(symbols, blocks, size, gates_out=False), rc.Linear(cells, symbols), rc.Logistic()]
    made = learner(layers, 0.2, rule, rate, seed)
    parameters = made.network.parameters
    parameters["0.bias"][blocks:] = -np.arange(1, blocks + 1)
    return Pinned(made, [parameters["1.bias"]])


def one_unit(size: int, rule: rc.OnlineRule, rate: float, seed: int) -> Pinned:
    """Experiment 2a: one hidden unit connected to itself, outputs that see it and the inputs, no biases."""
    layers = [rc.Skip([rc.Elman(size, 1, "logistic")]), rc.Linear(size + 1, size), rc.Logistic()]
    made = learner(layers, 0.2, rule, rate, seed)
    parameters = made.network.parameters
    return Pinned(made, [parameters["0.0.bias"], parameters["1.bias"]])


def adder(rule: rc.OnlineRule, rate: float, seed: int) -> Pinned:
    """Experiment 4: two blocks of two cells; input gates begin shut, -3 and -6."""
    made = learner([rc.LSTM1997(2, 2, 2), rc.Linear(8, 1), rc.Logistic()], 0.1, rule, rate, seed)
    made.network.parameters["0.bias"][:2] = [-3, -6]
    return Pinned(made, [])


class Exam:
    """Strings of different lengths, side by side."""

    def __init__(self, strings: Sequence[Symbols]) -> None:
        shape = (len(strings), max(len(s.text) for s in strings) - 1, len(SYMBOLS))
        self._x, self._possible = np.zeros(shape), np.zeros(shape, bool)
        for row, possible, string in zip(self._x, self._possible, strings, strict=True):
            row[: len(string.text) - 1] = string.inputs
            possible[: len(string.text) - 1] = string.possible
        self._counts = self._possible.any(axis=2)

    def failed(self, net: rc.Network) -> int:
        """Strings in which the most active outputs were not at every step the symbols that may follow."""
        y = net(self._x)
        least = np.where(self._possible, y, np.inf).min(axis=2)
        others = np.where(self._possible, -np.inf, y).max(axis=2)
        return int(((least <= others) & self._counts).any(axis=1).sum())


def reber_strings(seed: int) -> tuple[list[Symbols], list[Symbols]]:
    """256 strings to learn from and 256 to test with."""
    rng = np.random.default_rng([1997, seed])
    drawn = [embedded_reber(rng) for _ in range(512)]
    return drawn[:256], drawn[256:]


def learn_grammar(blocks: int, size: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Strings in random order until those of both sets are mastered, looked at after every 100."""
    training, test = reber_strings(seed)
    pinned = grammarian(blocks, size, rule, rate, seed)
    strings = [list(zip(s.inputs, s.targets, strict=True)) for s in training]
    exam, order = Exam(training + test), np.random.default_rng([1998, seed])
    start = time.process_time()
    for count in range(limit + 1):
        if count % 100 == 0 and exam.failed(pinned.learner.network) == 0:
            return Result(count, time.process_time() - start)
        pinned.learner.reset()
        for x, target in strings[order.integers(len(strings))]:
            pinned.learn(x, target)
    return Result(None, time.process_time() - start)


def learn_lag(size: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Both sequences at random until no output was far off in 10,000 successive ones, which do not count."""
    pinned = one_unit(size, rule, rate, seed)
    sequences = [list(zip(*lag(first, size), strict=True)) for first in (0, 1)]
    order = np.random.default_rng([1998, seed])
    right, wanted = 0, SUCCESSIVE["lag"]
    start = time.process_time()
    for count in range(1, limit + wanted + 1):
        pinned.learner.reset()
        far = False
        for x, target in sequences[order.integers(2)]:
            y = pinned.learn(x, target)
            far = far or bool(np.abs(y - target).max() >= LARGEST)
        right = 0 if far else right + 1
        if right == wanted:
            return Result(count - wanted, time.process_time() - start)
        if right == 0 and count >= limit:
            break
    return Result(None, time.process_time() - start)


def learn_adding(steps: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Fresh sequences until 2,000 successive ones were right; then wrong ones of 2,560 others."""
    pinned = adder(rule, rate, seed)
    rng, right = np.random.default_rng([1997, seed]), 0
    start = time.process_time()
    for count in range(1, limit + 1):
        pairs, wanted = adding(steps, rng)
        pinned.learner.reset()
        for x in pairs[:-1]:
            pinned.learner.step(x)
        y = pinned.learn(pairs[-1], np.array([wanted]))
        right = right + 1 if abs(float(y[0]) - wanted) < WRONG else 0
        if right == SUCCESSIVE["adding"]:
            return Result(count, time.process_time() - start, *test_adding(pinned.learner.network, steps))
    return Result(None, time.process_time() - start, *test_adding(pinned.learner.network, steps))


def test_adding(net: rc.Network, steps: int) -> tuple[int, float]:
    """How many of 2,560 fresh sequences come out wrong, and the mean squared error."""
    rng = np.random.default_rng(2560)
    drawn = [adding(steps, rng) for _ in range(2560)]
    lengths = [len(pairs) for pairs, _ in drawn]
    x = np.zeros((len(drawn), max(lengths), 2))
    for row, (pairs, _) in zip(x, drawn, strict=True):
        row[: len(pairs)] = pairs
    outputs: Array = net(x)[np.arange(len(drawn)), np.array(lengths) - 1, 0]
    errors = np.abs(outputs - [wanted for _, wanted in drawn])
    return int((errors >= WRONG).sum()), float(np.mean(errors**2))
