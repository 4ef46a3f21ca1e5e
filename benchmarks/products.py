"""The engine's products beside Eigen's, compiled with the same flags; one thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import recurra as rc

from benchmarks.native import Native
from benchmarks.tables import number, print_row, ratio

COLUMNS = ("isa", "product", "rows", "hidden", "recurra", "Eigen", "ours /")
WIDTHS = (8, 9, 5, 6, 8, 8, 7)


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table."""
    print("\nProducts of an LSTM: recurrent, of one step, and the weight gradient of all. GFLOP/s, medians.")
    print_row(COLUMNS, WIDTHS)
    for isa in rc.available_isas():
        for row in native.products(isa, 0.1 if quick else 1.0):
            ours, theirs = row["recurra"], row["eigen"]
            texts = [
                str(row["rows"]),
                str(row["hidden"]),
                number(ours, 1),
                number(theirs, 1),
                ratio(ours / theirs),
            ]
            print_row([isa, row["product"], *texts], WIDTHS)
            yield {"table": "products", **row}
