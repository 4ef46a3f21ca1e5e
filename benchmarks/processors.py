"""As many processors as threads, for everybody alike."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress


def chosen(count: int) -> set[int]:
    """Choose so many of the processors this process may use, the last: interrupts tend to the first."""
    return set(sorted(os.sched_getaffinity(0))[-count:])


def _keep_to(processors: Iterable[int]) -> None:
    """All threads of this process: those that begin later inherit it."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread), processors)


@contextmanager
def keep_to(count: int) -> Iterator[None]:
    """Keep this process to so many processors meanwhile, as the children beside it are kept to them."""
    before = os.sched_getaffinity(0)
    _keep_to(chosen(count))
    try:
        yield
    finally:
        _keep_to(before)


def thread_counts() -> list[int]:
    """List the numbers of threads to measure: one, and two where there are two processors."""
    return [count for count in (1, 2) if count <= len(os.sched_getaffinity(0))]
