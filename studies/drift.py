"""A plant that changes while it is being learned: rules of online learning side by side.

The plant is example 4 of K. S. Narendra and K. Parthasarathy (`plants.py`). In mid-stream its input begins to
act with another strength and sign and its damping changes, as after a fault, and back is no way. A GRU sees
the input and the output that was measured last, and predicts the next one; every measurement is learned from
once, as it comes, and by each rule from the same initial weights. Beside them stand the network that stops
learning before the change, and the last value.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import recurra as rc

from studies import report
from studies.plants import NOISE, PLANTS, Plant
from studies.rules import EXACT, Array, Rule, one_pass, rules
from studies.search import Found, search

BEFORE = PLANTS[0]


def _faulty(y: list[Array], u: list[Array]) -> Array:
    """Of the past outputs and inputs, newest first, as `Plant.following`."""
    (x1, x2, x3), (x4, x5) = y, u
    following: Array = (x1 * x2 * x3 * x5 * (x3 - 1) - 1.2 * x4 + 0.3 * x1) / (1 + x2**2 + 0.5 * x3**2)
    return following


AFTER = Plant(
    "after the change",
    "y(k+1) = (y(k) y(k-1) y(k-2) u(k-1) (y(k-2) - 1) - 1.2 u(k) + 0.3 y(k)) "
    "/ (1 + y(k-1)^2 + 0.5 y(k-2)^2)",
    1, 1, _faulty, BEFORE.probe,
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """Data and settings."""

    half: int  # steps before the change, and after it
    late: int  # steps over which the error before the change and at the end is taken
    soon: int  # and right after the change
    units: int
    windows: Sequence[int]
    rates: Sequence[float]
    seeds: Sequence[int]


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    if quick:
        return Task(2_000, 500, 200, 8, (1, 8), (1e-2,), (0,))
    return Task(20_000, 2_000, 500, 16, (1, 8, 32), (3e-4, 1e-3, 3e-3, 1e-2), (0, 1, 2))


@dataclass(frozen=True)
class Stream:
    """Inputs of the network (steps, 2), what it is to say (steps, 1), and what the plant really did."""

    x: Array
    measured: Array
    true: Array


def simulate(u: Array, change: int) -> Array:
    """The plant from rest, which is another one from the step `change` on: y(t + 1) of u(t), each (steps)."""
    rest: Array = np.zeros((1, 1))
    y, before = [rest] * 3, rest
    for t, now in enumerate(u[:, np.newaxis, np.newaxis]):
        plant = BEFORE if t < change else AFTER
        y.append(plant.following([y[-1], y[-2], y[-3]], [now, before]))
        before = now
    outputs: Array = np.concatenate(y[3:])[:, 0]
    return outputs


def stream(t: Task, seed: int) -> Stream:
    """Random levels in [-1, 1] held for 1 to 10 steps; the measurements have noise."""
    rng = np.random.default_rng(seed)
    steps = 2 * t.half
    u = np.repeat(rng.uniform(-1, 1, steps), rng.integers(1, 11, steps))[:steps]
    true = simulate(u, t.half)
    measured = true + NOISE * true[: t.half].std() * rng.standard_normal(steps)
    seen = np.stack([u, np.concatenate([[0.0], measured[:-1]])], axis=1)
    return Stream(seen.astype(np.float32), measured[:, np.newaxis].astype(np.float32), true[:, np.newaxis])


@dataclass(frozen=True)
class Outcome:
    """Errors relative to the deviation of what was measured, over the three spans and over the stream."""

    outputs: Array  # (steps, 1)
    before: float
    soon: float
    end: float
    overall: float
    seconds: float = 0.0


def score(outputs: Array, s: Stream, t: Task, seconds: float = 0.0) -> Outcome:
    """Of predictions, each made before its measurement was seen."""

    def error(start: int, stop: int) -> float:
        wanted = s.measured[start:stop].astype(float)
        return float(np.sqrt(np.mean((outputs[start:stop] - wanted) ** 2)) / wanted.std())

    half, steps = t.half, 2 * t.half
    spans = (error(half - t.late, half), error(half, half + t.soon), error(steps - t.late, steps))
    return Outcome(outputs, *spans, error(0, steps), seconds)


def network(t: Task, seed: int) -> rc.Network:
    """A GRU and a Linear."""
    return rc.Network([rc.GRU(2, t.units), rc.Linear(t.units, 1)], seed=seed)


def learn(rule: Rule, rate: float, seed: int, t: Task) -> Outcome:
    """Learn from the whole stream."""
    s = stream(t, seed)
    passed = one_pass(network(t, seed), rule, "mse", rate, s.x, s.measured)
    return score(passed.outputs, s, t, passed.seconds)


def frozen(rate: float, seed: int, t: Task) -> Outcome:
    """Learn by the exact rule until the change, and run on with the weights at rest."""
    s, net = stream(t, seed), network(t, seed)
    passed = one_pass(net, rules(())[EXACT], "mse", rate, s.x[: t.half], s.measured[: t.half])
    rest = net(s.x[t.half :], state=passed.state)
    return score(np.concatenate([passed.outputs, rest]), s, t)


def last_value(seed: int, t: Task) -> Outcome:
    """What was measured before."""
    s = stream(t, seed)
    return score(s.x[:, 1:], s, t)


def truth(seed: int, t: Task) -> Outcome:
    """What the plant really did: nothing that predicts can do better than the noise leaves."""
    s = stream(t, seed)
    return score(s.true, s, t)


def row(name: str, rate: float | None, outcomes: Sequence[Outcome], steps: int) -> list[str]:
    """A line of the table."""
    spans = [report.median([getattr(o, span) for o in outcomes], ".3f") for span in ("before", "soon", "end")]
    seconds = statistics.median(o.seconds for o in outcomes)
    took = f"{1e6 * seconds / steps:.1f}" if seconds else ""
    return [name, "" if rate is None else f"{rate:g}", *spans, took]


def plot(t: Task, results: Mapping[str, Sequence[Outcome]], options: argparse.Namespace) -> None:
    """Draw the running errors of the first seed over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    wanted, span = stream(t, t.seeds[0]).measured, t.half // 40
    for name, outcomes in results.items():
        squares = ((outcomes[0].outputs - wanted) ** 2).reshape(-1, span)
        axes.plot(
            span * np.arange(1, len(squares) + 1),
            np.sqrt(squares.mean(axis=1)),
            "-" if outcomes[0].seconds else "--",
            label=name,
        )
    axes.axvline(t.half, color="grey", linewidth=0.8)
    axes.set(
        title="A plant that changes", xlabel="steps", ylabel="running error, root mean square", yscale="log"
    )
    axes.legend(fontsize=8)
    figure.savefig(options.plot)


def run(options: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Print the study; the outcomes by rule or baseline."""
    t = task(options.quick)
    report.print_header(
        "A plant that changes in mid-stream",
        options.command,
        f"The plant: {BEFORE.equation}; after {t.half} steps {AFTER.equation}; {t.half} steps more. Inputs "
        f"uniform in +-1, held for 1 to 10 steps; outputs measured with noise of {NOISE:.0%} of their "
        "deviation",
        f"One GRU of {t.units} units and a Linear, float32, which sees u(k) and the y(k) that was measured "
        "and predicts the next one; an update by Adam at every step; rates from "
        f"{', '.join(f'{rate:g}' for rate in t.rates)} by one run each over the whole stream with a seed of "
        f"its own; the seeds {', '.join(map(str, t.seeds))} draw the initial weights and the stream, the "
        "same ones for all rules",
        "Root mean squared error of the predictions, each made before its measurement was seen, relative to "
        f"the deviation of what was measured: over the last {t.late} steps before the change, the first "
        f"{t.soon} after it and the last {t.late} of all; median and all seeds. Microseconds per step, of "
        "processor time",
    )
    found: dict[str, Found[float, Outcome]] = {}
    for name, rule in rules(t.windows).items():
        found[name] = search(name, t.rates, partial(learn, rule, t=t), lambda o: o.overall, t.seeds)
    exact = found[EXACT].setting
    results = {name: f.results for name, f in found.items()}
    results["exact RTRL, no learning after the change"] = [frozen(exact, seed, t) for seed in t.seeds]
    results["last value"] = [last_value(seed, t) for seed in t.seeds]
    results["the plant without noise"] = [truth(seed, t) for seed in t.seeds]
    settings = {name: f.setting for name, f in found.items()} | {list(results)[len(found)]: exact}
    rows = [row(name, settings.get(name), outcomes, 2 * t.half) for name, outcomes in results.items()]
    report.print_table(("rule", "rate", "before", "right after", "at the end", "us per step"), rows)
    print("Errors of the search, over the whole stream:\n")
    for name, f in found.items():
        print(f"- {name}: {', '.join(f'{rate:g}: {error:.3f}' for rate, error in f.searched.items())}")
    print(flush=True)
    if options.plot:
        plot(t, results, options)
    return results
