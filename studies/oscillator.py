"""Learn to oscillate, and to answer in a pipeline: the first problems of real-time recurrent learning.

R. J. Williams and D. Zipser, A learning algorithm for continually running fully recurrent neural networks,
Neural Computation 1 (1989). A few logistic units, each connected to all, learn while they run. An oscillator
has no input: its first unit is to repeat 01, 0011 or a sine, and must do so alone in the end. While it learns
the true values are fed back in place of its own (teacher forcing), or are not. The pipelined XOR has two
random bits as input, and the first unit is to give their XOR after they passed through two layers of units.
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
from studies.pinned import Array, Pinned

UNTIL = 200  # steps that have to be right, one after the other
TOLERANCE = {"bits": 0.5, "sine": 0.1}


@dataclass(frozen=True)
class Oscillator:
    """What the first unit is to repeat."""

    name: str
    period: Array
    tolerance: float

    def wave(self, steps: int) -> Array:
        """It, (steps, 1), over and over."""
        return np.resize(self.period, steps)[:, np.newaxis]


def _bits(name: str) -> Oscillator:
    return Oscillator(name, np.array([float(bit) for bit in name]), TOLERANCE["bits"])


SINE = Oscillator("sine", 0.5 + 0.4 * np.sin(2 * np.pi * np.arange(25) / 25), TOLERANCE["sine"])
ZERO_ONE, ZERO_ZERO_ONE_ONE = _bits("01"), _bits("0011")


@dataclass(frozen=True)
class Task:
    """The size of the network and the settings of a problem."""

    units: int
    forced: bool
    rate: float
    limit: int  # steps until it counts as failed
    check: int  # steps between two trials
    seeds: Sequence[int]


@dataclass(frozen=True)
class Result:
    """Steps until it did it alone, if it did."""

    steps: int | None
    seconds: float


def oscillator(units: int, rate: float, seed: int) -> Pinned:
    """Fully recurrent units, the first of which is fed back, so that a teacher may take its place.

    Feedback brings the first unit as an input, so its own connections to the others are not there.
    """
    net = rc.Network(
        [rc.Feedback([rc.FullyRecurrent(1, units, 1, "logistic")])],
        dtype="float64", seed=seed, init=rc.Init(bias="zeros"),
    )  # fmt: skip
    # The paper's error is half the squared one, whose gradient is half of this loss's.
    learner = rc.Online(net, rc.RTRL(), "mse", rc.SGD(rate / 2))
    return Pinned(learner, [net.parameters["0.0.weight_hh"][:, :1]])


def alone(learner: rc.Online, wave: Oscillator, steps: int) -> bool:
    """Whether it goes on as it should for `UNTIL` steps, from where it is after so many steps of learning."""
    stream = learner.network.stream()
    stream.state = learner.state
    expected = wave.wave(steps + UNTIL)[steps:]
    went = np.stack([stream.step() for _ in expected])
    return bool((np.abs(went - expected) < wave.tolerance).all())


def oscillate(wave: Oscillator, task: Task, seed: int) -> Result:
    """Learn at every step; from time to time stop, and see whether the network runs on alone."""
    pinned = oscillator(task.units, task.rate, seed)
    values = wave.wave(len(wave.period))
    start = time.process_time()
    for steps in range(task.limit):
        if steps % task.check == 0 and alone(pinned.learner, wave, steps):
            return Result(steps, time.process_time() - start)
        value = values[steps % len(values)]
        pinned.learn(None, value, value if task.forced else None)
    return Result(None, time.process_time() - start)


def random_bits(steps: int, seed: int) -> tuple[Array, Array]:
    """Two random bits at each step, and the XOR of those of the step before (at the first, 0).

    A step of the library's takes the input to all units, and the next one takes them on from there; the paper
    counts the input's own step too, and calls this a delay of two.
    """
    bits = np.random.default_rng(seed).integers(0, 2, (steps, 2)).astype(np.float64)
    either = (bits[:, :1] != bits[:, 1:]).astype(np.float64)
    return bits, np.concatenate([np.zeros((1, 1)), either[:-1]])


def pipeline(task: Task, seed: int) -> Result:
    """Learn from one stream of bits; from time to time answer `UNTIL` others."""
    net = rc.Network([rc.FullyRecurrent(2, task.units, 1, "logistic")], dtype="float64", seed=seed)
    learner = rc.Online(net, rc.RTRL(), "mse", rc.SGD(task.rate / 2))
    fresh, answers = random_bits(UNTIL + 1, seed=10_000 + seed)
    x, y = random_bits(task.limit, seed)
    start = time.process_time()
    for steps in range(task.limit):
        if steps % task.check == 0 and (np.abs(net(fresh) - answers)[1:] < TOLERANCE["bits"]).all():
            return Result(steps, time.process_time() - start)
        learner.step(x[steps], y[steps])
    return Result(None, time.process_time() - start)


@dataclass(frozen=True)
class Row:
    """A line of the table: a problem, whether the teacher is fed back, and the settings."""

    name: str
    train: Callable[[Task, int], Result]
    task: Task


def rows(quick: bool) -> list[Row]:
    """The study's, or those of seconds."""
    limit, seeds = (10_000, (0, 1)) if quick else (100_000, tuple(range(10)))
    problems: list[tuple[Oscillator, int, float]] = [
        (ZERO_ONE, 2, 1.0),
        (ZERO_ZERO_ONE_ONE, 2, 1.0),
        (ZERO_ZERO_ONE_ONE, 4, 1.0),
        (ZERO_ZERO_ONE_ONE, 4, 10.0),
        (SINE, 4, 4.0),
    ]
    found = []
    for wave, units, rate in problems[1:2] if quick else problems:
        for forced in (True, False):
            task = Task(units, forced, rate, limit, 100, seeds)
            found.append(Row(wave.name, partial(oscillate, wave), task))
    for units in (3,) if quick else (3, 4):
        found.append(Row("pipelined XOR", pipeline, Task(units, False, 1.0, limit, 100, seeds)))
    return found


def line(row: Row, results: Sequence[Result]) -> list[str]:
    """Of the table."""
    reached = sorted(math.inf if r.steps is None else r.steps for r in results)
    middle = statistics.median(reached)
    each = ", ".join("-" if r.steps is None else str(r.steps) for r in results)
    solved = sum(r.steps is not None for r in results)
    return [
        row.name,
        str(row.task.units),
        "-" if row.train is pipeline else "yes" if row.task.forced else "no",
        f"{row.task.rate:g}",
        f"{solved} of {len(results)}",
        f"**{'-' if math.isinf(middle) else f'{middle:g}'}** ({each})",
        f"{statistics.median(r.seconds for r in results):.2f}",
    ]


def run(options: argparse.Namespace) -> dict[tuple[str, int, bool, float], list[Result]]:
    """Print the study; the results by problem, units, forcing and rate."""
    table = rows(options.quick)
    task = table[0].task
    report.print_header(
        "Oscillators and a pipelined XOR",
        options.command,
        f"Fully recurrent logistic units, float64, exact RTRL, an update by plain gradient descent at every "
        f"step, rates as in the paper's equations; seeds {', '.join(map(str, task.seeds))}",
        f"Steps: until it did it alone, to the next {task.check}, median and all seeds, - if not within "
        f"{task.limit}. An oscillator has to run on by itself for {UNTIL} steps from where learning stopped, "
        f"with the bits on the right side of {TOLERANCE['bits']:g} and the sine of period "
        f"{len(SINE.period)} and amplitude 0.4 within {TOLERANCE['sine']:g}; the XOR has to be right "
        f"for {UNTIL} other pairs of bits. Seconds: of processor time, of one run with these trials, median",
    )
    found = {}
    lines = []
    for row in table:
        print(f"{row.name}, {row.task}", file=sys.stderr, flush=True)
        results = [row.train(row.task, seed) for seed in row.task.seeds]
        found[row.name, row.task.units, row.task.forced, row.task.rate] = results
        lines.append(line(row, results))
    report.print_table(("problem", "units", "teacher", "rate", "solved", "steps", "seconds"), lines)
    return found
