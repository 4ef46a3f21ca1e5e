"""The demo: forecast a real series, beat the naive forecasts, stream, save.

The monthly CO2 concentration at Mauna Loa (see ``data/README.md``). A GRU reads, month by month, the
standardised change of this month and the change of a year ago that led to the month to be forecast, and
learns the next change. It trains on 1958-1991; the years 1992-2001 are held out and were never used for
tuning (settings were chosen on 1985-1991, with training until 1984).
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import recurra as rc

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Forecast: TypeAlias = Callable[[npt.NDArray[np.intp], int], Array]  # origins, months ahead -> ppm

TRAIN_END = "1992-01"
WINDOW, STRIDE, YEAR = 72, 3, 12


@dataclass
class Series:
    """The series with its features; rows are months."""

    months: list[str]
    ppm: Array
    change: Array  # standardised with the training part's mean and deviation
    mean: float
    deviation: float
    features: npt.NDArray[np.float32]  # (months, 2); the first 12 rows are not defined
    train_end: int


def read_series() -> Series:
    """The shipped series."""
    with resources.files("recurra").joinpath("data/co2_mauna_loa_monthly.csv").open() as file:
        rows = list(csv.DictReader(file))
    months, ppm = [row["month"] for row in rows], np.array([float(row["ppm"]) for row in rows])
    end = months.index(TRAIN_END)
    change = np.diff(ppm, prepend=np.nan)
    mean, deviation = float(change[1:end].mean()), float(change[1:end].std())
    change = (change - mean) / deviation
    features = np.zeros((len(ppm), 2), np.float32)
    features[YEAR:, 0], features[YEAR:, 1] = change[YEAR:], change[1 : 1 - YEAR]
    return Series(months, ppm, change, mean, deviation, features, end)


def train(series: Series, seed: int, epochs: int, progress: bool) -> rc.Network:
    """A GRU trained on windows of the training part."""
    net = rc.Network([rc.GRU(2, 32), rc.Linear(32, 1)], dtype="float32", seed=seed)
    x = rc.windows(series.features[YEAR : series.train_end - 1], WINDOW, STRIDE)
    y = rc.windows(series.change[YEAR + 1 : series.train_end, np.newaxis].astype(np.float32), WINDOW, STRIDE)
    history = rc.fit(
        net,
        x,
        y,
        loss="mse",
        optimizer=rc.Adam(3e-3, l2=1e-3),
        epochs=epochs,
        batch_size=32,
        clip_norm=1.0,
        seed=seed,
        progress=progress,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    return net


def forecast(net: rc.Network, series: Series, origins: npt.NDArray[np.intp]) -> Array:
    """(origins, 12) ppm: closed loop, each month's forecast is the next month's input."""
    history = np.stack([series.features[t - WINDOW + 1 : t + 1] for t in origins])
    y, state = net(history, return_state=True)
    y = y[:, -1:]
    past = [series.change[origins - k] for k in range(YEAR - 1, -1, -1)]
    level, levels = series.ppm[origins], []
    for _ in range(YEAR):
        change = y[:, 0, 0].astype(float)
        level = level + series.mean + series.deviation * change
        levels.append(level)
        past = [*past[1:], change]
        step = np.stack([past[-1], past[0]], axis=1)[:, np.newaxis].astype(np.float32)
        y, state = net(step, state=state, return_state=True)
    return np.stack(levels, axis=1)


def baselines(series: Series) -> dict[str, Forecast]:
    """Forecasts that need no learning."""
    ppm = series.ppm
    month = np.array([int(name[5:]) - 1 for name in series.months])
    steps = np.diff(ppm, prepend=np.nan)
    typical = np.array(
        [np.nanmean(steps[: series.train_end][month[: series.train_end] == m]) for m in range(YEAR)]
    )
    return {
        "persistence (last value)": lambda t, h: ppm[t],
        "seasonal naive (a year ago)": lambda t, h: ppm[t + h - YEAR],
        "seasonal naive + last year's increase": lambda t, h: ppm[t + h - YEAR] + ppm[t] - ppm[t - YEAR],
        "last value + mean change of the month": lambda t, h: (
            ppm[t] + sum(typical[(month[t] + k) % YEAR] for k in range(1, h + 1))
        ),
    }


def errors(series: Series, forecast: Forecast) -> tuple[float, float]:
    """Root mean squared error in ppm on the held-out part: 1 month ahead, and over 1 to 12 months ahead."""
    origins = np.arange(series.train_end - 1, len(series.ppm) - 1)
    complete = origins[origins + YEAR < len(series.ppm)]
    one = forecast(origins, 1) - series.ppm[origins + 1]
    year = np.stack([forecast(complete, h) - series.ppm[complete + h] for h in range(1, YEAR + 1)])
    return float(np.sqrt(np.mean(one**2))), float(np.sqrt(np.mean(year**2)))


def stream(net: rc.Network, series: Series) -> tuple[float, float, float]:
    """Step through the series: p50 and p99 of a step in us, and the largest difference from the batch."""
    x = series.features[YEAR:]
    batch = net(x)
    live = net.stream()
    out = np.empty(1, np.float32)
    outputs, nanoseconds = np.empty_like(batch), []
    for _ in range(20):
        live.reset()
        for t, x_t in enumerate(x):
            start = time.perf_counter_ns()
            live.step(x_t, out)
            nanoseconds.append(time.perf_counter_ns() - start)
            outputs[t] = out
    p50, p99 = np.percentile(nanoseconds, [50, 99]) / 1e3
    return float(p50), float(p99), float(np.abs(outputs - batch).max())


MUST_BEAT = (
    "persistence (last value)",
    "seasonal naive (a year ago)",
    "seasonal naive + last year's increase",
)


def run(
    seed: int = 0, epochs: int = 150, output: str = "recurra_demo.safetensors", progress: bool = True
) -> bool:
    """The whole demo; True if the network beats the three naive forecasts (the fourth one is harder)."""
    series = read_series()
    print(
        f"CO2 at Mauna Loa, monthly: {series.months[0]} .. {series.months[-1]}; "
        f"training until {series.months[series.train_end - 1]}, the rest held out"
    )
    start = time.perf_counter()
    net = train(series, seed, epochs, progress)
    print(
        f"trained {net!r} in {time.perf_counter() - start:.1f} s "
        f"(instruction set {rc.isa()}, {rc.num_threads()} threads)\n"
    )

    origins = np.arange(series.train_end - 1, len(series.ppm) - 1)
    ahead = forecast(net, series, origins)
    results = {name: errors(series, method) for name, method in baselines(series).items()}
    ours = errors(series, lambda t, h: ahead[t - origins[0], h - 1])
    print(f"{'RMSE on the held-out part, ppm':40s}  1 month  1..12 months")
    for name, (one, year) in {**results, f"GRU, seed {seed}": ours}.items():
        print(f"{name:40s}  {one:7.3f}  {year:7.3f}")
    beaten = [name for name, (one, year) in results.items() if ours[0] < one and ours[1] < year]
    missed = [name for name in results if name not in beaten]
    print(
        "the GRU beats "
        + ("all of them on both counts" if not missed else f"all but: {'; '.join(missed)}")
        + "\n"
    )

    p50, p99, difference = stream(net, series)
    print(
        f"streaming: p50 {p50:.2f} us, p99 {p99:.2f} us a step; "
        f"largest difference from the batch result {difference:.1e}"
    )
    net.save(output)
    print(f"saved {output}; recurra.load({output!r}) gives the same network")
    return set(MUST_BEAT) <= set(beaten)
