"""Handwritten digits, 8 x 8 pixels, read row by row or pixel by pixel and named after the last step.

The data are scikit-learn's (the test part of E. Alpaydin and C. Kaynak, Optical recognition of handwritten
digits, UCI 1998): 1797 pictures of 16 grey levels, here in a fixed split.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import recurra as rc
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from studies import report
from studies.cells import ENTRIES, INITIALISATION
from studies.runs import Array, Data, Outcome, Problem, study

CLASSES, SIDE = 10, 8
VALIDATION = TEST = 300
SPLIT_SEED = 0


def split(count: int) -> tuple[Array, Array, Array]:
    """Indices of the training, validation and test pictures: always the same."""
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    return order[: -VALIDATION - TEST], order[-VALIDATION - TEST : -TEST], order[-TEST:]


def pictures(pixels: bool) -> tuple[Data, Data, Data]:
    """Training, validation and test sequences: 8 steps of 8 pixels, or 64 of one, in 0 .. 1."""
    images, labels = load_digits(return_X_y=True)
    x = (images / 16).astype(np.float32).reshape(len(images), -1, 1 if pixels else SIDE)
    training, validation, test = ((x[part], labels[part].astype(np.int64)) for part in split(len(x)))
    return training, validation, test


def baselines(training: Data, test: Data) -> dict[str, float]:
    """Errors of what needs no recurrent network."""
    flat, flat_test = (x.reshape(len(x), -1) for x, _ in (training, test))
    model = LogisticRegression(max_iter=2000).fit(flat, training[1])
    majority = np.bincount(training[1]).argmax()
    return {
        "logistic regression, whole picture": float(np.mean(model.predict(flat_test) != test[1])),
        "always the commonest class": float(np.mean(majority != test[1])),
    }


def problem(quick: bool, pixels: bool) -> Problem:
    """The study's, or one of seconds."""
    training, validation, test = pictures(pixels)
    return Problem(
        training=training,
        validation=validation,
        test=test,
        outputs=CLASSES,
        loss="cross_entropy",
        parameters=1500 if quick else 5706,  # an LSTM of 32 units that reads rows
        epochs=5 if quick else 60 if pixels else 100,
        batch_size=32,
        clip_norm=1.0,
        rates=(1e-2,) if quick else (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
        seeds=(0,) if quick else (0, 1, 2),
    )


GATED = ENTRIES[1]
POOLED = tuple(
    replace(GATED, name=f"{GATED.name}, {pooling.__name__}", pooling=pooling)
    for pooling in (rc.Last, rc.Mean, rc.Max)
)


def pooled(task: Problem) -> list[Outcome]:
    """Print one cell beside itself, its states pooled in three ways."""
    print(
        f"What is read out of the {GATED.name}: its last state, the mean of its states or the maximum of "
        "each over time. The same settings and search.\n"
    )
    outcomes = study(task, POOLED)
    report.print_table((*report.COLUMNS, "test error", "seconds"), rows_of(outcomes))
    report.print_search(outcomes, ".1%")
    return outcomes


def rows_of(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Lines of a table."""
    return [
        [*report.columns_of(o), report.median([r.test for r in o.runs], ".1%"), report.seconds(o)]
        for o in outcomes
    ]


def run(options: argparse.Namespace) -> list[Outcome]:
    """Print the study."""
    task = problem(options.quick, options.pixels)
    way = "pixel by pixel (64 steps)" if options.pixels else "row by row (8 steps)"
    report.print_header(
        f"Digits, {way}",
        options.command,
        task.settings(),
        INITIALISATION,
        "Test error: share of wrong classes after the last epoch, median and all seeds. Seconds: of one run, "
        "median",
    )
    outcomes = study(task)
    rows = rows_of(outcomes)
    rows += [[name, "", "", "", f"{e:.1%}", ""] for name, e in baselines(task.training, task.test).items()]
    report.print_table((*report.COLUMNS, "test error", "seconds"), rows)
    report.print_search(outcomes, ".1%")
    if not options.pixels:
        outcomes += pooled(task)
    if options.plot:
        report.plot(options.plot, outcomes, f"Digits, {way}", task.updates_per_epoch)
    return outcomes
