"""ONNX Runtime's LSTM, GRU and RNN on whole sequences, with input and output bound once."""

from __future__ import annotations

import numpy as np
import recurra as rc

from benchmarks.cells import Array
from benchmarks.peers.onnx_model import model, session


class OnnxSequence:
    """Time-major, the one layout it has."""

    def __init__(self, cell: str, net: rc.Network, x: Array, threads: int = 1) -> None:
        batch, steps, _ = x.shape
        self._session = session(model(cell, net, steps, batch, states=False), threads)
        self._x = np.ascontiguousarray(x.transpose(1, 0, 2))
        self._y = np.empty((steps, 1, batch, net.output_size), np.float32)
        self._binding = self._session.io_binding()
        for bind, name, array in (
            (self._binding.bind_input, "x", self._x),
            (self._binding.bind_output, "y", self._y),
        ):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def run(self, count: int) -> None:
        """Make `count` passes."""
        for _ in range(count):
            self._session.run_with_iobinding(self._binding)

    def output(self) -> Array:
        """Return that of one pass, (batch, time, features)."""
        self.run(1)
        return self._y[:, 0].transpose(1, 0, 2)
