"""Timing of peers that take turns: a change of the machine's speed meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np


@runtime_checkable
class Remote(Protocol):
    """A peer in another process, which times its own calls: the way there and back is not counted."""

    def nanoseconds(self, calls: int) -> float:
        """Make so many calls; return what one took."""


Run: TypeAlias = Callable[[int], None] | Remote
"""Makes so many calls of what is timed."""
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of one call: the median over the blocks, and the range that holds four fifths of them."""

    median: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """The width of that range over the median."""
        return (self.high - self.low) / self.median


def repeated(call: Callable[[], object]) -> Run:
    """Make a run of calls of one function."""

    def run(count: int) -> None:
        for _ in range(count):
            call()

    return run


def nanoseconds(run: Run, calls: int) -> float:
    """Of one call."""
    if isinstance(run, Remote):
        return run.nanoseconds(calls)
    start = time.perf_counter_ns()
    run(calls)
    return (time.perf_counter_ns() - start) / calls


def calls_in(run: Run, block: float, least: int = 1) -> int:
    """How many calls last about `block` nanoseconds, `least` or more; this also warms up."""
    calls = 1
    while (each := nanoseconds(run, calls)) * calls < block / 4:
        calls *= 2
    return max(least, int(block / each))


def by_turns(
    runs: Mapping[Name, Run], seconds: float, block: float = 2e7, least: int = 1, pause: float | None = None
) -> dict[Name, Timing]:
    """Time each run in blocks of about `block` ns, A B C A B C ..., for so many seconds or seven rounds.

    With a `pause` there is a sleep of so many seconds and an untimed quarter of a block before each: worker
    threads of another peer stop spinning, what is timed is in the caches again, and the processor's speed is
    its own. On a busy machine most short blocks are left alone; `least` calls in a block keep the first one's
    share small.
    """
    calls = {name: calls_in(run, block, least) for name, run in runs.items()}
    samples: dict[Name, list[float]] = {name: [] for name in runs}
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 7 or time.perf_counter() < end:
        for name, run in runs.items():
            if pause is not None:
                time.sleep(pause)
                nanoseconds(run, max(1, calls[name] // 4))
            samples[name].append(nanoseconds(run, calls[name]))
        rounds += 1
    return {name: Timing(*(float(q) for q in np.quantile(s, (0.5, 0.1, 0.9)))) for name, s in samples.items()}


def latency(call: Callable[[], object], count: int = 20000) -> tuple[float, float]:
    """Return median and 99th percentile, in ns, of calls timed one by one, less the clock's own cost."""
    clock = time.perf_counter_ns
    times = np.empty(count)
    empty = np.empty(count)
    for i in range(count):
        start = clock()
        empty[i] = clock() - start
        start = clock()
        call()
        times[i] = clock() - start
    p50, p99 = np.quantile(times - np.median(empty), (0.5, 0.99))
    return float(p50), float(p99)


def columns(timings: Mapping[str, Timing]) -> dict[str, float]:
    """Lay out timings as a row has them: by name, with their ranges, and the widest spread."""
    row: dict[str, float] = {}
    for name, timing in timings.items():
        row |= {name: timing.median, f"{name}_low": timing.low, f"{name}_high": timing.high}
    return row | {"spread": max(timing.spread for timing in timings.values())}
