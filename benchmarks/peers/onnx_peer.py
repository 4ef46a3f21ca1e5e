"""ONNX Runtime's LSTM and GRU, one step at a time, with every buffer bound once."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import recurra as rc
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cells import Array, split_bias

# The blocks of our rows in ONNX's order of gates: i o f c, and z r h.
ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}


def model(cell: str, net: rc.Network) -> bytes:
    """Describe one step of the cell with our weights: x, h0 (and c0) to h1 (and c1)."""
    p = net.parameters
    order = ORDER[cell]
    rows, inputs = p["0.weight_ih"].shape
    hidden = rows // len(order)

    def blocks(array: Array) -> Array:
        return np.concatenate([np.split(array, len(order))[k] for k in order])

    bias = np.concatenate([blocks(part) for part in split_bias(p["0.bias"], rows)])
    weights = {"W": blocks(p["0.weight_ih"]), "R": blocks(p["0.weight_hh"]), "B": bias}
    states = ["h", "c"] if cell == "LSTM" else ["h"]
    node = helper.make_node(
        cell,
        ["x", "W", "R", "B", "", *(s + "0" for s in states)],
        ["", *(s + "1" for s in states)],
        hidden_size=hidden,
    )
    if cell == "GRU":
        node.attribute.append(helper.make_attribute("linear_before_reset", 1))

    def value(name: str, width: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, width])

    graph = helper.make_graph(
        [node],
        cell,
        [value("x", inputs), *(value(s + "0", hidden) for s in states)],
        [value(s + "1", hidden) for s in states],
        [numpy_helper.from_array(array[np.newaxis], name) for name, array in weights.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


class OnnxStep:
    """The states go to and fro between two sets of buffers, so that no step copies them."""

    def __init__(self, cell: str, net: rc.Network, x: Array) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model(cell, net), options, ["CPUExecutionProvider"])
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
