"""Words that need a stack, a^n b^n and Dyck words of two kinds: short ones to learn, longer ones to test.

A. Joulin and T. Mikolov, Inferring algorithmic patterns with stack-augmented recurrent nets, NIPS 2015.
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
from studies.words import Word, batch_of, counted, deepest, dyck

LEARNED, TESTED, CLASSES, DEPTH = 19, 60, 3, 64


@dataclass(frozen=True)
class Language:
    """How its words are drawn for a size n, the kinds that are tested, and how many symbols it has."""

    name: str
    symbols: int
    draw: Callable[[int, np.random.Generator], Word]
    tests: dict[str, Callable[[int, np.random.Generator], Word]]
    each: int  # words of each n in a test


def _counted(n: int, _: np.random.Generator) -> Word:
    return counted(n)


LANGUAGES = (
    Language("a^n b^n", 2, _counted, {"": _counted}, 1),
    Language("Dyck-2", 4, dyck, {"any": dyck, "one inside the other": deepest}, 20),
)


def with_stack(symbols: int, seed: int) -> rc.Network:
    """An Elman controller with a stack, read out at each step."""
    units, width = 4, 4
    loop = rc.Feedback([rc.Elman(symbols + width, units), rc.StackMemory(DEPTH, width)], fed=width)
    return rc.Network([loop, rc.Linear(units + width, CLASSES)], seed=seed)


def lstm(symbols: int, seed: int) -> rc.Network:
    """An LSTM with more parameters."""
    return rc.Network([rc.LSTM(symbols, 24), rc.Linear(24, CLASSES)], seed=seed)


NETWORKS = {"Elman with a stack": with_stack, "LSTM": lstm}


@dataclass(frozen=True)
class Task:
    """Settings that all networks share."""

    training: Training
    batch: int
    draws: int  # initial weights that are tried for a seed; the least validation loss decides
    seeds: Sequence[int]


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    if quick:
        return Task(Training(rc.Adam(), 0.02, 150, 1.0), 16, 1, (0,))
    return Task(Training(rc.Adam(), 0.02, 2000, 1.0), 32, 2, (0, 1, 2))


@dataclass(frozen=True)
class Outcome:
    """Of one seed: the share of words that are right at every step, by test and n; and the seconds spent."""

    right: dict[str, list[float]]
    parameters: int
    seconds: float


def words_right(net: rc.Network, words: Sequence[Word], symbols: int) -> float:
    """The share of words whose every step is right."""
    batch = batch_of(words, symbols)
    wrong = (net(batch.x).argmax(axis=2) != batch.target) & batch.mask
    return float(1 - wrong.any(axis=1).mean())


def run_seed(make: Callable[[int, int], rc.Network], language: Language, t: Task, seed: int) -> Outcome:
    """Train from each of the draws, keep the best, and test it."""

    def draw(rng: np.random.Generator, _: float) -> Batch:
        sizes = rng.integers(1, LEARNED + 1, t.batch)
        return batch_of([language.draw(int(n), rng) for n in sizes], language.symbols)

    unseen = draw(np.random.default_rng(10_000 + seed), 0)
    best, seconds = (np.inf, make(language.symbols, 0)), 0.0
    for k in range(t.draws):
        net = make(language.symbols, 100 * seed + k)
        _, spent = learn(net, draw, "cross_entropy", t.training, 100 * seed + k)
        seconds += spent
        loss, _ = net.loss_and_gradient(unseen.x, unseen.target, "cross_entropy", mask=unseen.mask)
        best = min(best, (loss, net), key=lambda tried: tried[0])
    rng = np.random.default_rng(20_000 + seed)
    right = {
        name: [
            words_right(best[1], [make_word(n, rng) for _ in range(language.each)], language.symbols)
            for n in range(1, TESTED + 1)
        ]
        for name, make_word in language.tests.items()
    }
    return Outcome(right, best[1].flat.size, seconds)


def shares(outcomes: Sequence[Outcome], test: str, sizes: slice) -> str:
    """Of the words of these sizes that are right: median and all seeds."""
    return report.median([float(np.mean(outcome.right[test][sizes])) for outcome in outcomes], ".1%")


def rows(language: Language, name: str, outcomes: Sequence[Outcome]) -> list[list[str]]:
    """A line of the table for each test."""
    return [
        [
            f"{language.name}, {test}" if test else language.name,
            name,
            str(outcomes[0].parameters),
            shares(outcomes, test, slice(0, LEARNED)),
            shares(outcomes, test, slice(LEARNED, TESTED)),
            shares(outcomes, test, slice(0, TESTED)),
            report.median([outcome.right[test][-1] for outcome in outcomes], ".0%"),
            report.median([outcome.seconds for outcome in outcomes], ".0f"),
        ]
        for test in language.tests
    ]


def run(options: argparse.Namespace) -> dict[tuple[str, str], list[Outcome]]:
    """Print the study; the outcomes by language and network."""
    t = task(options.quick)
    report.print_header(
        f"Words that need a stack, learned up to n = {LEARNED}",
        options.command,
        "At each step of a word a network says which symbols may follow: of a^n b^n anything, b alone, or "
        "the end; of Dyck words with two kinds of brackets which closing one, if any. n counts the pairs",
        f"float32; {t.training.updates} updates by Adam with batches of {t.batch} fresh words, n even from 1 "
        f"to {LEARNED}, clip_norm {t.training.clip_norm:g}, rate {t.training.rate:g}, "
        f"which falls to a tenth; for each seed {t.draws} initial weights, of "
        "which the least loss on one more batch decides; seeds " + ", ".join(map(str, t.seeds)),
        "Share of words that are right at every step, by their n; median and all seeds. Seconds: of "
        "processor time, for all initial weights of a seed",
    )
    lines, results = [], {}
    for language in LANGUAGES:
        for name, make in NETWORKS.items():
            outcomes = []
            for seed in t.seeds:
                print(f"{language.name}, {name}, seed {seed}", file=sys.stderr, flush=True)
                outcomes.append(run_seed(make, language, t, seed))
            lines += rows(language, name, outcomes)
            results[language.name, name] = outcomes
    columns = (
        "words",
        "network",
        "parameters",
        f"n to {LEARNED}",
        f"n from {LEARNED + 1} to {TESTED}",
        f"n to {TESTED}",
        f"n = {TESTED}",
        "seconds",
    )
    report.print_table(columns, lines)
    return results
