"""The adding problem: remember two marked numbers among a hundred, and give their sum.

S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997), experiment 4, in the form common since Q. V. Le
et al. (2015): a sequence has two channels, values uniform in [0, 1) and marks that are 1 at two steps, one in
each half, and 0 elsewhere. The target is the sum of the two marked values. Its variance is 1/6.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from studies import report
from studies.cells import INITIALISATION
from studies.runs import Data, Outcome, Problem, study

SOLVED = 0.01
MEAN_BASELINE = 1 / 6  # the variance of the sum of two uniform numbers


def sequences(count: int, time: int, seed: int) -> Data:
    """So many sequences (count, time, 2), and their targets (count, 1)."""
    rng = np.random.default_rng(seed)
    values = rng.random((count, time))
    first, second = rng.integers(0, time // 2, count), rng.integers(time // 2, time, count)
    rows = np.arange(count)
    marks = np.zeros((count, time))
    marks[rows, first] = marks[rows, second] = 1
    x = np.stack([values, marks], axis=2).astype(np.float32)
    return x, x[rows, first, :1] + x[rows, second, :1]


def problem(quick: bool) -> Problem:
    """The study's, or one of seconds."""
    time = 10 if quick else 100
    return Problem(
        training=sequences(1600 if quick else 9600, time, 1),
        validation=sequences(200 if quick else 1000, time, 2),
        test=sequences(200 if quick else 2000, time, 3),
        outputs=1,
        loss="mse",
        parameters=400 if quick else 4513,  # an LSTM of 32 units
        epochs=6 if quick else 10,
        batch_size=32,
        clip_norm=1.0,
        rates=(1e-2, 3e-2) if quick else (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
        seeds=(0,) if quick else (0, 1, 2),
    )


def row(outcome: Outcome, task: Problem) -> list[str]:
    """A line of the table."""
    reached = [run.updates_to(SOLVED, task.updates_per_epoch) for run in outcome.runs]
    each = ", ".join("-" if n is None else str(n) for n in reached)
    middle = sorted(math.inf if n is None else n for n in reached)[len(reached) // 2]
    return [
        *report.columns_of(outcome),
        report.median([run.test for run in outcome.runs], ".4f"),
        f"**{'-' if math.isinf(middle) else middle}** ({each})",
        report.seconds(outcome),
    ]


def run(options: argparse.Namespace) -> list[Outcome]:
    """Print the study."""
    task = problem(options.quick)
    time = task.training[0].shape[1]
    report.print_header(
        f"The adding problem, T = {time}",
        options.command,
        task.settings(),
        INITIALISATION,
        f"Test error: mean squared, median and all seeds. Updates: until the validation error was below "
        f"{SOLVED:g}, to the next whole epoch of {task.updates_per_epoch}. Seconds: of one run, median",
    )
    outcomes = study(task)
    rows = [row(outcome, task) for outcome in outcomes]
    target = task.test[1]
    mean = float(np.mean((target - task.training[1].mean()) ** 2))
    rows.append(["always the mean", "", "", "", f"{mean:.4f} (in theory {MEAN_BASELINE:.4f})", "-", ""])
    columns = (*report.COLUMNS, "test MSE", f"updates to {SOLVED:g}", "seconds")
    report.print_table(columns, rows)
    report.print_search(outcomes, ".4f")
    if options.plot:
        report.plot(options.plot, outcomes, f"The adding problem, T = {time}", task.updates_per_epoch)
    return outcomes
