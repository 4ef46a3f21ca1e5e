"""Updates of a word model with many words, beside PyTorch; and the memory that each process takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.child import Child
from benchmarks.native import Native
from benchmarks.peers.language_model import UPDATES
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns

HIDDEN, BATCH, TIME = 256, 20, 35
READOUTS = ("full", "adaptive", "sampled")
COLUMNS = ("words", "threads", "readout", "recurra", "GB", "PyTorch", "GB", "/ ours", "full / ours", "spread")
WIDTHS = (7, 7, 8, 9, 5, 9, 5, 7, 11, 7)


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, vocabulary by vocabulary."""
    print(
        f"\nAn update by Adam of a language model, embedding, LSTM and readout of {HIDDEN}: batch {BATCH}, "
        f"{TIME} steps.\nMilliseconds, medians; the most memory of its process. Sampled: 4,096 words, lazily."
    )
    print("/ ours: PyTorch's time for the same readout over ours; full / ours: for the full softmax.")
    print_row(COLUMNS, WIDTHS)
    for threads in (1,) if quick else (1, 2):
        for words in (100_000,) if quick else (10_000, 100_000, 200_000):
            yield from table(words, threads, 5.0 if quick else 30.0)


def table(words: int, threads: int, seconds: float) -> Iterator[dict[str, Any]]:
    facts: dict[tuple[str, str], dict[str, float]] = {}
    runs: dict[tuple[str, str], Run] = {}
    with ExitStack() as children:
        for side, function in (("recurra", "ours"), ("torch", "pytorch")):
            for readout in READOUTS if side == "recurra" else READOUTS[:2]:
                child = children.enter_context(Child(environment={"OMP_NUM_THREADS": str(threads)}))
                facts[side, readout], runs[side, readout] = child.make(
                    f"benchmarks.peers.language_model:{function}",
                    words,
                    HIDDEN,
                    BATCH,
                    TIME,
                    readout,
                    threads,
                )
        for readout in READOUTS[:2]:
            ours, theirs = (facts[side, readout]["loss"] for side in ("recurra", "torch"))
            if abs(ours - theirs) > 1e-4 * theirs:
                raise AssertionError(f"{words} words, {readout}: the losses are {ours} and {theirs}")
        timings = by_turns(runs, seconds)
    for readout in READOUTS:
        ours_ns = timings["recurra", readout].median / UPDATES
        theirs_ns = timings["torch", readout].median / UPDATES if ("torch", readout) in timings else None
        full_ns = timings["torch", "full"].median / UPDATES
        spread = max(timing.spread for (_, name), timing in timings.items() if name in (readout, "full"))
        gigabytes = {side: fact["bytes"] / 1e9 for (side, name), fact in facts.items() if name == readout}
        row: dict[str, Any] = {
            "table": "language_models",
            "words": words,
            "threads": threads,
            "readout": readout,
        }
        row |= {"hidden": HIDDEN, "batch": BATCH, "time": TIME, "recurra": ours_ns, "torch": theirs_ns}
        row |= {f"{side}_gigabytes": size for side, size in gigabytes.items()} | {"spread": spread}
        texts = [f"{words:,}", str(threads), readout, number(ours_ns / 1e6), number(gigabytes["recurra"], 2)]
        texts += [number(theirs_ns and theirs_ns / 1e6), number(gigabytes.get("torch"), 2)]
        texts += [ratio(theirs_ns and theirs_ns / ours_ns), ratio(full_ns / ours_ns), f"{spread:.0%}"]
        print_row(texts, WIDTHS)
        yield row
