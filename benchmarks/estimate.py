"""An epoch of `fit` as `rc.estimate` foresees it, beside the same measured."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import recurra as rc

from benchmarks.cells import CELLS
from benchmarks.native import Native
from benchmarks.tables import number, print_row

TIME = 100
EPOCHS = 5
COLUMNS = ("cell", "hidden", "batch", "threads", "batches", "estimated", "measured", "ratio", "spread")
WIDTHS = (5, 6, 5, 7, 7, 9, 9, 6, 6)


def measure(cell: str, hidden: int, batch: int, threads: int, seconds: float) -> dict[str, Any]:
    """Return one row: both epochs in seconds, of so many batches that one lasts about `seconds`."""
    net = CELLS[cell].network(hidden, hidden)
    rc.set_num_threads(threads)
    short = rc.estimate(net, (batch, TIME))
    batches = int(np.clip(seconds / short.seconds_per_batch, 2, 200))
    random = np.random.default_rng(0)
    x, y = (
        random.standard_normal((batches * batch, TIME, hidden), np.float32) * np.float32(scale)
        for scale in (1.0, 0.1)
    )
    estimated = rc.estimate(net, (batch, TIME), samples=len(x)).seconds_per_epoch
    epochs = rc.fit(net, x, y, batch_size=batch, epochs=EPOCHS, progress=False).seconds
    measured = float(np.median(epochs))
    return {
        "table": "estimate",
        "cell": cell,
        "hidden": hidden,
        "batch": batch,
        "time": TIME,
        "threads": threads,
        "batches": batches,
        "estimated": estimated,
        "measured": measured,
        "ratio": estimated / measured,
        "spread": (max(epochs) - min(epochs)) / measured,
    }


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    del native
    threads = [count for count in (1, 2) if count <= rc.num_threads()]
    print(f"\nAn epoch of fit, sequences of {TIME}, input size = hidden size, Adam. Milliseconds.")
    print_row(COLUMNS, WIDTHS)
    sizes, batches = ((32, 256), (1, 32)) if quick else ((32, 128, 256), (1, 8, 32))
    rows = []
    for count, cell, hidden, batch in product(threads, CELLS, sizes, batches):
        row = measure(cell, hidden, batch, count, 0.1 if quick else 0.4)
        times = [number(1e3 * row[name], 1) for name in ("estimated", "measured")]
        counts = [str(row[name]) for name in ("hidden", "batch", "threads", "batches")]
        print_row([cell, *counts, *times, f"{row['ratio']:.2f}", f"{row['spread']:.0%}"], WIDTHS)
        rows.append(row)
        yield row
    ratios = [row["ratio"] for row in rows]
    within = sum(abs(ratio - 1) <= 0.3 for ratio in ratios)
    print(f"{min(ratios):.2f} to {max(ratios):.2f}; within 30%: {within} of {len(ratios)}.")
