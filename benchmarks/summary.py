"""What a table comes to: its worst case, and the mean of its ratios."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Row = Mapping[str, Any]
CASE = ("cell", "variant", "input", "hidden", "batch", "threads")


def case(row: Row) -> str:
    """Name a row by what tells it from others."""
    return " ".join(
        f"{row[key]}" if key in ("cell", "variant") else f"{key} {row[key]}" for key in CASE if key in row
    )


def extreme(
    name: str, rows: Iterable[Row], value: Callable[[Row], float | None], largest: bool = False
) -> dict[str, Any]:
    """Find and print the least, or largest, value and where it is; empty where no row has one."""
    found = [(v, row) for row in rows if (v := value(row)) is not None]
    if not found:
        return {}
    worst, row = (max if largest else min)(found, key=lambda each: each[0])
    print(f"  {name}: {worst:.2f} ({case(row)})")
    return {name: worst, f"{name} at": case(row)}


def geometric_mean(name: str, rows: Iterable[Row], value: Callable[[Row], float | None]) -> dict[str, Any]:
    """Find and print the mean of ratios."""
    found = [v for row in rows if (v := value(row)) is not None]
    if not found:
        return {}
    mean = float(np.exp(np.mean(np.log(found))))
    print(f"  {name}: {mean:.2f} (of {len(found)})")
    return {name: mean}


def best_of(*peers: str) -> Callable[[Row], float | None]:
    """Make the ratio of the fastest of these peers to ours."""

    def ratio(row: Row) -> float | None:
        times = [row[peer] for peer in peers if row.get(peer) is not None]
        return min(times) / row["recurra"] if times else None

    return ratio
