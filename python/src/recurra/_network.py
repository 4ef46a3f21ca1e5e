"""Networks: an ordered list of layers and one flat parameter vector."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import check_seed, parse_dtype
from recurra._decode import DecodeMethods
from recurra._forecast import ForecastMethods
from recurra._generate import GenerateMethods
from recurra._initialization import Init
from recurra._layer import Layer, listed
from recurra._runner import RunMethods
from recurra._shared_parameters import ParameterMethods
from recurra._stream import Stream, StreamWeights
from recurra._summary import Summary, summarize


class Network(ParameterMethods, RunMethods, ForecastMethods, DecodeMethods, GenerateMethods):
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
        self._setup(core([layer._spec for layer in layers], check_seed(seed)))
        if init is not None:
            self.initialize(init, seed)

    @classmethod
    def _from_core(cls, core: _core.NetworkF32 | _core.NetworkF64) -> Network:
        network = cls.__new__(cls)
        network._setup(core)
        return network

    def summary(self) -> Summary:
        """This network in numbers, layer by layer: parameters, state, flops. ``print`` it for a table."""
        return summarize(self._core, self.dtype.itemsize)

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
                "bfloat16", or "int8" with one scale for each row of a matrix. A stream of one sequence then
                holds and reads less memory (`Stream.bytes`), but where layers are normalised;
                ``weight_error`` tells what it costs. With "int8" they also multiply in integers, what is
                multiplied being rounded by up to 1 / 65024 of its largest value, far less than the weights.
                A batch computes with the same rounded weights, at its usual speed.
            threads: How many threads share the larger matrices (from some 200 KiB on) of a step of one
                sequence: the caller and helpers that wait busily for the next step for some 50 us and then
                sleep; waking them is a system call. The results are the same to the bit.
        """
        return Stream(self._core, batch_size, self._blocks, self._initial, weights, threads)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write layers, parameters and what is tied and frozen to a safetensors file, whole or not at all."""
        self._core.save(os.fsencode(path))

    def __repr__(self) -> str:
        layers = ", ".join(repr(spec) for spec in self._core.layers)
        shared = "".join(
            f", {name}={names}" for name, names in (("tied", self.tied), ("frozen", self.frozen)) if names
        )
        return f"Network([{layers}], dtype={self.dtype}, {self._flat.size} parameters{shared})"

    def __reduce__(self) -> tuple[object, ...]:
        return _from_bytes, (self._core.to_bytes(),)


def _from_bytes(data: bytes) -> Network:
    return Network._from_core(_core.from_bytes(data))


def load(path: str | os.PathLike[str]) -> Network:
    """The network in a file, with the dtype it was saved with.

    Raises:
        OSError: the file cannot be opened or read: FileNotFoundError, PermissionError, ...
        RuntimeError: it is no regular file, truncated, malformed, too large for the memory, or its metadata
            and tensors are not exactly those of its layers.
    """
    return Network._from_core(_core.load(os.fsencode(path)))
