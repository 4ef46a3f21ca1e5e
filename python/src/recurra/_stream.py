"""Streams: one step at a time."""

from __future__ import annotations

from typing import Literal, NoReturn

from recurra import _core
from recurra._arrays import FloatArray, count, integer
from recurra._state import Blocks, State, state_array

StreamWeights = Literal["float32", "bfloat16", "int8"]


def _kept_weights(weights: StreamWeights | None, dtype: str) -> str:
    known = ("float32", "bfloat16", "int8")
    if weights is None:
        return dtype
    if weights not in known:
        raise ValueError(
            f"stream: weights is {weights!r}, expected None or one of {', '.join(map(repr, known))}"
        )
    if dtype != "float32":
        raise ValueError(f"stream: weights is {weights!r} for a {dtype} network, expected None")
    return weights


class Stream:
    """A network at one step at a time, on a snapshot of its weights. Made by `Network.stream`.

    ``step(x, out=None)`` takes (features,), or (batch_size, features) for a stream with a batch size, and
    returns the output of this step in `out` or in a new array. For an Embedding x is an integer, or
    (batch_size,) integers; for a network without input it may be left out. A step does not allocate but for
    the array it returns.

    ``process(x, out=None)`` makes many steps at once, which is faster: it takes (time, features), or
    (batch_size, time, features), and returns the outputs of all steps. Steps and blocks may alternate.

    ``observe(y)``, after a step, puts what was really seen, (output,) or (batch_size, output), in the place
    of the output that the network's one Feedback layer feeds back.

    They raise TypeError for another dtype or byte order, ValueError for another shape, an array that is not
    C-contiguous, an `out` that is read-only or overlaps x, or a value that is not finite, and RuntimeError
    while another thread is inside the stream; the state is then unchanged.
    """

    def __init__(
        self,
        network: _core._Network,
        batch_size: int | None,
        blocks: Blocks,
        initial: FloatArray,
        weights: StreamWeights | None = None,
        threads: int = 1,
    ) -> None:
        if batch_size is not None:
            batch_size = count("stream: batch_size", batch_size, 1)
        threads = count("stream: threads", threads, 1)
        narrow = isinstance(network, _core.NetworkF32)
        kept = _kept_weights(weights, "float32" if narrow else "float64")
        core = _core.StreamF32 if narrow else _core.StreamF64
        self._core = core(network, batch_size, kept, threads)
        self._network = network
        self._blocks = blocks
        self._initial = initial
        self.step = self._core.step  # bound once: a step costs one call
        self.observe = self._core.observe
        self.process = self._core.process

    @property
    def batch_size(self) -> int:
        """Number of sequences side by side."""
        return self._core.batch

    @property
    def weight_error(self) -> dict[str, float]:
        """How far the weights are from the network's, by matrix: |kept - given| / |given| (Frobenius norm).

        Empty where they are kept as they are.
        """
        return self._core.weight_error()

    @property
    def bytes(self) -> int:
        """Memory of weights and activations; `process` adds the activations of a block of steps."""
        return self._core.bytes()

    @property
    def state(self) -> State:
        """A copy of the present state; assign one to continue from there."""
        return State(self._core.state_array(), self._blocks, self._initial)

    @state.setter
    def state(self, state: State) -> None:
        array = state_array(state, self._blocks, self.batch_size, self._initial.dtype)
        self._core.set_state_array(array)

    def reset(self, row: int | None = None) -> None:
        """Put one sequence, or all, back to the initial state."""
        self._core.reset(None if row is None else integer("reset: row", row))

    def reload(self) -> None:
        """Take over the network's present weights; the state stays."""
        self._core.reload()
        self._initial = self._network.initial_state(1)[0]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a stream cannot be copied or pickled; copy its state, and make another stream")
