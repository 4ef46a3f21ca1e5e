"""Coins whose bias depends on the past, an endless stream: learned online, in one pass, against known floors.

x_t is a fair coin; y_t is 1 with probability 0.5 + 0.5 x_(t-n) - 0.25 x_(t-m). The entropy of y is what the
best prediction loses, and is known for each of three kinds of it: one that remembers nothing, one that knows
x_(t-n) alone, and one that knows both. The problem is that of the tutorials on truncated backpropagation, and
of A. Mujika et al., NeurIPS 2018, as a stream that never returns.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import recurra as rc

from studies import report
from studies.rules import Array, Passed, Rule, one_pass, rules
from studies.search import Found, search


@dataclass(frozen=True)
class Task:
    """Data and settings."""

    near: int
    far: int
    steps: int
    units: int
    windows: Sequence[int]
    rates: Sequence[float]
    seeds: Sequence[int]


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    if quick:
        return Task(1, 3, 8_000, 8, (1, 5), (3e-3,), (0,))
    return Task(5, 10, 200_000, 16, (1, 6, 12), (3e-4, 1e-3, 3e-3, 1e-2), (0, 1, 2))


def probability(near: Array, far: Array) -> Array:
    """Of y = 1, given what x was."""
    chance: Array = 0.5 + 0.5 * near - 0.25 * far
    return chance


def stream(t: Task, seed: int) -> tuple[Array, Array]:
    """Inputs x and answers y, (steps, 1) each; x is 0 before it begins."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, t.steps + t.far).astype(np.float32)
    x[: t.far] = 0
    p = probability(x[t.far - t.near : -t.near], x[: -t.far])
    y = (rng.random(t.steps) < p).astype(np.float32)
    return x[t.far :, np.newaxis], y[:, np.newaxis]


def entropy(p: float) -> float:
    """Of a coin, in nats."""
    return float(-sum(q * np.log(q) for q in (p, 1 - p) if q > 0))


def floors() -> dict[str, float]:
    """What is lost on average by the best prediction that knows so much."""
    chances = probability(*np.meshgrid([0.0, 1.0], [0.0, 1.0], indexing="ij"))
    return {
        "nothing": entropy(float(chances.mean())),
        "the near one": statistics.mean(map(entropy, chances.mean(axis=1).tolist())),
        "both": statistics.mean(map(entropy, chances.ravel().tolist())),
    }


def learn(rule: Rule, rate: float, seed: int, t: Task) -> Passed:
    """One GRU, one pass."""
    net = rc.Network([rc.GRU(1, t.units), rc.Linear(t.units, 1)], seed=seed)
    return one_pass(net, rule, "binary_cross_entropy", rate, *stream(t, seed))


def tenths(passed: Passed) -> Array:
    """The mean loss of each tenth of the stream."""
    means: Array = passed.losses.reshape(10, -1).mean(axis=1)
    return means


def late(passed: Passed) -> float:
    """Of the last tenth."""
    return float(tenths(passed)[-1])


def row(found: Found[float, Passed], t: Task) -> list[str]:
    """A line of the table."""
    passes = found.results
    microseconds = 1e6 * statistics.median(p.seconds for p in passes) / t.steps
    return [
        found.name,
        f"{found.setting:g}",
        report.median([float(tenths(p)[0]) for p in passes], ".3f"),
        report.median([late(p) for p in passes], ".3f"),
        f"{microseconds:.1f}",
    ]


def plot(t: Task, results: dict[str, list[Passed]], options: argparse.Namespace) -> None:
    """Draw the running losses over the steps, and the floors."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    span = t.steps // 60
    for k, (name, passes) in enumerate(results.items()):
        for i, passed in enumerate(passes):
            means = passed.losses[: 60 * span].reshape(60, span).mean(axis=1)
            axes.plot(span * np.arange(1, 61), means, color=f"C{k}", label=None if i else name)
    for name, floor in floors().items():
        axes.axhline(floor, color="grey", linewidth=0.8)
        axes.annotate(f"knows {name}", (0, floor), fontsize=8)
    axes.set(title="Coins that remember", xlabel="steps", ylabel="cross-entropy, nats")
    axes.legend()
    figure.savefig(options.plot)


def run(options: argparse.Namespace) -> dict[str, list[Passed]]:
    """Print the study; the passes by rule."""
    t = task(options.quick)
    report.print_header(
        f"Coins that remember: y depends on x of {t.near} and {t.far} steps before",
        options.command,
        f"One GRU of {t.units} units and a Linear, float32, one stream, one pass of {t.steps} steps with an "
        f"update by Adam at each; rates from {', '.join(f'{rate:g}' for rate in t.rates)} by one run each "
        f"with a seed of its own, by the last tenth; the seeds {', '.join(map(str, t.seeds))} draw the "
        "initial weights and the stream, the same ones for all rules",
        "Cross-entropy in nats of the predictions before each update, over the first and the last tenth of "
        "the stream, median and all seeds; microseconds per step, of processor time",
    )
    rows, results = [], {}
    for name, floor in floors().items():
        rows.append([f"the best that knows {name}", "", "", f"{floor:.3f}", ""])
    searches = []
    for name, rule in rules(t.windows).items():
        found = search(name, t.rates, partial(learn, rule, t=t), late, t.seeds)
        rows.append(row(found, t))
        results[name] = found.results
        tried = [f"{rate:g}: {error:.3f}" for rate, error in found.searched.items()]
        searches.append(f"- {name}: {', '.join(tried)}")
    report.print_table(("rule", "rate", "first tenth", "last tenth", "us per step"), rows)
    print("Losses of the search, over the last tenth:\n")
    print("\n".join(searches), flush=True)
    if options.plot:
        plot(t, results, options)
    return results
