"""The shipped series of CO2 at Mauna Loa (``data/README.md`` has its source), and its naive forecasts."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

YEAR = 12
VALIDATION, TEST = "1985-01", "1992-01"  # where these parts begin
HISTORY = 96  # months that a model sees before a forecast


@dataclass(frozen=True)
class Series:
    """The months, and their changes as a part of them standardises it."""

    months: list[str]
    ppm: Array
    end: int  # of the training part
    stop: int  # of the part to forecast

    @property
    def change(self) -> Array:
        """(months,) standardised with the training part's mean and deviation; entry 0 is not defined."""
        return (np.diff(self.ppm, prepend=np.nan) - self.mean) / self.deviation

    @property
    def mean(self) -> float:
        """Of the training part's changes."""
        return float(np.diff(self.ppm[: self.end]).mean())

    @property
    def deviation(self) -> float:
        """Of the training part's changes."""
        return float(np.diff(self.ppm[: self.end]).std())

    @property
    def training(self) -> Array:
        """(1, months, 1), the changes to learn from."""
        return self.change[np.newaxis, 1 : self.end, np.newaxis]

    @property
    def origins(self) -> npt.NDArray[np.intp]:
        """The last month before each forecast of a year."""
        return np.arange(self.end - 1, self.stop - YEAR)

    def histories(self, origins: npt.NDArray[np.intp]) -> Array:
        """(origins, HISTORY, 1), the changes up to each origin."""
        return np.stack([self.change[t - HISTORY + 1 : t + 1] for t in origins])[..., np.newaxis]

    def levels(self, origins: npt.NDArray[np.intp], changes: Array) -> Array:
        """(origins, 12) ppm, of (origins, 12, 1) changes to come."""
        steps = self.mean + self.deviation * changes[..., 0]
        return self.ppm[origins][:, np.newaxis] + np.cumsum(steps, axis=1)

    def errors(self, forecast: Array) -> Array:
        """(12,) root mean squared errors in ppm, by months ahead."""
        truth = np.stack([self.ppm[t + 1 : t + 1 + YEAR] for t in self.origins])
        root: Array = np.sqrt(np.mean((forecast - truth) ** 2, axis=0))
        return root


def series(end: str, stop: str | None) -> Series:
    """The shipped series, to be learned until `end` and forecast until `stop`."""
    with resources.files("recurra").joinpath("data/co2_mauna_loa_monthly.csv").open() as file:
        rows = list(csv.DictReader(file))
    months, ppm = [row["month"] for row in rows], np.array([float(row["ppm"]) for row in rows])
    return Series(months, ppm, months.index(end), len(months) if stop is None else months.index(stop))


def naive(s: Series) -> dict[str, Array]:
    """Forecasts that need no learning, or nearly none."""
    origins, ahead = s.origins[:, np.newaxis], np.arange(1, YEAR + 1)
    month = np.array([int(name[5:]) - 1 for name in s.months])
    steps = np.diff(s.ppm, prepend=np.nan)[: s.end]
    typical = np.array([np.nanmean(steps[month[: s.end] == m]) for m in range(YEAR)])
    year_ago = s.ppm[origins + ahead - YEAR]
    return {
        "last value": s.ppm[origins] + np.zeros(YEAR),
        "seasonal naive": year_ago,
        "seasonal naive + last year's increase": year_ago + s.ppm[origins] - s.ppm[origins - YEAR],
        "last value + mean change of the month": s.ppm[origins]
        + np.cumsum(typical[(month[origins] + ahead) % YEAR], axis=1),
    }
