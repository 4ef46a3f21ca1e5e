"""The instruction set in use, and the number of threads."""

from recurra import _core
from recurra._arrays import count as integer


def isa() -> str:
    """The instruction set of the kernels: the widest this machine has, or the one ``RECURRA_ISA`` names.

    Raises:
        RuntimeError: ``RECURRA_ISA`` names an unknown or unsupported one.
    """
    return _core.isa()


def available_isas() -> list[str]:
    """The instruction sets this machine can run, from ``"baseline"`` to the widest."""
    return _core.available_isas()


def set_num_threads(count: int) -> None:
    """Let `count` threads share each batch. The same number gives the same bits.

    Raises:
        ValueError: `count` is less than 1.
    """
    _core.set_num_threads(integer("set_num_threads: count", count, 1))


def num_threads() -> int:
    """How many threads share a batch; the number of processors unless it was set."""
    return _core.num_threads()
