"""Learning rules: how a gradient over time is found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

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
    `Online.plan` tells it beforehand. Where the units of the one recurrent layer are fed no state of others
    (IndRNN, SRU, MinGRU, LRU, ELSTM, ...) and nothing learns below it, it is cheap.

    Args:
        block: Steps between two refreshes of the influence; the gradients are the same. 1 is the textbook's
            recursion, "auto" is chosen by cost and memory.
        scope: "network" is exact. "layer": each layer is exact in itself, and errors reach the layers below
            within the same step only, which is cheaper and biased.

    Source: A. J. Robinson and F. Fallside (1987); R. J. Williams and D. Zipser, Neural Computation 1 (1989);
    in blocks after J. Schmidhuber, Neural Computation 4 (1992).
    """

    block: int | Literal["auto"] = "auto"
    scope: Literal["network", "layer"] = "network"

    def __post_init__(self) -> None:
        if isinstance(self.block, str):
            if self.block != "auto":
                raise ValueError(f"RTRL: block is {self.block!r}, expected 'auto' or an integer")
        else:
            count("RTRL: block", self.block, 1)
        if self.scope not in ("network", "layer"):
            raise ValueError(f"RTRL: scope is {self.scope!r}, expected 'network' or 'layer'")

    def _core(self) -> _core.OnlineRule:
        return _core.Rtrl(
            block=0 if isinstance(self.block, str) else self.block, per_layer=self.scope == "layer"
        )


@dataclass(frozen=True)
class SnAp(OnlineRule):
    """SnAp-1: what a unit's own parameters do to the unit itself, also by way of its own recurrent weight.

    As cheap as the forward step, biased. Per layer: errors reach the layers below within the same step only.

    Args:
        order: 1. With dense recurrent weights a higher order is RTRL.

    Source: J. Menick et al., Practical real time recurrent learning with a sparse approximation, ICLR 2021.
    """

    order: int = 1

    def __post_init__(self) -> None:
        count("SnAp: order", self.order, 1)

    def _core(self) -> _core.OnlineRule:
        return _core.SnAp(self.order)


@dataclass(frozen=True)
class EProp(OnlineRule):
    """E-prop: eligibility traces, without what returns to a unit by recurrent weights.

    As cheap as the forward step, biased. On the LSTM it is the rule of 1997. Per layer, as `SnAp`.

    Source: G. Bellec et al., Nature Communications 11 (2020); on the LSTM S. Hochreiter and J. Schmidhuber,
    Neural Computation 9 (1997), and F. A. Gers et al., Neural Computation 12 (2000).
    """

    def _core(self) -> _core.OnlineRule:
        return _core.EProp()


@dataclass(frozen=True)
class _Random(OnlineRule):
    seed: int = 0

    def __post_init__(self) -> None:
        count(f"{type(self).__name__}: seed", self.seed, 0, 2**64 - 1)


@dataclass(frozen=True)
class UORO(_Random):
    """Unbiased online recurrent optimization: one outer product, drawn by random signs, for the influence.

    On average the exact gradient of the whole network, for a few forward steps; the price is noise,
    so small learning rates.

    Args:
        seed: Of the signs: the same seed gives the same bits.

    Source: C. Tallec and Y. Ollivier, ICLR 2018.
    """

    def _core(self) -> _core.OnlineRule:
        return _core.Uoro(self.seed)


@dataclass(frozen=True)
class KFRTRL(_Random):
    """Kronecker-factored RTRL: the influence of a layer as one Kronecker product, drawn by random signs.

    On average exact within a layer, with less noise than `UORO`. Per layer, as `SnAp`.

    Args:
        seed: Of the signs: the same seed gives the same bits.

    Source: A. Mujika et al., Approximating real-time recurrent learning with random Kronecker factors,
    NeurIPS 2018.
    """

    def _core(self) -> _core.OnlineRule:
        return _core.KfRtrl(self.seed)


@dataclass(frozen=True)
class RFLO(_Random):
    """Random feedback local online learning, for `LeakyElman` alone.

    Eligibility traces as in `EProp`; errors come from the network's output by a fixed random matrix.

    Args:
        seed: Of the matrix.

    Source: J. M. Murray, Local online learning in recurrent networks with random feedback, eLife 8 (2019).
    """

    def _core(self) -> _core.OnlineRule:
        return _core.Rflo(self.seed)


class BPTT:
    """Back-propagation through time, full or truncated.

    Args:
        window: Cut the gradient every `window` steps; the state is carried on, and `fit` updates after every
            window. None: the whole sequence. In `Online`, which needs a window, the error of every step
            goes back over the latest `window` steps.
        checkpoint: Long sequences in little memory: the same gradient, but for the last bits, from the
            activations of one segment at a time and the states between segments; each step runs forward
            twice, which takes a fifth to a third more time. True: segments of sqrt(T) steps, T being the
            length of the sequence or window. An integer: of so many steps. For networks that go step by step
            over sequences; masks of dropout are those of plain BPTT.

    Source: P. J. Werbos, Proc. IEEE 78 (1990); R. J. Williams and J. Peng, Neural Computation 2 (1990);
    A. Gruslys et al., Memory-efficient backpropagation through time, NIPS 2016.
    """

    def __init__(self, window: int | None = None, *, checkpoint: bool | int = False) -> None:
        self.window = None if window is None else count("BPTT: window", window, 1)
        self.checkpoint = (
            bool(checkpoint)
            if isinstance(checkpoint, bool | np.bool_)
            else count("BPTT: checkpoint", checkpoint, 1)
        )

    def __repr__(self) -> str:
        given = [] if self.window is None else [f"window={self.window}"]
        if self.checkpoint is not False:
            given.append(f"checkpoint={self.checkpoint}")
        return f"BPTT({', '.join(given)})"

    def _segment(self) -> int:
        """The engine's number of steps: 0 for none, -1 for their square root."""
        return -int(self.checkpoint) if isinstance(self.checkpoint, bool) else self.checkpoint


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
    if isinstance(rule, BPTT):
        if rule.checkpoint is not False:
            raise ValueError(f"Online: rule is {rule!r}, expected no checkpoint: a learner keeps its window")
        if rule.window is None:
            raise ValueError("Online: rule is BPTT(), expected a window: a learner keeps as many steps")
        return _core.RollingBptt(rule.window)
    if not isinstance(rule, OnlineRule):
        raise TypeError(f"Online: rule is {rule!r}, expected a rule that learns step by step, such as RTRL()")
    return rule._core()
