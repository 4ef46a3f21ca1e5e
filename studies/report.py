"""Markdown tables, and a figure of the validation losses."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import recurra as rc

from studies.runs import Outcome


def print_header(title: str, command: str, *paragraphs: str) -> None:
    """What was run, and how."""
    print(f"## {title}\n")
    print(f"`python -m studies {command}`, recurra {rc.__version__}, {rc.isa()}, one thread.\n")
    for paragraph in paragraphs:
        print(f"{paragraph}.\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    for row in (columns, ["---"] * len(columns), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def median(values: Sequence[float], form: str) -> str:
    """The median, then all values."""
    each = ", ".join(format(value, form) for value in values)
    return f"**{format(statistics.median(values), form)}** ({each})"


COLUMNS = ("cell", "units", "parameters", "rate")


def columns_of(outcome: Outcome) -> list[str]:
    """What every table begins with."""
    return [outcome.name, str(outcome.units), str(outcome.parameters), f"{outcome.rate:g}"]


def print_search(outcomes: Sequence[Outcome], form: str) -> None:
    """The search's validation errors, by rate."""
    print("Validation errors of the search, by learning rate:\n")
    rates = list(outcomes[0].searched)
    rows = [[o.name, *(format(o.searched[rate], form) for rate in rates)] for o in outcomes]
    print_table(["cell", *(f"{rate:g}" for rate in rates)], rows)


def seconds(outcome: Outcome) -> str:
    """The median duration of a training run, of those that did not diverge."""
    durations = [run.seconds for run in outcome.runs if math.isfinite(run.test)]
    return f"{statistics.median(durations):.1f}" if durations else "-"


def plot(path: Path, outcomes: Sequence[Outcome], title: str, per_epoch: int) -> None:
    """Draw the validation losses of all runs over the updates."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for k, outcome in enumerate(outcomes):
        for i, run in enumerate(outcome.runs):
            updates = [per_epoch * (e + 1) for e in range(len(run.validation))]
            axes.plot(updates, run.validation, color=f"C{k}", label=outcome.name if i == 0 else None)
    axes.set(title=title, xlabel="updates", ylabel="validation loss", yscale="log")
    axes.legend()
    figure.savefig(path)
