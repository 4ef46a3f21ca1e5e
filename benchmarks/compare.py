"""``python -m benchmarks compare A B``: two builds of ours, each in a process of its own, by turns."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import isa
from benchmarks.builds import Build
from benchmarks.child import Child
from benchmarks.compare_cases import Case, cases
from benchmarks.processors import chosen
from benchmarks.summary import extreme, geometric_mean
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import by_turns, columns

COLUMNS = ("case", "cell", "input", "hidden", "batch", "A us", "B us", "A / B", "spread")
WIDTHS = (9, 6, 5, 6, 5, 11, 11, 7, 6)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks compare",
        description="Time two builds. A build is a Python interpreter, an environment, a source tree with a "
        "built module, or a folder with an installed recurra.",
    )
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--quick", action="store_true", help="fewer sizes and repetitions")
    parser.add_argument("--only", choices=("training", "inference", "streaming"), help="one kind of case")
    parser.add_argument("--threads", type=int, default=1, help="of each build (default: 1)")
    parser.add_argument("--isa", choices=isa.CHOICES, help="of both")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every row, one JSON object per line"
    )
    return parser.parse_args(words)


def measure(a: Child, b: Child, case: Case, threads: int, seconds: float) -> dict[str, Any]:
    """Return one row: nanoseconds of both, found to compute the same."""
    runs, found = {}, []
    for name, child in (("a", a), ("b", b)):
        value, runs[name] = child.make("benchmarks.compare_cases:make", case, threads)
        found.append(value)
    if abs(found[0] - found[1]) > 1e-3 * abs(found[0]):
        raise AssertionError(f"{case}: the builds find {found[0]} and {found[1]}")
    block, least = (4e5, 20) if case.kind == "streaming" else (2e7, 1)
    timings = by_turns(runs, seconds, block=block, least=least, pause=0.0)
    for child in (a, b):
        child.forget()
    row: dict[str, Any] = {"table": "compare", **asdict(case), "threads": threads}
    return row | columns(timings) | {"ratio": timings["a"].median / timings["b"].median}


def table(
    a: Child, b: Child, chosen_cases: list[Case], threads: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    print_row(COLUMNS, WIDTHS)
    rows = []
    for case in chosen_cases:
        row = measure(a, b, case, threads, seconds)
        rows.append({**row, "variant": case.kind})
        sizes = [str(row[key]) for key in ("kind", "cell", "input", "hidden", "batch")]
        times = [number(row[key] / 1e3, 3) for key in ("a", "b")]
        print_row([*sizes, *times, ratio(row["ratio"]), f"{row['spread']:.0%}"], WIDTHS)
        yield row
    print("A's time over B's:")
    summary: dict[str, Any] = {"table": "compare_summary"}
    for kind in dict.fromkeys(row["kind"] for row in rows):
        of_kind = [row for row in rows if row["kind"] == kind]
        summary |= geometric_mean(f"{kind}, geometric mean", of_kind, lambda row: row["ratio"])
        summary |= extreme(f"{kind}, least", of_kind, lambda row: row["ratio"])
        summary |= extreme(f"{kind}, largest", of_kind, lambda row: row["ratio"], largest=True)
    yield summary


def main(words: Sequence[str]) -> int:
    asked = arguments(words)
    try:
        builds = [Build.find(name, text) for name, text in (("A", asked.a), ("B", asked.b))]
    except ValueError as error:
        raise SystemExit(str(error)) from None
    environment = isa.environment(asked.isa) if asked.isa else {}
    with (
        builds[0].start(chosen(asked.threads), environment) as a,
        builds[1].start(chosen(asked.threads), environment) as b,
    ):
        isas = [child.make("benchmarks.compare_cases:isa")[0] for child in (a, b)]
        print(f"A: {asked.a} ({isas[0]}). B: {asked.b} ({isas[1]}). Threads: {asked.threads}.")
        print("Microseconds, medians.")
        some = [case for case in cases(asked.quick) if asked.only in (None, case.kind)]
        lines = [json.dumps(row) for row in table(a, b, some, asked.threads, 0.2 if asked.quick else 1.5)]
    if asked.json:
        asked.json.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0
