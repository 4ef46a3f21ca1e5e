"""Forecast a real series a year ahead: monthly CO2 at Mauna Loa, 1958 to 2001.

Models see standardised monthly changes; every month of the held-out ten years is an origin of a forecast of
12 months. AR by least squares, in NumPy and as a network, stands beside the naive forecasts, a nonlinear
autoregressive network (NAR) and a GRU that is fed its own output, trained with the true changes as teacher or
by scheduled sampling (S. Bengio et al., NIPS 2015).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import recurra as rc

from studies import report
from studies.arx import Arx
from studies.co2 import HISTORY, TEST, VALIDATION, YEAR, Array, Series, naive, series
from studies.search import search

HORIZONS = (1, 6, 12)


@dataclass(frozen=True)
class Result:
    """Forecasts (origins, 12) in ppm, and what they cost."""

    forecast: Array
    seconds: float
    parameters: int


def least_squares(order: int, seed: int, s: Series) -> Result:
    """AR in NumPy, in which nothing is drawn by a seed."""
    del seed
    start = time.perf_counter()
    model = ar(order, s)
    seconds = time.perf_counter() - start
    changes = model.forecast(s.histories(s.origins), YEAR)
    return Result(s.levels(s.origins, changes), seconds, order + 1)


def ar(order: int, s: Series) -> Arx:
    """AR by least squares over the months that have `order` changes before them."""
    y = s.training
    return Arx.fit(np.empty((*y.shape[:2], 0)), y, order, 0, start=order)


def as_network(model: Arx) -> rc.Network:
    """An AR model as a network: one Linear layer, fed its own outputs."""
    order, outputs, _ = model.outputs.shape
    net = rc.Network([rc.Feedback([rc.Linear(order * outputs, outputs)], delays=order)], dtype="float64")
    net.flat[:] = np.concatenate([np.concatenate(model.outputs, axis=1).ravel(), model.constant])
    return net


@dataclass(frozen=True)
class Setting:
    """What a search chooses: past changes that the network sees (or its units), and the weight decay."""

    size: int
    l2: float

    def __str__(self) -> str:
        return f"{self.size}" if self.l2 == 0 else f"{self.size}, l2 {self.l2:g}"


@dataclass(frozen=True)
class Entry:
    """A network that forecasts, and how it is trained."""

    name: str
    layers: Callable[[int], Sequence[rc.Layer]]  # of a setting's size
    delays: Callable[[int], int]
    updates: int
    rate: float = 1e-2
    sampling: float = 0.0  # how often a step of the training sees the network's own output

    def network(self, setting: Setting, seed: int) -> rc.Network:
        """Its layers, fed their own outputs."""
        feedback = rc.Feedback(self.layers(setting.size), delays=self.delays(setting.size))
        return rc.Network([feedback], dtype="float64", seed=seed)

    def train(self, setting: Setting, seed: int, s: Series) -> tuple[rc.Network, float]:
        """Trained on the training part in one piece, the true changes as teacher; and the seconds it took."""
        net = self.network(setting, seed)
        y = s.training
        counts = np.arange(y.shape[1])[np.newaxis] >= max(YEAR, self.delays(setting.size))
        history = rc.fit(
            net,
            None,
            y,
            teacher=True,
            sampling=self.sampling,
            mask=counts,  # before that, some of what it sees are zeros instead of changes
            optimizer=rc.Adam(self.rate, l2=setting.l2),
            schedule=rc.CosineDecay(self.updates),
            epochs=self.updates,
            clip_norm=1.0,
            progress=False,
            seed=seed,
        )
        if history.interrupted:
            raise KeyboardInterrupt
        return net, sum(history.seconds)

    def result(self, setting: Setting, seed: int, s: Series) -> Result:
        """Train, and forecast."""
        net, seconds = self.train(setting, seed, s)
        changes = net.forecast(s.histories(s.origins), YEAR)
        return Result(s.levels(s.origins, changes), seconds, net.flat.size)


def ar_layers(order: int) -> Sequence[rc.Layer]:
    """AR of an order."""
    return [rc.Linear(order, 1)]


def nar_layers(order: int) -> Sequence[rc.Layer]:
    """One hidden layer on so many past changes."""
    return [rc.Linear(order, 16), rc.Tanh(), rc.Linear(16, 1)]


def gru_layers(units: int) -> Sequence[rc.Layer]:
    """A recurrent layer on the last change."""
    return [rc.GRU(1, units), rc.Linear(units, 1)]


def trained_ar(quick: bool) -> Entry:
    """AR by gradients, to reach what least squares gives at once."""
    return Entry("AR, trained", ar_layers, lambda order: order, 100 if quick else 3000, rate=3e-2)


def entries(quick: bool) -> tuple[Entry, ...]:
    """The other networks that are trained."""
    updates = 50 if quick else 500
    gru = Entry("GRU", gru_layers, lambda units: 1, updates)
    return (
        Entry("NAR, 16 hidden units", nar_layers, lambda order: order, updates),
        gru,
        replace(gru, name="GRU, scheduled sampling", sampling=0.5),
    )


def row(name: str, setting: str, parameters: str, errors: Sequence[Array], seconds: str) -> list[str]:
    """A line of the table."""
    ahead = [report.median([e[h - 1] for e in errors], ".2f") for h in HORIZONS]
    year = report.median([overall(e) for e in errors], ".2f")
    return [name, setting, parameters, *ahead, year, seconds]


def overall(errors: Array) -> float:
    """Of all 12 months ahead together."""
    return float(np.sqrt(np.mean(errors**2)))


Choice = TypeVar("Choice", int, Setting)


def choose(
    name: str,
    settings: Sequence[Choice],
    train: Callable[[Choice, int], Result],
    part: Series,
    searches: list[str],
) -> Choice:
    """The setting with the best forecasts of the validation part; a line about all of them."""
    found = search(name, settings, train, lambda result: overall(part.errors(result.forecast)), ())
    searches.append(f"{name}: " + ", ".join(f"({k}): {error:.2f}" for k, error in found.searched.items()))
    return found.setting


def run(options: argparse.Namespace) -> dict[str, list[Array]]:
    """Print the study; errors by months ahead, of every model and seed."""
    seeds = (0,) if options.quick else (0, 1, 2)
    orders = (12, 24) if options.quick else (6, 12, 13, 18, 24, 25, 36, 48, 60, 72)
    sizes = {"NAR": (24,), "GRU": (8,)} if options.quick else {"NAR": (12, 24, 36, 48), "GRU": (8, 16)}
    decays = (1e-3,) if options.quick else (0.0, 1e-3, 1e-2, 1e-1, 3e-1, 1.0)
    choice, final = series(VALIDATION, TEST), series(TEST, None)
    linear, networks = trained_ar(options.quick), entries(options.quick)
    report.print_header(
        "Forecasts of CO2 at Mauna Loa",
        options.command,
        f"{final.months[0]} to {final.months[-1]}, monthly; {len(final.origins)} origins of forecasts over "
        f"{YEAR} months, the first from {final.months[final.origins[0]]}; models learn from all months "
        f"before {TEST}, with settings chosen by forecasts of {VALIDATION} to {final.months[final.end - 1]} "
        "after learning from the months before those; nothing is learned from, or chosen by, the months that "
        "are forecast here",
        f"All models see standardised monthly changes, the last {HISTORY} before a forecast, and feed back "
        "what they forecast. Networks: float64, the whole training part as one sequence with the true "
        f"changes as teacher, but for the scheduled sampling, where every other step at random sees the "
        f"network's own output; Adam, clip_norm 1, {networks[0].updates} updates from rate "
        f"{networks[0].rate:g} (AR: {linear.updates} from {linear.rate:g}), falling by a cosine; l2 from "
        f"{', '.join(f'{d:g}' for d in decays)} (AR: none); settings by one run each "
        f"with a seed of its own; seeds {', '.join(map(str, seeds))}",
        "Root mean squared error in ppm, median and all seeds: 1, 6 and 12 months ahead, and over all 12 "
        "months. Setting: past changes of AR and NAR, units of the GRU. Seconds: of one training, median",
    )
    rows: list[list[str]] = []
    results: dict[str, list[Array]] = {}
    searches: list[str] = []

    def add(name: str, setting: str, found: Sequence[Result]) -> None:
        results[name] = [final.errors(result.forecast) for result in found]
        seconds = statistics.median(result.seconds for result in found)
        rows.append(row(name, setting, str(found[0].parameters), results[name], f"{seconds:.2f}"))

    for name, forecast in naive(final).items():
        results[name] = [final.errors(forecast)]
        rows.append(row(name, "", "", results[name], ""))

    order = choose("AR", orders, partial(least_squares, s=choice), choice, searches)
    add("AR, least squares in NumPy", str(order), [least_squares(order, 0, final)])
    exact = as_network(ar(order, final))
    changes = exact.forecast(final.histories(final.origins), YEAR)
    add("the same AR as a network", str(order), [Result(final.levels(final.origins, changes), 0, order + 1)])
    ours = [linear.result(Setting(order, 0.0), seed, final) for seed in seeds]
    add(linear.name, str(order), ours)
    for entry in networks:
        settings = [Setting(size, l2) for size in sizes[entry.name[:3]] for l2 in decays]
        setting = choose(entry.name, settings, partial(entry.result, s=choice), choice, searches)
        add(entry.name, str(setting), [entry.result(setting, seed, final) for seed in seeds])

    ahead = [f"{h} month{'s' if h > 1 else ''}" for h in HORIZONS]
    columns = ("forecast", "setting", "parameters", *ahead, f"1 to {YEAR} months", "seconds")
    report.print_table(columns, rows)
    gap = np.abs(changes - ar(order, final).forecast(final.histories(final.origins), YEAR)).max()
    print(f"Largest difference between AR in NumPy and as a network: {gap:.1e} standardised changes.\n")
    print("Errors of the search, over all 12 months:\n")
    for line in searches:
        print(f"- {line}")
    print(flush=True)
    return results
