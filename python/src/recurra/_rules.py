"""Learning rules: how a gradient over time is found."""

from __future__ import annotations

import operator


class BPTT:
    """Back-propagation through time, full or truncated.

    Args:
        window: Cut the gradient every `window` steps; the state is carried on. None: the whole sequence. `fit` then
            updates after every window.

    Source: P. J. Werbos, Proc. IEEE 78 (1990); R. J. Williams and J. Peng, Neural Computation 2 (1990).
    """

    def __init__(self, window: int | None = None) -> None:
        if window is not None and operator.index(window) < 1:
            raise ValueError(f"BPTT: window is {window}, expected at least 1")
        self.window = None if window is None else operator.index(window)

    def __repr__(self) -> str:
        return "BPTT()" if self.window is None else f"BPTT(window={self.window})"


def check_rule(rule: object) -> BPTT:
    """`rule`, if it is one for whole sequences."""
    if not isinstance(rule, BPTT):
        raise TypeError(f"rule is {rule!r}, expected recurra.BPTT()")
    return rule
