"""Copy a sequence of random vectors of bits: a neural Turing machine, and an LSTM beside it.

A. Graves, G. Wayne and I. Danihelka, Neural Turing machines, 2014, section 4.1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import recurra as rc

from studies import report
from studies.fresh import Batch, Training, learn


@dataclass(frozen=True)
class Task:
    """Data and settings."""

    bits: int
    learned: int  # the longest sequences to learn from
    lengths: Sequence[int]  # that are tested
    sequences: int  # for each of them
    locations: int
    width: int
    units: int
    lstm_units: int
    batch: int
    training: Training
    seeds: Sequence[int]


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    if quick:
        return Task(3, 3, (3, 6), 20, 12, 6, 16, 20, 16, Training(rc.Adam(), 0.01, 150, 5.0), (0,))
    return Task(
        8, 20, (10, 20, 40, 80), 50, 128, 20, 64, 64, 16, Training(rc.Adam(), 3e-3, 3000, 5.0), (0, 1, 2)
    )


def copies(length: int, count: int, bits: int, rng: np.random.Generator) -> Batch:
    """Bits and a mark where they begin and end, then nothing while they are to be repeated."""
    x = np.zeros((count, 2 * length + 2, bits + 2), np.float32)
    target = np.zeros((count, 2 * length + 2, bits), np.float32)
    mask = np.zeros((count, 2 * length + 2), bool)
    shown = rng.integers(0, 2, (count, length, bits))
    x[:, 0, bits] = x[:, length + 1, bits + 1] = 1
    x[:, 1 : length + 1, :bits] = target[:, length + 2 :] = shown
    mask[:, length + 2 :] = True
    return Batch(x, target, mask)


def machine(t: Task, seed: int) -> rc.Network:
    """A neural Turing machine with a hidden layer as its controller."""
    controller = [rc.Linear(t.bits + 2 + t.width, t.units), rc.Tanh()]
    loop = [*controller, rc.NTMMemory(t.locations, t.width)]
    return rc.Network([rc.Feedback(loop, fed=t.width), rc.Linear(t.units + t.width, t.bits)], seed=seed)


def lstm(t: Task, seed: int) -> rc.Network:
    """An LSTM with more parameters."""
    return rc.Network([rc.LSTM(t.bits + 2, t.lstm_units), rc.Linear(t.lstm_units, t.bits)], seed=seed)


NETWORKS: dict[str, Callable[[Task, int], rc.Network]] = {"NTM": machine, "LSTM": lstm}


def wrong_bits(net: rc.Network, length: int, t: Task, rng: np.random.Generator) -> float:
    """The share of bits on the wrong side."""
    batch = copies(length, t.sequences, t.bits, rng)
    wrong = (net(batch.x) > 0) != (batch.target > 0)
    return float(wrong[batch.mask].mean())


@dataclass(frozen=True)
class Outcome:
    """Of one seed: wrong bits by length, and what learning took."""

    wrong: list[float]
    parameters: int
    losses: list[float]
    seconds: float


def run_seed(make: Callable[[Task, int], rc.Network], t: Task, seed: int) -> Outcome:
    """Train and test one network."""

    def draw(rng: np.random.Generator, done: float) -> Batch:
        longest = min(t.learned, 3 + int(2 * done * t.learned))  # short ones first
        return copies(int(rng.integers(1, longest + 1)), t.batch, t.bits, rng)

    net = make(t, seed)
    losses, seconds = learn(net, draw, "binary_cross_entropy", t.training, seed)
    rng = np.random.default_rng(20_000 + seed)
    return Outcome([wrong_bits(net, n, t, rng) for n in t.lengths], net.flat.size, losses, seconds)


def run(options: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Print the study; the outcomes by network."""
    t = task(options.quick)
    report.print_header(
        f"Copying, {t.bits} bits, learned up to length {t.learned}",
        options.command,
        f"Random vectors of {t.bits} bits between two marks, to be repeated afterwards. float32; the NTM has "
        f"{t.locations} locations of {t.width}, a reading and a writing head and a hidden layer of {t.units} "
        f"units, the LSTM {t.lstm_units} units; "
        f"{t.training.updates} updates by Adam with {t.batch} fresh sequences of one "
        f"length, even from 1 to a longest one that grows from 3 to {t.learned} over the first half; "
        f"clip_norm {t.training.clip_norm:g}; rate {t.training.rate:g}, which falls to a tenth; "
        f"seeds {', '.join(map(str, t.seeds))}",
        f"Wrong bits of {t.sequences} sequences of each length, median and all seeds; guessing: 50%. "
        "Seconds: of processor time, of one run",
    )
    rows, results = [], {}
    for name, make in NETWORKS.items():
        outcomes = []
        for seed in t.seeds:
            print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
            outcomes.append(run_seed(make, t, seed))
        shares = [report.median([o.wrong[k] for o in outcomes], ".2%") for k in range(len(t.lengths))]
        time = report.median([o.seconds for o in outcomes], ".0f")
        rows.append([name, str(outcomes[0].parameters), *shares, time])
        results[name] = outcomes
    report.print_table(("network", "parameters", *(f"length {n}" for n in t.lengths), "seconds"), rows)
    return results
