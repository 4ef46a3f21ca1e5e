"""ONNX Runtime's LSTM, GRU and RNN, one step at a time, with every buffer bound once."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import recurra as rc

from benchmarks.cells import Array
from benchmarks.peers.onnx_model import model, session


class OnnxStep:
    """The states go to and fro between two sets of buffers, so that no step copies them."""

    def __init__(self, cell: str, net: rc.Network, x: Array) -> None:
        self._session = session(model(cell, net))
        hidden = net.output_size
        names = ["h", "c"] if cell == "LSTM" else ["h"]
        self._x = x
        self._states = [{s: np.zeros((1, 1, hidden), np.float32) for s in names} for _ in range(2)]
        self._bindings = [self._bind(0, 1), self._bind(1, 0)]

    def _bind(self, before: int, after: int) -> onnxruntime.IOBinding:
        binding = self._session.io_binding()
        binding.bind_input("x", "cpu", 0, np.float32, (1, 1, self._x.size), self._x.ctypes.data)
        for s, array in self._states[before].items():
            binding.bind_input(s + "0", "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for s, array in self._states[after].items():
            binding.bind_output(s + "1", "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding

    def run(self, count: int) -> None:
        """Make `count` steps, to the next even number."""
        step = self._session.run_with_iobinding
        first, second = self._bindings
        for _ in repeat(None, (count + 1) // 2):
            step(first)
            step(second)

    def play(self, steps: Array) -> Array:
        """Return the output after these inputs, from a zero state."""
        for state in self._states:
            for array in state.values():
                array[:] = 0
        for t, x in enumerate(steps):
            self._x[:] = x
            self._session.run_with_iobinding(self._bindings[t % 2])
        return self._states[len(steps) % 2]["h"].ravel().copy()
