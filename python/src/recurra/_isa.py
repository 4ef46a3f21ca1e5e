"""The instruction set in use."""

from recurra import _core


def isa() -> str:
    """The instruction set of the kernels: the widest this machine has, or the one ``RECURRA_ISA`` names.

    Raises:
        RuntimeError: ``RECURRA_ISA`` names an unknown or unsupported one.
    """
    return _core.isa()


def available_isas() -> list[str]:
    """The instruction sets this machine can run, from ``"baseline"`` to the widest."""
    return _core.available_isas()
