"""How the table of streaming is printed, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.summary import Row, extreme
from benchmarks.tables import number, print_row, ratio

COLUMNS = (
    ("cell", 5),
    ("input", 5),
    ("hidden", 6),
    ("C++", 8),
    ("p99", 8),
    ("p99.9", 8),
    ("bytes", 8),
    ("ours /", 6),
    ("by hand", 8),
    ("ours /", 6),
    ("bits", 4),
    ("bf16", 6),
    ("int8", 6),
    ("2 thr.", 6),
    ("Python", 8),
    ("more", 5),
    ("block", 8),
    ("ONNX RT", 8),
    ("/ ours", 6),
    ("PyTorch", 8),
    ("/ ours", 6),
    ("spread", 6),
)
NAMES, WIDTHS = zip(*COLUMNS, strict=True)


def print_head() -> None:
    print("\nOne streaming step, batch 1, one thread. Nanoseconds, medians.")
    print("C++: the stream's step; p99, p99.9 of steps timed one by one. bytes: a pass over as many bytes as")
    print(
        "the weights have. by hand: a reference written out for this size, in the fastest width of register,"
    )
    print("and C++ over it, both by themselves.")
    print("bf16, int8, 2 thr.: the plain step over that with narrow weights, or with two threads.")
    print("Python: Stream.step(x, out=y); more: less the step in C++. block: a step of Stream.process.")
    print(
        "/ ours: over ours from Python. spread: the range of four fifths of the blocks, of the widest peer."
    )
    print_row(NAMES, WIDTHS)


def over(numerator: str, denominator: str) -> Callable[[Row], float | None]:
    """Make the ratio of two columns, None where one is missing."""

    def value(row: Row) -> float | None:
        above, below = row.get(numerator), row.get(denominator)
        return None if above is None or below is None else float(above) / float(below)

    return value


def print_line(row: Row) -> None:
    def ns(name: str) -> str:
        return number(row.get(name), 0 if (row.get(name) or 0) >= 1000 else 1)

    def share(numerator: str, denominator: str) -> str:
        return ratio(over(numerator, denominator)(row))

    sizes = [row["cell"], str(row["input"]), f"{row['layers']}x{row['hidden']}"]
    native = [ns("cpp"), ns("cpp_p99"), ns("cpp_p999"), ns("floor"), share("cpp", "floor")]
    native += [ns("reference"), share("cpp_beside", "reference"), str(row.get("reference_bits", "-"))]
    native += [
        share("cpp", "cpp_bfloat16"),
        share("cpp", "cpp_int8"),
        share("cpp_one_thread", "cpp_threads2"),
    ]
    python = [ns("recurra"), number(row.get("overhead")), ns("process")]
    for peer in ("onnxruntime", "torch"):
        python += [number(row.get(peer)), share(peer, "recurra")]
    print_row([*sizes, *native, *python, f"{row['spread']:.0%}"], WIDTHS)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Print the marks that this table is held to."""
    print("At the worst:")
    square = [row for row in rows if row["input"] == row["hidden"]]
    large = [row for row in square if row["hidden"] >= 64]
    found = extreme("C++ over the weights' bytes, hidden >= 64", large, over("cpp", "floor"), largest=True)
    found |= extreme("C++ over by hand", rows, over("cpp_beside", "reference"), largest=True)
    found |= extreme("Python less C++, ns", rows, lambda row: row.get("overhead"), largest=True)
    for name, plain, option, sizes in (
        ("two threads, hidden 256", "cpp_one_thread", "cpp_threads2", (256,)),
        ("bfloat16, hidden 256 and 512", "cpp", "cpp_bfloat16", (256, 512)),
        ("int8, hidden 128 to 512", "cpp", "cpp_int8", (128, 256, 512)),
    ):
        found |= extreme(name, [row for row in square if row["hidden"] in sizes], over(plain, option))
    return found
