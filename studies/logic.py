"""Propositional logic: which of seven relations holds between two formulas, longer than those learned from.

S. R. Bowman, C. D. Manning and C. Potts, Tree-structured composition in neural networks without
tree-structured architectures, CoCo at NIPS 2015; to learn from pairs of at most six operators and to test
with longer ones is K. Tran, A. Bisazza and C. Monz's (EMNLP 2018). Published figures as in Y. Shen et al.,
Ordered Memory, NeurIPS 2019. For the tree network a pair is one tree: a node of its own above both formulas,
whose cell sees the one in slot 0 and the other in slot 1. The LSTM reads one formula, a separator and the
other, with all brackets.
"""

from __future__ import annotations

import argparse
import random

import numpy as np
import recurra as rc

from studies import report
from studies.formulas import (
    INDEPENDENT,
    LABELS,
    RELATIONS,
    SYMBOLS,
    Pair,
    draw_pair,
    operators,
    pair_tree,
    relation,
    spell,
    worlds,
    write_pair,
)
from studies.reading import (
    Compared,
    Reader,
    Task,
    compare,
    forest,
    lstm,
    ordered_tree,
    print_search,
    sequences,
)

PUBLISHED = {"tree LSTM": (94, 92, 92, 88, 87, 86), "LSTM": (88, 84, 80, 78, 71, 69)}
LEARNED, TESTED = 6, 12  # operators of the longer formula, at most
HIDDEN = 64


def comparison(units: int) -> list[rc.Layer]:
    """The readout: a hidden layer, and a score for each relation."""
    return [rc.Linear(units, HIDDEN), rc.Relu(), rc.Linear(HIDDEN, len(RELATIONS))]


READERS: tuple[Reader[Pair], ...] = (
    Reader(
        "tree LSTM",
        lambda pairs: forest([pair_tree(pair) for pair in pairs]),
        LABELS,
        ordered_tree,
        comparison,
    ),
    Reader(
        "LSTM", lambda pairs: sequences([write_pair(pair) for pair in pairs]), len(SYMBOLS), lstm, comparison
    ),
)


def size(pair: Pair) -> int:
    """Operators of the longer formula."""
    return max(map(operators, pair))


def answer(pair: Pair) -> int:
    """The relation's number."""
    return relation(*map(worlds, pair))


def pairs(training: int, validation: int, test: int, seed: int) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """All different; so many test pairs of at most `LEARNED` operators, and of each number up to `TESTED`."""
    rng = random.Random(seed)
    drawn: dict[Pair, None] = {}
    short: list[Pair] = []
    longer: dict[int, list[Pair]] = {count: [] for count in range(LEARNED + 1, TESTED + 1)}
    while len(short) < training + validation + test or min(map(len, longer.values())) < test:
        pair = draw_pair(rng)
        if pair in drawn or size(pair) > TESTED:
            continue
        drawn[pair] = None
        if size(pair) <= LEARNED:
            short.append(pair)
        else:
            longer[size(pair)].append(pair)
    held_out = [short[:test], *(found[:test] for found in longer.values())]
    validating = short[test : test + validation]
    return short[test + validation :][:training], validating, [pair for part in held_out for pair in part]


def task(quick: bool) -> Task[Pair]:
    """The study's, or one of seconds."""
    counts = (6000, 200, 100) if quick else (150_000, 2000, 1000)
    training, validation, test = pairs(*counts, seed=1)
    return Task(
        training,
        validation,
        test,
        answer=answer,
        parameters=15_000 if quick else 54_343,  # a tree LSTM of 64 units
        epochs=8,
        batch_size=32 if quick else 64,
        rates=(1e-2,) if quick else (2e-3, 4e-3),
        seeds=(0,) if quick else (0, 1, 2),
    )


def by_size(compared: Compared, t: Task[Pair]) -> list[list[float]]:
    """Shares of right relations by seed, of pairs of at most `LEARNED` operators and of each number above."""
    sizes = np.maximum([size(pair) for pair in t.test], LEARNED)
    return [compared.share(sizes == count) for count in range(LEARNED, TESTED + 1)]


def rows(compared: Compared, t: Task[Pair]) -> list[list[str]]:
    """The lines of a network: ours, and the published one's."""
    shares = by_size(compared, t)
    ours = [*compared.columns(), *(report.median(share, ".0%") for share in shares), compared.seconds()]
    published = [f"{share}%" for share in PUBLISHED[compared.name]]
    return [ours, [f"{compared.name}, published", "", "", "", "", *published, ""]]


def run(options: argparse.Namespace) -> list[Compared]:
    """Print the study."""
    t = task(options.quick)
    answers = t.answers(t.test)
    example = next(pair for pair in t.test if answer(pair) != INDEPENDENT and size(pair) == 3)
    report.print_header(
        "Propositional logic",
        options.command,
        f"{len(t.training)} training and {len(t.validation)} validation pairs of formulas whose longer one "
        f"has at most {LEARNED} operators, and {len(t.test)} test pairs, equally many of these and of each "
        f"number from {LEARNED + 1} to {TESTED}; all different, drawn as for the published sets, such as "
        f'"{spell(write_pair(example))}": {RELATIONS[answer(example)]}',
        f"Networks: {t.settings()}; the readout has a hidden layer of {HIDDEN} units (relu)",
        "Share of right relations by the number of operators in the longer formula, median and all seeds. "
        "Published figures are for other pairs and larger networks. Seconds: of one training, median",
    )
    all_compared = [compare(reader, t) for reader in READERS]
    lines = [row for compared in all_compared for row in rows(compared, t)]
    sizes = np.maximum([size(pair) for pair in t.test], LEARNED)
    independent = [float((answers[sizes == n] == INDEPENDENT).mean()) for n in range(LEARNED, TESTED + 1)]
    lines.append(["always independence", "", "", "", *(f"{share:.0%}" for share in independent), ""])
    counts = [f"up to {LEARNED}", *map(str, range(LEARNED + 1, TESTED + 1))]
    report.print_table(("network", "units", "parameters", "rate", *counts, "seconds"), lines)
    print_search(all_compared)
    return all_compared
