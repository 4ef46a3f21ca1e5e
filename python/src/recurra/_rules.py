"""Learning rules: how a gradient over time is found."""

from __future__ import annotations

from recurra._arrays import count


class BPTT:
    """Back-propagation through time, full or truncated.

    Args:
        window: Cut the gradient every `window` steps; the state is carried on, and `fit` updates after every
            window. None: the whole sequence.

    Source: P. J. Werbos, Proc. IEEE 78 (1990); R. J. Williams and J. Peng, Neural Computation 2 (1990).
    """

    def __init__(self, window: int | None = None) -> None:
        self.window = None if window is None else count("BPTT: window", window, 1)

    def __repr__(self) -> str:
        return "BPTT()" if self.window is None else f"BPTT(window={self.window})"


def check_rule(rule: object) -> BPTT:
    """`rule`, if it is one for whole sequences."""
    if not isinstance(rule, BPTT):
        raise TypeError(f"rule is {rule!r}, expected recurra.BPTT()")
    return rule
