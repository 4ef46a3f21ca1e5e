"""Networks: an ordered list of layers and one flat parameter vector."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, check_shape, count, flag, floats, integers, number, parse_dtype
from recurra._batch import Batch, read_input, read_mask, read_target
from recurra._decoded import Decoded
from recurra._initialization import Init
from recurra._layer import Layer, listed
from recurra._losses import Loss, LossName, read_loss
from recurra._ragged import Sequences, is_ragged, pad
from recurra._rules import BPTT, OnlineRule, check_rule
from recurra._state import State, state_array
from recurra._stream import Stream, StreamWeights
from recurra._summary import Summary, summarize
from recurra._topology import Topology


class Parameters(Mapping[str, FloatArray]):
    """Parameters by name, such as ``"0.weight_ih"``: writable views into `Network.flat`."""

    def __init__(self, views: dict[str, FloatArray]) -> None:
        self._views = views

    def __getitem__(self, name: str) -> FloatArray:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(
                f"no parameter is named {name!r}, expected one of {', '.join(self._views)}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return list(self) == list(other) and all(np.array_equal(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment]  # its values can change

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {view.shape}" for name, view in self._views.items()) + "}"


class Network:
    """A network of layers, one after the other.

    A cell in it runs over time; in a `Tree` or `GraphNet` it runs over the nodes of trees or graphs.

    Args:
        layers: Their descriptions, each object once.
        dtype: "float32" or "float64".
        seed: Of the initial parameters: the same seed gives the same bits.
        init: How they are drawn; default uniform.

    Raises:
        ValueError: layers do not fit together, or have sizes that overflow.
        TypeError: something in the list is no layer.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        dtype: npt.DTypeLike = "float32",
        seed: int = 0,
        init: Init | None = None,
    ) -> None:
        layers = listed("Network", layers)
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"Network: layers[{i}] is a {type(layer).__name__}, expected a layer")
        core = _core.NetworkF32 if parse_dtype(dtype) == np.float32 else _core.NetworkF64
        self._setup(core([layer._spec for layer in layers], _check_seed(seed)))
        if init is not None:
            self.initialize(init, seed)

    def _setup(self, core: _core.NetworkF32 | _core.NetworkF64) -> None:
        self._core = core
        self._flat = core.flat()
        self._parameters = Parameters(core.parameters())
        self._blocks = core.state_blocks

    @classmethod
    def _from_core(cls, core: _core.NetworkF32 | _core.NetworkF64) -> Network:
        network = cls.__new__(cls)
        network._setup(core)
        return network

    @property
    def layers(self) -> list[Layer]:
        """The layers' descriptions."""
        return [Layer._from_spec(spec) for spec in self._core.layers]

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._flat.dtype

    @property
    def input_size(self) -> int:
        """Features of the input; 1 if the first layer is an Embedding, whose input has no feature axis."""
        return self._core.input_size

    @property
    def output_size(self) -> int:
        """Features of the output."""
        return self._core.output_size

    @property
    def flat(self) -> FloatArray:
        """All parameters as one writable vector. Those that are tied have equal values in it, see `tie`."""
        self._core.update_copies()
        return self._flat

    @property
    def parameters(self) -> Parameters:
        """Writable views into `flat`, by name."""
        self._core.update_copies()
        return self._parameters

    def tie(self, *names: str) -> None:
        """Make parameters of equal shape one parameter: ``net.tie("2.weight", "0.weight")``.

        The first keeps its values, the others take them and are copies of it from now on. A gradient has the
        sum in the place of the first and 0 in those of the others; updates move the first, and the others
        follow. A name may be in a group already, which then becomes part of this one. If one of them is
        frozen, all are from now on; they take the first's values all the same.

        `flat` and `parameters` still have a place for each. Write to the first: whatever uses the network
        next, `flat` and `parameters` among it, gives the copies its values, so what was written into a copy
        alone is lost.

        Args:
            names: At least two, such as "0.weight_hh".

        Raises:
            ValueError: a name that no parameter has or that is given twice, fewer than two names, or shapes
                that differ; nothing has changed then.
        """
        self._core.tie(_read_names("tie", names))

    @property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The groups of parameters that are one, the first of a group first."""
        return tuple(tuple(group) for group in self._core.tied)

    def freeze(self, *names: str) -> None:
        """Let parameters rest: their gradient is 0, and nothing that learns moves them, whatever decays.

        They rest in `fit`, in `Online` and under the optimizers; `initialize` draws them all the same, and
        they can be written. Parameters that are tied rest together.

        Args:
            names: Parameters, such as "0.weight_hh", or beginnings up to a dot: "0" is all of layer 0.

        Raises:
            ValueError: a name that no parameter has; nothing has changed then.
        """
        self._core.freeze(_read_names("freeze", names))

    def unfreeze(self, *names: str) -> None:
        """Let parameters learn again, named as for `freeze`."""
        self._core.unfreeze(_read_names("unfreeze", names))

    @property
    def frozen(self) -> tuple[str, ...]:
        """The parameters that rest, one by one."""
        return tuple(self._core.frozen)

    @property
    def _initial(self) -> FloatArray:
        start: FloatArray = self._core.initial_state(1)[0]
        return start

    def initialize(self, init: Init | None = None, seed: int = 0) -> None:
        """Draw all parameters anew, in place, those that are frozen too.

        Raises:
            ValueError: `init` has an unknown name.
            TypeError: it is no `Init`.
        """
        if init is not None and not isinstance(init, Init):
            raise TypeError(f"init is {init!r}, expected a recurra.Init or None")
        chosen = Init() if init is None else init
        self._core.initialize(
            _check_seed(seed),
            chosen.input,
            chosen.recurrent,
            float(chosen.recurrent_scale),
            chosen.bias,
            None if chosen.forget_bias is None else float(chosen.forget_bias),
        )

    def summary(self) -> Summary:
        """This network in numbers, layer by layer: parameters, state, flops. ``print`` it for a table."""
        return summarize(self._core, self.dtype.itemsize)

    def initial_state(self, batch_size: int = 1) -> State:
        """The state every sequence starts from."""
        batch_size = count("initial_state: batch_size", batch_size, 1)
        return State(self._core.initial_state(batch_size), self._blocks, self._initial)

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
        bptt = check_rule(rule if rule is not None else BPTT())
        value, gradient, last = self._core.loss_and_gradient(
            data,
            objective._core(),
            self._state_in(state, batch),
            bptt.window or 0,
            flag("training", training),
            _check_seed(seed),
            number("sampling", sampling),
            bptt._segment(),
        )
        return (
            (value, gradient, State(last, self._blocks, self._initial)) if with_state else (value, gradient)
        )

    def forecast(self, history: npt.ArrayLike, steps: int, x: npt.ArrayLike | None = None) -> FloatArray:
        """The outputs of the steps after `history`, each fed back to give the next (a closed loop).

        The last layer is a Feedback, which is first given the history as its teacher. Or the network has no
        Feedback and as many inputs as outputs: an output is the next input.

        Args:
            history: (time, output) or (batch, time, output), the outputs seen so far, at least one step.
            steps: How many to forecast.
            x: (time + steps, features) or (batch, time + steps, features), the inputs beside the history and
                those of the steps to come, or class ids without the last axis; None for a network without
                input or without Feedback.

        Returns:
            (steps, output), or (batch, steps, output) if the history has a batch axis.

        Raises:
            ValueError: a shape, or a network that does not forecast; a value that is not finite.
        """
        steps = count("forecast: steps", steps, 1)
        past = floats("history", history, self.dtype)
        if past.ndim not in (2, 3) or past.shape[-1] != self.output_size or 0 in past.shape:
            raise ValueError(
                f"history has shape {past.shape}, expected (time, {self.output_size}) or "
                f"(batch, time, {self.output_size}), at least one step"
            )
        single = past.ndim == 2
        past = past[np.newaxis] if single else past
        inputs = None
        if x is not None:
            inputs = self._inputs_ahead(x, past.shape[1] + steps, None if single else past.shape[0])
        y = self._core.forecast(past, inputs, steps)
        return y[0] if single else y

    def _inputs_ahead(self, x: npt.ArrayLike, steps: int, batch: int | None) -> FloatArray:
        """The inputs of a forecast, with a batch axis."""
        leading, axes = (
            ((steps,), "time + steps") if batch is None else ((batch, steps), "batch, time + steps")
        )
        if self._core.takes_ids:
            ids = integers("x", x)
            check_shape("x", ids, leading, f"({axes})")
            inputs: FloatArray = np.ascontiguousarray(ids[..., np.newaxis], dtype=self.dtype)
        else:
            inputs = floats("x", x, self.dtype)
            check_shape("x", inputs, (*leading, self.input_size), f"({axes}, features)")
        return inputs[np.newaxis] if batch is None else inputs

    def decode(
        self,
        x: Sequences,
        *,
        lengths: npt.ArrayLike | None = None,
        max_length: int = 100,
        beam: int = 1,
        length_power: float = 1.0,
    ) -> list[list[Decoded]]:
        """What an EncoderDecoder of symbols writes for each sequence.

        Args:
            x: As for a call, or a list of arrays of any lengths.
            lengths: As for a call; lists know theirs.
            max_length: Of a sequence written, its end symbol included.
            beam: Hypotheses kept per sequence; 1: greedy, the likeliest symbol at each step.
            length_power: Hypotheses that have ended are ranked by log probability / length**length_power.

        Returns:
            For each sequence (a list of one if x has no batch axis) at most `beam` hypotheses, the best
            first; those that have not ended come last, and only where fewer than `beam` have.

        Raises:
            ValueError: the network does not write symbols, or as for a call.
        """
        if not self._core.num_symbols:
            raise ValueError(
                "decode: the network does not write symbols, expected an EncoderDecoder with an Embedding "
                "first in its decoder"
            )
        if is_ragged(x):
            if lengths is not None:
                raise ValueError(
                    "lengths is given, expected None: x is a list of sequences, which have their own"
                )
            x, lengths = pad("x", x)
        batch = read_input(x, lengths, self._core, self.dtype, writes=False)
        found = self._core.decode(
            batch.core(),
            count("decode: max_length", max_length, 1),
            count("decode: beam", beam, 1),
            number("decode: length_power", length_power),
        )
        return [
            [
                Decoded(np.array(symbols, np.int64), log_probability, score, ended)
                for symbols, log_probability, score, ended in hypotheses
            ]
            for hypotheses in found
        ]

    def encoder(self) -> Network:
        """The encoder of an EncoderDecoder, with copies of its parameters, tied and frozen as they are."""
        return Network._from_core(self._core.encoder())

    def stream(
        self, batch_size: int | None = None, *, weights: StreamWeights | None = None, threads: int = 1
    ) -> Stream:
        """A stream: one step at a time on a snapshot of the weights.

        Args:
            batch_size: Steps take (batch_size, features); None: (features,).
            weights: For float32 networks, how the matrices that a step multiplies are kept: "float32",
                "bfloat16", or "int8" with one scale for each row of a matrix. Steps of one sequence then read
                less memory; ``weight_error`` tells what it costs. With "int8" they also multiply in integers,
                what is multiplied being rounded by up to 1 / 65024 of its largest value, far less than
                the weights. A batch computes with the same rounded weights, at its usual speed.
            threads: How many threads share the larger matrices (from some 200 KiB on) of a step of one
                sequence: the caller and helpers that wait busily for the next step for some 50 us and then
                sleep; waking them is a system call. The results are the same to the bit.
        """
        return Stream(self._core, batch_size, self._blocks, self._initial, weights, threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write layers, parameters and what is tied and frozen to a safetensors file, whole or not at all."""
        self._core.save(os.fsencode(path))

    def _state_in(self, state: State | None, batch: Batch) -> FloatArray | None:
        return None if state is None else state_array(state, self._blocks, batch.x.shape[0], self.dtype)

    def __repr__(self) -> str:
        layers = ", ".join(repr(spec) for spec in self._core.layers)
        shared = "".join(
            f", {name}={names}" for name, names in (("tied", self.tied), ("frozen", self.frozen)) if names
        )
        return f"Network([{layers}], dtype={self.dtype}, {self._flat.size} parameters{shared})"

    def __reduce__(self) -> tuple[object, ...]:
        return _from_bytes, (self._core.to_bytes(),)


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


def _read_names(function: str, names: tuple[object, ...]) -> list[str]:
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{function}: got {name!r}, expected the names of parameters")
    return [str(name) for name in names]


def _from_bytes(data: bytes) -> Network:
    return Network._from_core(_core.from_bytes(data))


def _check_seed(seed: int) -> int:
    if isinstance(seed, bool):
        raise TypeError(f"seed is {seed!r}, expected an integer in 0 .. 2**64 - 1")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed!r}, expected an integer in 0 .. 2**64 - 1")
    return int(seed)


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file, with the dtype it was saved with.

    Raises:
        OSError: the file cannot be opened or read: FileNotFoundError, PermissionError, ...
        RuntimeError: it is no regular file, truncated, malformed, too large for the memory, or its metadata
            and tensors are not exactly those of its layers.
    """
    return Network._from_core(_core.load(os.fsencode(path)))
