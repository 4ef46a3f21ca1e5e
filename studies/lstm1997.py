"""The first LSTM, in online learning as in its paper: published numbers beside ours.

S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997): experiment 1 (the
embedded Reber grammar), experiment 2a (real-time recurrent learning at a lag of 4 steps) and experiment 4 (to
add two marked values among a hundred), with the paper's numbers of weights and learning rates, and an update
at every step with a target; initial ranges, biases and connections are those of its tables 10 and 11. Its
rule, in which errors leave a memory cell and never come back, is ``rc.EProp()`` on ``rc.LSTM1997``; beside it
stands the exact one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import recurra as rc

from studies import report
from studies.sequences1997 import SYMBOLS, Array, Symbols, adding, embedded_reber, lag

RULES = {"1997": rc.EProp(), "exact RTRL": rc.RTRL()}
SEEDS = (0, 1, 2)
WRONG = 0.04  # of experiment 4: an error at the end of a sequence that is not less
NEAR = 0.01  # a mean squared error
LARGEST = 0.25  # of experiment 2a: no output may be further off
LAG_SUCCESSIVE, ADDING_SUCCESSIVE = 10_000, 2_000  # sequences without a mistake


@dataclass(frozen=True)
class Result:
    """Sequences seen until the paper's criterion was met, if it was, and of experiment 4 some more."""

    sequences: int | None
    seconds: float
    near: int | None = None  # sequences until the mean squared error of the latest 2,000 was below 0.01
    wrong: int | None = None  # of 2,560 fresh sequences, at the end


@dataclass(frozen=True)
class Net:
    """A network of the paper, which has fewer connections than its layers: those named missing rest at 0."""

    learner: rc.Online
    missing: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """How many weights there are."""
        network = self.learner.network
        return network.flat.size - sum(network.parameters[name].size for name in self.missing)

    def learn(self, x: Array, target: Array) -> Array:
        """A step with a target, the update after it; the output."""
        return self.learner.step(x, target)[0]


def drawn(layers: Sequence[rc.Layer], reach: float, missing: tuple[str, ...], seed: int) -> rc.Network:
    """All weights uniform in +-reach, but for the missing ones."""
    net = rc.Network(layers, dtype="float64")
    net.flat[:] = np.random.default_rng(seed).uniform(-reach, reach, net.flat.size)
    for name in missing:
        net.parameters[name][...] = 0
    return net


def taught(net: rc.Network, missing: tuple[str, ...], rule: rc.OnlineRule, rate: float) -> Net:
    """Gradient descent. The paper's gradients are half of those of the sum of squares."""
    descent = rc.SGD(rate * net.output_size / 2)
    return Net(rc.Online(net, rule, "mse", descent, frozen=missing), missing)


def grammarian(blocks: int, size: int, rule: rc.OnlineRule, rate: float, seed: int) -> Net:
    """Experiment 1: outputs see the cells alone and have no biases; output gates begin shut, -1, -2, ..."""
    cells, symbols = blocks * size, len(SYMBOLS)
    layers = [rc.LSTM1997(symbols, blocks, size, gates_out=False), rc.Linear(cells, symbols), rc.Logistic()]
    missing = ("1.bias",)
    net = drawn(layers, 0.2, missing, seed)
    net.parameters["0.bias"][blocks:] = -np.arange(1, blocks + 1)
    return taught(net, missing, rule, rate)


def one_unit(size: int, rule: rc.OnlineRule, rate: float, seed: int) -> Net:
    """Experiment 2a: one hidden unit connected to itself, outputs that see it and the inputs, no biases."""
    layers = [rc.Skip([rc.Elman(size, 1, "logistic")]), rc.Linear(size + 1, size), rc.Logistic()]
    missing = ("0.0.bias", "1.bias")
    return taught(drawn(layers, 0.2, missing, seed), missing, rule, rate)


def adder(rule: rc.OnlineRule, rate: float, seed: int) -> Net:
    """Experiment 4: two blocks of two cells, an output that sees these; input gates begin shut, -3 and -6.

    All units have biases. Those of the layer are the gates', so a third input, always 1, gives one to each.
    """
    missing = ("0.bias",)
    net = drawn([rc.LSTM1997(3, 2, 2, gates_out=False), rc.Linear(4, 1), rc.Logistic()], 0.1, missing, seed)
    net.parameters["0.weight_ih"][:2, 2] = [-3, -6]
    return taught(net, missing, rule, rate)


def with_one(pairs: Array) -> Array:
    """The adder's inputs."""
    return np.column_stack([pairs, np.ones(len(pairs))])


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
    """256 strings to learn from and 256 others to test with, each set with repetitions."""
    rng = np.random.default_rng([1997, seed])
    training = [embedded_reber(rng) for _ in range(256)]
    known, test = {string.text for string in training}, list[Symbols]()
    while len(test) < 256:
        string = embedded_reber(rng)
        if string.text not in known:
            test.append(string)
    return training, test


def learn_grammar(blocks: int, size: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Strings in random order until those of both sets are mastered, looked at after every 100."""
    training, test = reber_strings(seed)
    made = grammarian(blocks, size, rule, rate, seed)
    strings = [list(zip(s.inputs, s.targets, strict=True)) for s in training]
    exam, order = Exam(training + test), np.random.default_rng([1998, seed])
    start = time.process_time()
    for count in range(limit + 1):
        if count % 100 == 0 and exam.failed(made.learner.network) == 0:
            return Result(count, time.process_time() - start)
        made.learner.reset()
        for x, target in strings[order.integers(len(strings))]:
            made.learn(x, target)
    return Result(None, time.process_time() - start)


def learn_lag(size: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Both sequences at random until no output was far off in 10,000 successive ones, which do not count."""
    made = one_unit(size, rule, rate, seed)
    sequences = [lag(first, size) for first in (0, 1)]
    order = np.random.default_rng([1998, seed])
    right, wanted = 0, LAG_SUCCESSIVE
    start = time.process_time()
    for count in range(1, limit + wanted + 1):
        made.learner.reset()
        inputs, targets = sequences[order.integers(2)]
        outputs = np.array([made.learn(x, target) for x, target in zip(inputs, targets, strict=True)])
        far = bool(np.abs(outputs - targets).max() >= LARGEST)
        right = 0 if far else right + 1
        if right == wanted:
            return Result(count - wanted, time.process_time() - start)
        if right == 0 and count >= limit:
            break
    return Result(None, time.process_time() - start)


def learn_adding(steps: int, rule: rc.OnlineRule, rate: float, limit: int, seed: int) -> Result:
    """Fresh sequences until 2,000 successive ones were right; then wrong ones of 2,560 others."""
    made = adder(rule, rate, seed)
    rng, errors = np.random.default_rng([1997, seed]), np.ones(limit)
    right, near, sequences = 0, None, None
    start = time.process_time()
    for count in range(1, limit + 1):
        pairs, wanted = adding(steps, rng)
        made.learner.reset()
        *before, last = with_one(pairs)
        for x in before:
            made.learner.step(x)
        y = made.learn(last, np.array([wanted]))
        errors[count - 1] = abs(float(y[0]) - wanted)
        latest = errors[max(count - ADDING_SUCCESSIVE, 0) : count]
        if near is None and count % 100 == 0 and count >= ADDING_SUCCESSIVE:
            near = count if np.mean(latest**2) < NEAR else None
        right = right + 1 if errors[count - 1] < WRONG else 0
        if right == ADDING_SUCCESSIVE:
            sequences = count
            break
    seconds = time.process_time() - start
    return Result(sequences, seconds, near, test_adding(made.learner.network, steps))


def test_adding(net: rc.Network, steps: int) -> int:
    """How many of 2,560 fresh sequences come out wrong."""
    rng = np.random.default_rng(2560)
    fresh = [adding(steps, rng) for _ in range(2560)]
    lengths = [len(pairs) for pairs, _ in fresh]
    x = np.zeros((len(fresh), max(lengths), 3))
    for row, (pairs, _) in zip(x, fresh, strict=True):
        row[: len(pairs)] = with_one(pairs)
    outputs: Array = net(x)[np.arange(len(fresh)), np.array(lengths) - 1, 0]
    return int((np.abs(outputs - [wanted for _, wanted in fresh]) >= WRONG).sum())


@dataclass(frozen=True)
class Row:
    """A network and its settings; how to train it, of a seed; and what the paper says of it."""

    task: str
    network: str
    parameters: int
    rule: str
    rate: float
    limit: int
    train: Callable[[int], Result]
    published: str
    seeds: Sequence[int]


def grammar_rows(quick: bool) -> list[Row]:
    """Experiment 1."""
    settings = [
        (4, 1, "1997", 0.1, "100%, 39,740"),
        (4, 1, "1997", 0.5, "97%, 9,500"),
        (3, 2, "1997", 0.1, "100%, 21,730"),
        (3, 2, "1997", 0.2, "97%, 14,060"),
        (3, 2, "1997", 0.5, "100%, 8,440"),
        (4, 1, "exact RTRL", 0.5, ""),
        (3, 2, "exact RTRL", 0.5, ""),
    ]
    limit, seeds = (200, (0,)) if quick else (60_000, SEEDS)
    return [
        Row(
            "1: Reber", f"{blocks} blocks x {size}",
            grammarian(blocks, size, RULES[rule], rate, 0).parameters, rule, rate, limit,
            partial(learn_grammar, blocks, size, RULES[rule], rate, limit), published, seeds,
        )
        for blocks, size, rule, rate, published in (settings[4:5] if quick else settings)
    ]  # fmt: skip


def lag_rows(quick: bool) -> list[Row]:
    """Experiment 2a; the quick one has a lag of 2 steps, which is learned soon."""
    settings: list[tuple[float, str, Sequence[int]]] = [
        (1.0, "78%, 1,043,000", SEEDS[:1]),  # two minutes
        (4.0, "56%, 892,000", SEEDS),
        (10.0, "22%, 254,000", SEEDS),
    ]
    limit, size = (3_000, 3) if quick else (5_000_000, 5)
    rule = "exact RTRL"
    return [
        Row(
            f"2a: lag of {size - 1}", "1 hidden unit", one_unit(size, RULES[rule], rate, 0).parameters,
            rule, rate, limit, partial(learn_lag, size, RULES[rule], rate, limit), published, seeds,
        )
        for rate, published, seeds in ([(4.0, "", SEEDS[:1])] if quick else settings)
    ]  # fmt: skip


def adding_rows(quick: bool) -> list[Row]:
    """Experiment 4, with ten times the paper's rate too; the quick one has a tenth of the steps."""
    settings = [
        ("1997", 0.5, 100_000, "74,000; 1 of 2560 wrong"),
        ("1997", 5.0, 200_000, ""),
        ("exact RTRL", 0.5, 60_000, ""),
    ]
    if quick:
        settings = [("1997", 0.5, 300, ""), ("exact RTRL", 0.5, 300, "")]
    steps, seeds = (10, (0,)) if quick else (100, SEEDS)
    return [
        Row(
            f"4: adding, T = {steps}", "2 blocks x 2", adder(RULES[rule], rate, 0).parameters,
            rule, rate, limit, partial(learn_adding, steps, RULES[rule], rate, limit), published, seeds,
        )
        for rule, rate, limit, published in settings
    ]  # fmt: skip


EXPERIMENTS = {"1": grammar_rows, "2a": lag_rows, "4": adding_rows}


def line(row: Row, results: Sequence[Result]) -> list[str]:
    """Of the table."""
    reached = [r.sequences for r in results if r.sequences is not None]
    each = ", ".join("-" if r.sequences is None else str(r.sequences) for r in results)
    mean = f"{statistics.mean(reached):,.0f}" if reached else "-"
    tests = [r for r in results if r.wrong is not None]
    near = ", ".join("-" if r.near is None else str(r.near) for r in tests)
    return [
        row.task,
        row.network,
        str(row.parameters),
        row.rule,
        f"{row.rate:g}",
        f"{row.limit:,}",
        row.published,
        f"{len(reached) / len(results):.0%}, **{mean}** ({each})",
        near,
        ", ".join(str(r.wrong) for r in tests),
        f"{statistics.median(r.seconds for r in results):.1f}",
    ]


def run(options: argparse.Namespace) -> list[tuple[Row, list[Result]]]:
    """Print the study; its rows and their results."""
    chosen = EXPERIMENTS if options.only is None else {options.only: EXPERIMENTS[options.only]}
    rows = [row for make in chosen.values() for row in make(options.quick)]
    report.print_header(
        "The LSTM of 1997",
        options.command,
        "Seeds 0, 1, .. draw data and initial weights, as many as there are results; each run has at most as "
        "many sequences as its row says; float64, an update by plain gradient descent at every step that has "
        "a target",
        "Experiment 1: until at every step of all 256 strings to learn from and all 256 to test with the "
        "most active outputs are the symbols that may follow, to the next 100; strings are drawn with "
        "repetitions, but none of one set is in the other. Experiment 2a: until all outputs of 10,000 "
        f"sequences one after the other were off by less than {LARGEST}, these not counted. Experiment 4: "
        f"until 2,000 sequences one after the other were off by less than {WRONG} at their ends",
        "Share of seeds that got there, and the mean number of sequences of those that did; - did not. "
        f"Experiment 4 too: sequences until the mean squared error of the latest 2,000 was below {NEAR:g}, "
        "to the next 100, and of 2560 fresh sequences how many come out wrong at the end, each by seed. "
        "Seconds: of processor time, of one seed, median",
    )
    found = []
    for row in rows:
        results = []
        for seed in row.seeds:
            print(f"{row.task}, {row.network}, {row.rule}, rate {row.rate:g}, seed {seed}", file=sys.stderr)
            results.append(row.train(seed))
        found.append((row, results))
    columns = (
        "experiment",
        "network",
        "weights",
        "rule",
        "rate",
        "at most",
        "published",
        "here",
        "below 0.01",
        "wrong",
        "seconds",
    )
    report.print_table(columns, [line(row, results) for row, results in found])
    return found
