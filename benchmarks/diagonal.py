"""Cells without a recurrent product, whole sequences forward: how near the memory's bandwidth.

The bytes are those that must move at least: x read, y written, the parameters read. What the projection of x
costs shows a Linear layer of all the cell's gates, which takes turns with it. With one input that is little,
and the recurrence stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import recurra as rc

from benchmarks.bandwidth import Bandwidth
from benchmarks.native import Native
from benchmarks.processors import keep_to
from benchmarks.summary import extreme
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, columns

BATCH, TIME = 16, 1000
CELLS: dict[str, Callable[[int, int], rc.Layer]] = {
    "SRU": rc.SRU,
    "MinGRU": rc.MinGRU,
    "MinLSTM": rc.MinLSTM,
    "IndRNN": rc.IndRNN,
    "LRU": rc.LRU,
}
COLUMNS = (
    "cell",
    "input",
    "hidden",
    "ms",
    "MB",
    "GB/s",
    "read GB/s",
    "share",
    "Linear",
    "/ Linear",
    "spread",
)
WIDTHS = (7, 5, 6, 9, 7, 7, 9, 6, 9, 8, 6)


def passes(net: rc.Network, x: np.ndarray[Any, np.dtype[np.float32]]) -> Run:
    """Make a run of calls."""

    def run(count: int) -> None:
        for _ in range(count):
            net(x)

    return run


def measure(
    cell: str, inputs: int, hidden: int, bandwidth: Bandwidth | None, seconds: float
) -> dict[str, Any]:
    """Return one row."""
    net = rc.Network([CELLS[cell](inputs, hidden)], seed=1)
    gates = net.parameters["0.weight_ih"].shape[0]
    projection = rc.Network([rc.Linear(inputs, gates)], seed=1)
    x = np.random.default_rng(0).standard_normal((BATCH, TIME, inputs)).astype(np.float32)
    size = x.nbytes + net.flat.nbytes + 4 * BATCH * TIME * net.output_size
    row: dict[str, Any] = {
        "table": "diagonal",
        "isa": rc.isa(),
        "cell": cell,
        "input": inputs,
        "hidden": hidden,
    }
    row |= {"time": TIME, "batch": BATCH, "threads": 1, "bytes": size}
    row |= columns(by_turns({"recurra": passes(net, x), "linear": passes(projection, x)}, seconds))
    row["gbs"] = size / row["recurra"]
    row["bandwidth"] = bandwidth.at(size) if bandwidth else None
    row["share"] = bandwidth and row["gbs"] / row["bandwidth"]
    return row


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    rc.set_num_threads(1)
    bandwidth = Bandwidth.measure(native, 1, 0.05 if quick else 0.3)
    print(
        f"\nDiagonal cells, sequences of {TIME}, batch {BATCH}, forward, one thread. Milliseconds, medians."
    )
    print("MB: what must be read and written at least. Linear: a layer that only makes the gates' W x.")
    print_row(COLUMNS, WIDTHS)
    rows = []
    for cell, hidden, inputs in product(CELLS, (256,) if quick else (64, 256, 1024), (1, 0)):
        with keep_to(1):
            row = measure(cell, inputs or hidden, hidden, bandwidth, 0.3 if quick else 2.0)
        rows.append(row)
        texts = [
            cell,
            str(row["input"]),
            str(hidden),
            number(row["recurra"] / 1e6, 3),
            number(row["bytes"] / 1e6, 1),
        ]
        texts += [number(row["gbs"], 1), number(row["bandwidth"], 1)]
        texts += ["-" if row["share"] is None else f"{row['share']:.0%}", number(row["linear"] / 1e6, 3)]
        print_row([*texts, ratio(row["recurra"] / row["linear"]), f"{row['spread']:.0%}"], WIDTHS)
        yield row
    print("Share of the bandwidth with one input:")
    worst = extreme("worst", [row for row in rows if row["input"] == 1], lambda row: row["share"])
    yield {"table": "diagonal_summary", **worst}
