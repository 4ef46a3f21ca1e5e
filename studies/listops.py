"""ListOps: the value of a nested expression, read as a tree or symbol by symbol.

N. Nangia and S. R. Bowman, ListOps: a diagnostic dataset for latent tree learning, NAACL student workshop
2018. Their trees are binary, an operator takes one argument after the other; the tree LSTM's nodes have a
matrix for each of the two children. Beside it one that sees an operator's arguments all at once, as their
sum, on trees where they are the operator's children (both cells: K. S. Tai et al., ACL 2015).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies import report
from studies.expressions import (
    LABELS,
    LONGEST,
    SYMBOLS,
    VALUES,
    Expression,
    binary_tree,
    depth,
    draw_distinct,
    operator_tree,
    spell,
    value,
    write,
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
    summed_tree,
)

PUBLISHED = {"tree LSTM, binary": "98.7%", "LSTM": "71 to 74%"}
DEPTHS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 99))


def digit(units: int) -> list[rc.Layer]:
    """The readout."""
    return [rc.Linear(units, VALUES)]


READERS: tuple[Reader[Expression], ...] = (
    Reader(
        "tree LSTM, binary",
        lambda items: forest([binary_tree(item) for item in items]),
        LABELS,
        ordered_tree,
        digit,
    ),
    Reader(
        "tree LSTM, sum of arguments",
        lambda items: forest([operator_tree(item) for item in items]),
        LABELS,
        summed_tree,
        digit,
    ),
    Reader("LSTM", lambda items: sequences([write(item) for item in items]), len(SYMBOLS), lstm, digit),
)


def task(quick: bool) -> Task[Expression]:
    """The study's, or one of seconds."""
    counts = (2000, 200, 500) if quick else (90_000, 2000, 5000)
    longest = 15 if quick else LONGEST
    drawn = iter(draw_distinct(sum(counts), seed=1, longest=longest))
    training, validation, test = ([next(drawn) for _ in range(count)] for count in counts)
    return Task(
        training,
        validation,
        test,
        answer=value,
        parameters=12_000 if quick else 106_442,  # a tree LSTM of 96 units
        epochs=8 if quick else 6,
        batch_size=32 if quick else 64,
        rates=(1e-2,) if quick else (2e-3, 4e-3),
        seeds=(0,) if quick else (0, 1),
    )


def row(compared: Compared, depths: npt.NDArray[np.int64], groups: Sequence[tuple[int, int]]) -> list[str]:
    """A line of the table."""
    everything = np.full(len(depths), True)
    shares = [f"{np.median(compared.share((depths >= low) & (depths <= high))):.1%}" for low, high in groups]
    all_of_them = report.median(compared.share(everything), ".1%")
    published = PUBLISHED.get(compared.name, "")
    return [*compared.columns(), published, all_of_them, *shares, compared.seconds()]


def run(options: argparse.Namespace) -> list[Compared]:
    """Print the study."""
    t = task(options.quick)
    answers, depths = t.answers(t.test), np.array([depth(item) for item in t.test])
    groups = [group for group in DEPTHS if ((depths >= group[0]) & (depths <= group[1])).any()]
    symbols = [write(item) for item in t.training]
    example = next(item for item in t.test if depth(item) == 2)
    report.print_header(
        "ListOps",
        options.command,
        f"{len(t.training)} training, {len(t.validation)} validation and {len(t.test)} test expressions, "
        f"all different, of {np.mean(list(map(len, symbols))):.1f} symbols on average and at most "
        f'{max(map(len, symbols))}, such as "{spell(write(example))}", which is {value(example)}',
        f"Networks: {t.settings()}",
        "Share of right values on the test expressions, median and all seeds, and by how many operators "
        "stand inside one another, median. Published figures are for other expressions of the same kind and "
        "other networks. Seconds: of one training, median",
    )
    all_compared = [compare(reader, t) for reader in READERS]
    rows = [row(compared, depths, groups) for compared in all_compared]
    commonest = int(np.bincount(t.answers(t.training)).argmax())
    alone = [answers == commonest, *((depths >= low) & (depths <= high) for low, high in groups)]
    shares = [f"{alone[0].mean():.1%}", *(f"{alone[0][among].mean():.1%}" for among in alone[1:])]
    rows.append([f"always {commonest}", "", "", "", "", *shares, ""])
    names = [
        str(low) if low == high else f"{low}+" if high == 99 else f"{low}, {high}" for low, high in groups
    ]
    columns = ("network", "units", "parameters", "rate", "published", "all", *(f"depth {n}" for n in names))
    report.print_table((*columns, "seconds"), rows)
    print_search(all_compared)
    return all_compared
