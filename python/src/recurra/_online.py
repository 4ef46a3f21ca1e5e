"""Online learning: a network that learns while it runs."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from recurra import _core
from recurra._arrays import FloatArray, count, integer, number
from recurra._losses import Loss, LossName, read_loss
from recurra._network import Network
from recurra._optimizers import SGD, Optimizer
from recurra._rules import BPTT, RTRL, OnlineRule, check_online_rule
from recurra._state import State


@dataclass(frozen=True)
class OnlineReport:
    """What an online learner does and needs.

    Attributes:
        rule: The rule, with what "auto" chose.
        exact: While the weights rest, its gradients add up to those of BPTT.
        dropped: The paths that the gradient does not follow, or estimates.
        block: Steps between two refreshes of the influence.
        bytes: About what the learner holds.
        flops_per_step: About, on average, with a target at every step.
        steps: Made so far.
        updates: Of the weights, so far.
        guard_events: How often an influence, a gradient or an update beyond all bounds was thrown away.
    """

    rule: str
    exact: bool
    dropped: tuple[str, ...]
    block: int
    bytes: int
    flops_per_step: float
    steps: int
    updates: int
    guard_events: int

    def __str__(self) -> str:
        lines = [
            f"{self.rule}: {'exact' if self.exact else 'not exact'}",
            *(f"dropped: {path}" for path in self.dropped),
            f"about {_scaled(self.bytes)}B and {_scaled(self.flops_per_step)}Flop per step",
            f"{self.steps} steps, {self.updates} updates, {self.guard_events} guard events",
        ]
        return "\n".join(lines)

    @classmethod
    def _from_core(cls, core: _core.OnlineReport) -> OnlineReport:
        return cls(
            core.rule,
            core.exact,
            tuple(core.dropped),
            core.block,
            core.bytes,
            core.flops_per_step,
            core.steps,
            core.updates,
            core.guard_events,
        )


class Online:
    """A network that learns in place while it runs, one step at a time, in memory that does not grow.

    ``y, loss = learner.step(x, target=None, weight=1.0, teacher=None)`` makes a step of every sequence. x is
    (features,), or (batch_size, features) for a learner with a batch size; for an Embedding an integer, or
    (batch_size,) integers; for a network without input it may be left out. y is the output before the step
    was learned from. The target is shaped as the output (cross entropy: one class id, or (batch_size,) of
    them); without one, nothing is learned and loss is None. The loss is the mean over the rows of weight
    times the row's loss; `weight` is a number, or (batch_size,) of them, and a row of weight 0 may have any
    target. `teacher`, shaped as the output of the one Feedback layer, is fed back in its place.

    Arrays are taken as they are: `step` and `predict` raise TypeError for another dtype or byte order,
    ValueError for another shape, an array that is not C-contiguous or a value that is not finite,
    OverflowError where an output or the loss is not finite, and RuntimeError while another thread is inside
    the learner; nothing has changed then. A step does not allocate but for what it returns.

    The network's weights move with every update: other learners, streams and calls that use it at the same
    time in other threads see them half moved. Weights that are changed from outside are taken by `reload`;
    what is tied or frozen must stay as it was when the learner was made. Dropout is off.

    Args:
        network: What learns: any network that is causal and gives an output at each step.
        rule: How the past counts: `RTRL` (the default, exact), `SnAp`, `EProp`, `UORO`, `KFRTRL`, `RFLO`, or
            `BPTT` with a window.
        loss: As for `fit`.
        optimizer: Default ``SGD(1e-2)``. It starts afresh.
        batch_size: Rows: independent sequences that share the weights. None: one, without a batch axis.
        update_every: Steps; an update follows the sum of their gradients.
        leak: The influence of the past decays by this factor at each step. 1 is exact; less forgets what the
            weights of long ago have left.
        frozen: Parameters that rest besides `Network.frozen`: names, such as "0.weight_hh", or "0" for all of
            layer 0. Exact RTRL keeps no influence of those below the first layer that learns.
        clip_norm: Scale the gradient of an update down to this norm.
        guard: The most that an influence may grow to. Beyond it the row's past is forgotten (the state
            stays), and that is counted.
        max_bytes: The most memory it may need. None: what the machine has.

    Raises:
        ValueError: a setting out of range, or a network that the rule does not admit.
        TypeError: a setting is of a wrong kind.
        MemoryError: it needs more than `max_bytes`; both numbers are in the message.
    """

    def __init__(
        self,
        network: Network,
        rule: OnlineRule | BPTT | None = None,
        loss: LossName | Loss = "mse",
        optimizer: Optimizer | None = None,
        *,
        batch_size: int | None = None,
        update_every: int = 1,
        leak: float = 1.0,
        frozen: Sequence[str] = (),
        clip_norm: float | None = None,
        guard: float = 1e6,
        max_bytes: int | None = None,
    ) -> None:
        options = _options(
            network,
            rule,
            loss,
            optimizer,
            batch_size,
            update_every,
            leak,
            frozen,
            clip_norm,
            guard,
            max_bytes,
        )
        self._core = _engine(network)(network._core, options, batch_size is not None)
        self._network = network
        self._loss = read_loss(loss)
        self._batched = batch_size is not None
        self.step = self._core.step  # bound once: a step costs one call
        self.predict = self._core.predict

    @staticmethod
    def plan(
        network: Network,
        rule: OnlineRule | BPTT | None = None,
        loss: LossName | Loss = "mse",
        optimizer: Optimizer | None = None,
        *,
        batch_size: int | None = None,
        update_every: int = 1,
        leak: float = 1.0,
        frozen: Sequence[str] = (),
        clip_norm: float | None = None,
        guard: float = 1e6,
        max_bytes: int | None = None,
    ) -> OnlineReport:
        """What a learner with these settings would report, without making it: its memory, for one."""
        options = _options(
            network,
            rule,
            loss,
            optimizer,
            batch_size,
            update_every,
            leak,
            frozen,
            clip_norm,
            guard,
            max_bytes,
        )
        return OnlineReport._from_core(_engine(network).plan(network._core, options))

    @property
    def network(self) -> Network:
        """What learns."""
        return self._network

    @property
    def batch_size(self) -> int:
        """Number of sequences side by side."""
        return self._core.batch

    @property
    def state(self) -> State:
        """A copy of the present state."""
        return State(self._core.state_array(), self._network._blocks, self._network._initial)

    def reset(self, row: int | None = None) -> None:
        """Begin a new sequence, in one row or in all.

        What was learned so far counts in the next update all the same.

        Raises:
            IndexError: there is no such row.
        """
        self._core.reset(None if row is None else integer("reset: row", row))

    def gradient(self) -> FloatArray:
        """A copy of the gradient of the latest update made, before clipping, laid out as `Network.flat`."""
        return self._core.gradient()

    def influence(self, parameter: str) -> FloatArray:
        """The derivative of the state by a parameter after the latest step; of a tied one, by all its places.

        Args:
            parameter: Its name, such as "0.weight_hh".

        Returns:
            (batch_size, state, *parameter's shape), without the batch axis if the learner has no batch size.
            The states are in the order of `state`.

        Raises:
            KeyError: the network has no such parameter.
            ValueError: the rule keeps no influence.
        """
        shape = self._network.parameters[parameter].shape
        found = self._core.influence(parameter)
        rows = found.shape[:2] if self._batched else found.shape[1:2]
        return found.reshape(*rows, *shape)

    def report(self) -> OnlineReport:
        """What it does and needs, and what it did so far. ``print(learner.report())`` reads well."""
        return OnlineReport._from_core(self._core.report())

    def reload(self) -> None:
        """Take over weights of the network that were changed from outside; state and influence stay.

        Raises:
            ValueError: they are not finite, or other parameters are tied or frozen now.
        """
        self._core.reload()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all of it to a file, whole or not at all: `load` also reads it, as the network."""
        self._core.save(os.fsencode(path))

    def load(self, path: str | os.PathLike[str]) -> None:
        """Become the learner in a file, which was made with the same network and settings.

        It goes on with the same bits, given the same instruction set. The network's weights become those of
        the file.

        Raises:
            OSError: the file cannot be opened or read.
            RuntimeError: it is damaged, or of another learner; nothing has changed then.
        """
        self._core.load(os.fsencode(path))

    def __repr__(self) -> str:
        return f"Online({self._network!r}, {self._core.report().rule})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an online learner cannot be copied or pickled; save() it, make another learner with the same "
            "settings on a copy of the network, and load() the file there"
        )


def _engine(network: Network) -> type[_core.OnlineF32] | type[_core.OnlineF64]:
    return _core.OnlineF32 if isinstance(network._core, _core.NetworkF32) else _core.OnlineF64


def _options(
    network: Network,
    rule: OnlineRule | BPTT | None,
    loss: LossName | Loss,
    optimizer: Optimizer | None,
    batch_size: int | None,
    update_every: int,
    leak: float,
    frozen: Sequence[str],
    clip_norm: float | None,
    guard: float,
    max_bytes: int | None,
) -> _core.OnlineOptions:
    """The engine's settings, which checks their ranges."""
    if not isinstance(network, Network):
        raise TypeError(f"Online: network is a {type(network).__name__}, expected a recurra.Network")
    optimizer = optimizer if optimizer is not None else SGD(1e-2)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"Online: optimizer is {optimizer!r}, expected a recurra.Optimizer")
    return _core.OnlineOptions(
        rule=check_online_rule(rule if rule is not None else RTRL()),
        loss=read_loss(loss)._core(),
        optimizer=optimizer._core,
        batch=1 if batch_size is None else count("Online: batch_size", batch_size, 1),
        update_every=count("Online: update_every", update_every, 1),
        leak=_within("leak", leak, 0 <= number("Online: leak", leak) <= 1, "0 .. 1"),
        frozen=_names(frozen),
        clip_norm=None if clip_norm is None else _positive("clip_norm", clip_norm),
        guard=_positive("guard", guard),
        max_bytes=0 if max_bytes is None else count("Online: max_bytes", max_bytes, 1, 2**63 - 1),
    )


def _names(frozen: Sequence[str]) -> list[str]:
    if isinstance(frozen, str) or not all(isinstance(name, str) for name in frozen):
        raise TypeError(f"Online: frozen is {frozen!r}, expected a sequence of names")
    return list(frozen)


def _within(name: str, value: float, condition: bool, expected: str) -> float:
    if not condition:
        raise ValueError(f"Online: {name} is {value}, expected {expected}")
    return float(value)


def _positive(name: str, value: float) -> float:
    found = number(f"Online: {name}", value)
    return _within(name, found, 0 < found < math.inf, "a finite number > 0")


def _scaled(value: float) -> str:
    """Three digits and a prefix: "12.7 M"."""
    for prefix in ("", "k", "M", "G"):
        if value < 999.5:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:.3g} T"
