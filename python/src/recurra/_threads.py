"""How many threads share a batch."""

from recurra import _core
from recurra._arrays import count as checked


def set_num_threads(count: int) -> None:
    """Let `count` threads share each batch. The same number gives the same bits.

    Raises:
        ValueError: `count` is less than 1.
    """
    _core.set_num_threads(checked("set_num_threads: count", count, 1))


def num_threads() -> int:
    """How many threads share a batch; the number of processors unless it was set."""
    return _core.num_threads()
