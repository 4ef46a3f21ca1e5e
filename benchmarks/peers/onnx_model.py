"""Our layers as models of ONNX, for ONNX Runtime: one step with its states, or a whole sequence."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import recurra as rc
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cells import Array, split_bias

# The operator, and the blocks of our rows in its order of gates: i o f c, and z r h.
OPERATORS = {"LSTM": ("LSTM", (0, 3, 1, 2)), "GRU": ("GRU", (1, 0, 2)), "Elman": ("RNN", (0,))}


def _value(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _weights(net: rc.Network, order: tuple[int, ...]) -> list[onnx.TensorProto]:
    p = net.parameters

    def blocks(array: Array) -> Array:
        return np.concatenate([np.split(array, len(order))[k] for k in order])

    bias = np.concatenate([blocks(part) for part in split_bias(p["0.bias"], p["0.weight_ih"].shape[0])])
    weights = {"W": blocks(p["0.weight_ih"]), "R": blocks(p["0.weight_hh"]), "B": bias}
    return [numpy_helper.from_array(array[np.newaxis], name) for name, array in weights.items()]


def model(cell: str, net: rc.Network, steps: int = 1, batch: int = 1, states: bool = True) -> bytes:
    """Describe the layer with our weights: x, h0 (and c0) to h1 (and c1), or, without states, x to y."""
    operator, order = OPERATORS[cell]
    hidden = net.output_size
    names = (["h", "c"] if cell == "LSTM" else ["h"]) if states else []
    node = helper.make_node(
        operator,
        ["x", "W", "R", "B", "", *(name + "0" for name in names)] if states else ["x", "W", "R", "B"],
        ["", *(name + "1" for name in names)] if states else ["y"],
        hidden_size=hidden,
    )
    if cell == "GRU":
        node.attribute.append(helper.make_attribute("linear_before_reset", 1))
    outputs = [_value(name + "1", 1, batch, hidden) for name in names]
    graph = helper.make_graph(
        [node],
        cell,
        [
            _value("x", steps, batch, net.input_size),
            *(_value(name + "0", 1, batch, hidden) for name in names),
        ],
        outputs or [_value("y", steps, 1, batch, hidden)],
        _weights(net, order),
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def session(proto: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """Make a session with so many threads inside an operator."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(proto, options, ["CPUExecutionProvider"])
