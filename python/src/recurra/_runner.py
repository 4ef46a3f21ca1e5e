"""A network over batches: outputs, losses and gradients."""

from __future__ import annotations

from typing import Literal, overload

import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, check_seed, flag, number
from recurra._batch import Batch, read_input, read_mask, read_target
from recurra._losses import Loss, LossName, read_loss
from recurra._network_base import NetworkBase
from recurra._rules import BPTT, OnlineRule, check_rule
from recurra._state import State, state_array
from recurra._topology import Topology


class RunMethods(NetworkBase):
    """What a `Network` does with a batch."""

    @overload
    def __call__(
        self,
        x: npt.ArrayLike | None = ...,
        topology: Topology | None = ...,
        *,
        lengths: npt.ArrayLike | None = ...,
        teacher: npt.ArrayLike | None = ...,
        target_lengths: npt.ArrayLike | None = ...,
        state: State | None = ...,
        return_state: Literal[False] = ...,
    ) -> FloatArray: ...
    @overload
    def __call__(
        self,
        x: npt.ArrayLike | None = ...,
        topology: Topology | None = ...,
        *,
        lengths: npt.ArrayLike | None = ...,
        teacher: npt.ArrayLike | None = ...,
        target_lengths: npt.ArrayLike | None = ...,
        state: State | None = ...,
        return_state: Literal[True],
    ) -> tuple[FloatArray, State]: ...
    def __call__(
        self,
        x: npt.ArrayLike | None = None,
        topology: Topology | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        teacher: npt.ArrayLike | None = None,
        target_lengths: npt.ArrayLike | None = None,
        state: State | None = None,
        return_state: bool = False,
    ) -> FloatArray | tuple[FloatArray, State]:
        """Run over whole sequences, or over trees or graphs (dropout is off).

        Args:
            x: (batch, time, features) or (time, features); class ids (batch, time) or (time,) for an
                Embedding; None for a network without input that has a teacher. Over a topology (nodes,
                features), or class ids (nodes,).
            topology: What the network runs over, a `Forest` or `Graphs`, if it has layers that do. Lengths,
                teachers and states do not go with it.
            lengths: (batch,) valid steps of each sequence, 0 .. time, in any order. What lies behind is never
                read.
            teacher: What the one Feedback layer feeds back instead of its own outputs (an open loop), shaped
                as these: the true output of each step. None: its own (a closed loop). Of an EncoderDecoder
                of symbols: class ids (batch, target time).
            target_lengths: (batch,) how many steps an EncoderDecoder writes; default the teacher's time axis.
            state: Where the sequences start; default the initial state. It is not changed.
            return_state: Also return the state after each sequence's last valid step.

        Returns:
            (batch, time, output_size), zero past a sequence's end; without the batch axis if x has none,
            without the time axis if the network pools over it; (batch, target time, output_size) of an
            EncoderDecoder. Over a topology (nodes, output_size), or one row for each tree or graph if the
            network has a `Readout`.

        Raises:
            ValueError: a shape, length, class id or state does not fit, or a valid step of x is not finite.
            TypeError: x has a dtype that is not real.
        """
        with_state = flag("return_state", return_state)
        batch = read_input(
            x,
            lengths,
            self._core,
            self.dtype,
            teacher=teacher,
            target_lengths=target_lengths,
            topology=topology,
        )
        _refuse_state(topology, state, with_state)
        y, last = self._core.forward(batch.core(), self._state_in(state, batch), False, 0)
        y = y[0] if batch.single else y
        return (y, State(last, self._blocks, self._initial)) if with_state else y

    @overload
    def loss_and_gradient(
        self,
        x: npt.ArrayLike | None,
        target: npt.ArrayLike,
        loss: LossName | Loss = ...,
        rule: BPTT | OnlineRule | None = ...,
        *,
        topology: Topology | None = ...,
        lengths: npt.ArrayLike | None = ...,
        teacher: npt.ArrayLike | None = ...,
        target_lengths: npt.ArrayLike | None = ...,
        mask: npt.ArrayLike | None = ...,
        sampling: float = ...,
        state: State | None = ...,
        return_state: Literal[False] = ...,
        training: bool = ...,
        seed: int = ...,
    ) -> tuple[float, FloatArray]: ...
    @overload
    def loss_and_gradient(
        self,
        x: npt.ArrayLike | None,
        target: npt.ArrayLike,
        loss: LossName | Loss = ...,
        rule: BPTT | OnlineRule | None = ...,
        *,
        topology: Topology | None = ...,
        lengths: npt.ArrayLike | None = ...,
        teacher: npt.ArrayLike | None = ...,
        target_lengths: npt.ArrayLike | None = ...,
        mask: npt.ArrayLike | None = ...,
        sampling: float = ...,
        state: State | None = ...,
        return_state: Literal[True],
        training: bool = ...,
        seed: int = ...,
    ) -> tuple[float, FloatArray, State]: ...
    def loss_and_gradient(
        self,
        x: npt.ArrayLike | None,
        target: npt.ArrayLike,
        loss: LossName | Loss = "mse",
        rule: BPTT | OnlineRule | None = None,
        *,
        topology: Topology | None = None,
        lengths: npt.ArrayLike | None = None,
        teacher: npt.ArrayLike | None = None,
        target_lengths: npt.ArrayLike | None = None,
        mask: npt.ArrayLike | None = None,
        sampling: float = 0.0,
        state: State | None = None,
        return_state: bool = False,
        training: bool = False,
        seed: int = 0,
    ) -> tuple[float, FloatArray] | tuple[float, FloatArray, State]:
        """The loss, a mean over the valid entries, and its gradient, laid out as `flat`.

        Of tied parameters it has the sum in the place of the first and 0 in those of the others, and 0 for
        what is frozen.

        Args:
            x: As for a call; None for a network without input.
            target: Exactly the output's shape, nothing broadcasts; for cross entropy class ids, the output's
                shape without its last axis.
            loss: "mse", "mae", "huber", "cross_entropy" or "binary_cross_entropy", or an object with settings
                such as ``Huber(delta=2.0)``.
            rule: `BPTT()`, the default, `BPTT(window=...)`, or `BPTT(checkpoint=True)` for long sequences in
                little memory. Or an online rule such as `RTRL()`, row by row, for causal networks, without
                `state`, `return_state`, `training` and `sampling`; of an exact rule the gradient is that of
                `BPTT()`. ``RTRL()`` chooses long blocks, as no update comes between the steps; one that spans
                the sequence is BPTT itself.
            topology: As for a call.
            lengths: As for a call.
            teacher: As for a call; default of an EncoderDecoder its target. In a closed loop the gradient
                passes through what is fed back.
            target_lengths: (batch,) valid steps of an EncoderDecoder's targets, which have a time axis of
                their own; default all.
            mask: Which entries count, True or False, shaped as the output without its last axis; default all
                valid ones. The target of the others is not looked at, unless an EncoderDecoder is fed it: it
                must then be something that it can be fed.
            sampling: Scheduled sampling: how likely a step sees the network's own output although there is a
                teacher; `seed` decides which.
            state: As for a call; no gradient flows into it.
            return_state: Also return the last state.
            training: Whether dropout is on; `seed` decides its masks.
            seed: See `training`.

        Raises:
            ValueError: as for a call, or the target has another shape, a class id out of range or a value
                that is not finite.
            OverflowError: the loss is not finite.
            MemoryError: an online rule needs more than the machine has.
        """
        with_state = flag("return_state", return_state)
        objective = read_loss(loss)
        batch = read_input(
            x,
            lengths,
            self._core,
            self.dtype,
            teacher=teacher,
            target_lengths=target_lengths,
            like=target,
            topology=topology,
        )
        _refuse_state(topology, state, with_state)
        wanted = read_target(target, objective, batch, self._core, self.dtype)
        data = batch.core(wanted, read_mask(mask, batch, self._core))
        if isinstance(rule, OnlineRule):
            _refuse_beside(rule, state=state, return_state=with_state, training=training, sampling=sampling)
            online = _core.OnlineF32 if isinstance(self._core, _core.NetworkF32) else _core.OnlineF64
            return online.gradient_of(self._core, data, objective._core(), rule._core())
        bptt = check_rule(_DEFAULT_RULE if rule is None else rule)
        value, gradient, last = self._core.loss_and_gradient(
            data,
            objective._core(),
            self._state_in(state, batch),
            bptt.window or 0,
            flag("training", training),
            check_seed(seed),
            number("sampling", sampling),
            bptt._segment(),
        )
        return (
            (value, gradient, State(last, self._blocks, self._initial)) if with_state else (value, gradient)
        )

    def _state_in(self, state: State | None, batch: Batch) -> FloatArray | None:
        return None if state is None else state_array(state, self._blocks, batch.x.shape[0], self.dtype)


_DEFAULT_RULE = BPTT()


def _refuse_beside(rule: OnlineRule, **options: object) -> None:
    """An online rule begins at the initial state, keeps none, and knows no noise."""
    for name, value in options.items():
        if value is not None and value is not False and value != 0:
            raise ValueError(
                f"loss_and_gradient: {name} is given beside rule={rule!r}, expected it only with BPTT()"
            )


def _refuse_state(topology: Topology | None, state: State | None, return_state: bool) -> None:
    if topology is not None and (state is not None or return_state):
        name = "return_state" if state is None else "state"
        raise ValueError(
            f"{name} is given, expected none beside a topology: its nodes begin at the initial state"
        )
