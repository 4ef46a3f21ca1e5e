"""Learning rules: how a gradient over time is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from recurra import _core
from recurra._arrays import count


class OnlineRule(ABC):
    """A rule that knows the gradient of a step when the step is made: one of the classes below.

    For `Online`, and for the gradient of whole sequences in `Network.loss_and_gradient`.
    """

    @abstractmethod
    def _core(self) -> _core.OnlineRule: ...


@dataclass(frozen=True)
class RTRL(OnlineRule):
    """Real-time recurrent learning: exact, for every causal network, in memory that does not grow.

    It keeps the influence of every parameter on every state, so its cost is for small networks:
    `Online.plan` tells it beforehand.

    Args:
        block: Steps between two refreshes of the influence; the gradients are the same. 1 is the textbook's
            recursion, "auto" is chosen by cost and memory.

    Source: A. J. Robinson and F. Fallside (1987); R. J. Williams and D. Zipser, Neural Computation 1 (1989);
    in blocks after J. Schmidhuber, Neural Computation 4 (1992).
    """

    block: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        if isinstance(self.block, str):
            if self.block != "auto":
                raise ValueError(f"RTRL: block is {self.block!r}, expected 'auto' or an integer")
        else:
            count("RTRL: block", self.block, 1)

    def _core(self) -> _core.OnlineRule:
        return _core.Rtrl(block=0 if isinstance(self.block, str) else self.block)


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
    if isinstance(rule, OnlineRule):
        raise TypeError(
            f"rule is {rule!r}, expected recurra.BPTT(): to learn step by step, use recurra.Online"
        )
    if not isinstance(rule, BPTT):
        raise TypeError(f"rule is {rule!r}, expected recurra.BPTT()")
    return rule


def check_online_rule(rule: object) -> _core.OnlineRule:
    """The engine's rule, if `rule` is one that learns step by step."""
    if not isinstance(rule, OnlineRule):
        raise TypeError(f"Online: rule is {rule!r}, expected a rule that learns step by step, such as RTRL()")
    return rule._core()
