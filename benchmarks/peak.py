"""The processor's peak: multiply-adds on registers alone, which take turns with what is measured against it.

A processor's clock depends on the hour and on what it runs: a share of the peak compares neighbours in time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import recurra as rc

from benchmarks.native import Native
from benchmarks.timing import Run, Timing


@dataclass(frozen=True)
class Peak:
    """What takes turns, as "peak", and its operations in one call; nothing where there is no C++ program."""

    runs: dict[str, Run]
    operations: float

    def share(self, timings: Mapping[str, Timing], gflops: float) -> dict[str, float | None]:
        """Return GFLOP/s of the peak as timed beside the others, and which share of it these are."""
        if not self.runs:
            return {"peak_gflops": None, "of_peak": None}
        peak = self.operations / timings["peak"].median
        return {"peak_gflops": peak, "of_peak": gflops / peak}


@contextmanager
def peak_of(native: Native, threads: int) -> Iterator[Peak]:
    """Start the program, in the instruction set that is measured."""
    program = native.peak(rc.isa(), threads)
    if program is None:
        yield Peak({}, 0.0)
        return
    with program:
        yield Peak(dict(program.runs), program.facts["peak"]["operations"])


def text(share: float | None) -> str:
    """Write a share as tables do."""
    return "-" if share is None else f"{share:.0%}"
