"""Reading, by the size of what is read: the ceiling of whatever does little with each byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import recurra as rc

from benchmarks.native import Native
from benchmarks.processors import thread_counts
from benchmarks.tables import number, print_row

COLUMNS = ("KB", "threads", "GB/s", "best")
WIDTHS = (8, 7, 8, 8)


@dataclass(frozen=True)
class Bandwidth:
    """GB/s by working-set size in bytes, as measured."""

    sizes: list[float]
    rates: list[float]

    @staticmethod
    def measure(native: Native, threads: int, seconds: float) -> Bandwidth | None:
        """Measure each size for so long; None where there is no C++ program."""
        rows = native.bandwidths(threads, seconds)
        return Bandwidth([row["bytes"] for row in rows], [row["gbs"] for row in rows]) if rows else None

    def at(self, size: float) -> float:
        """Between the sizes measured, on logarithmic scales; beyond them that of the nearest."""
        return float(np.exp(np.interp(np.log(size), np.log(self.sizes), np.log(self.rates))))


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    print("\nReading, by the size of what all threads read together. Medians and the best.")
    print_row(COLUMNS, WIDTHS)
    for threads in thread_counts():
        for row in native.bandwidths(threads, 0.05 if quick else 0.3):
            texts = [f"{row['bytes'] // 1024:,}", str(threads), number(row["gbs"], 1), number(row["best"], 1)]
            print_row(texts, WIDTHS)
            yield {"table": "bandwidth", "isa": rc.isa(), **row}
