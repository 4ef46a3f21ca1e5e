"""ONNX Runtime's recurrent operators with Recurra's parameters, in float32: it has them in no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

Array = npt.NDArray[Any]
Parameters = Mapping[str, Array]

# ONNX's operator, its attributes, our gates in ONNX's order, and our gates in our order, by registered name.
OPERATORS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "Elman(activation=tanh)": ("RNN", {"activations": ["Tanh"]}, "n", "n"),
    "Elman(activation=relu)": ("RNN", {"activations": ["Relu"]}, "n", "n"),
    "Elman(activation=logistic)": ("RNN", {"activations": ["Sigmoid"]}, "n", "n"),
    "Elman(activation=saturated)": (
        "RNN",
        {"activations": ["HardSigmoid"], "activation_alpha": [1.0], "activation_beta": [0.0]},
        "n",
        "n",
    ),
    "LSTM": ("LSTM", {}, "iofg", "ifgo"),
    "LSTM(peephole=current)": ("LSTM", {}, "iofg", "ifgo"),
    "LSTM(coupled=true)": ("LSTM", {"input_forget": 1}, "iofg", "igo"),
    "LSTM(coupled=true, peephole=current)": ("LSTM", {"input_forget": 1}, "iofg", "igo"),
    "GRU(reset=after)": ("GRU", {"linear_before_reset": 1}, "zrn", "rzn"),
    "GRU(reset=before)": ("GRU", {"linear_before_reset": 0}, "zrn", "rzn"),
}


def weights(name: str, p: Parameters) -> dict[str, Array]:
    """W, R, B and P of one direction; nobody reads the rows of a coupled LSTM's forget gate."""
    _, _, theirs, ours = OPERATORS[name]
    units = len(p["weight_ih"]) // len(ours)

    def ordered(array: Array) -> Array:
        blocks = dict(zip(ours, np.split(array, len(ours)), strict=True))
        return np.concatenate([blocks.get(gate, np.full_like(array[:units], 9)) for gate in theirs])

    r = np.concatenate([p["weight_hh"], p["weight_mh"]]) if "weight_mh" in p else p["weight_hh"]
    rows = len(ours) * units
    b_r = np.zeros(rows)
    b_r[rows - len(p["bias"][rows:]) :] = p["bias"][rows:]  # GRU after: b_q
    found = {
        "W": ordered(p["weight_ih"]),
        "R": ordered(r),
        "B": np.concatenate([ordered(p["bias"][:rows]), ordered(b_r)]),
    }
    if "peephole_i" in p:
        found["P"] = np.concatenate([p.get(f"peephole_{gate}", np.full(units, 9.0)) for gate in "iof"])
    return found


def run(
    name: str, directions: list[Parameters], x: Array, lengths: Array, states: list[Parameters]
) -> tuple[Array, list[dict[str, Array]]]:
    """Outputs (batch, time, directions * units), zero past the ends, and the last state of each direction."""
    operator, attributes, *_ = OPERATORS[name]
    each = [weights(name, p) for p in directions]
    tensors = {key: np.stack([w[key] for w in each]).astype(np.float32) for key in each[0]}
    units = states[0]["h"].shape[1]
    carried = "hc" if operator == "LSTM" else "h"
    feed = {"X": x.transpose(1, 0, 2).astype(np.float32), "sequence_lens": lengths.astype(np.int32)}
    feed |= {f"initial_{s}": np.stack([state[s] for state in states]).astype(np.float32) for s in carried}
    # A list has an entry for each direction.
    attributes = {
        key: value * len(each) if isinstance(value, list) else value for key, value in attributes.items()
    }
    direction = {"direction": "bidirectional" if len(each) == 2 else "forward"}
    inputs = ["X", "W", "R", "B", "sequence_lens", *(f"initial_{s}" for s in carried)]
    inputs += ["P"] if "P" in tensors else []
    outputs = ["Y", *(f"Y_{s}" for s in carried)]
    node = onnx.helper.make_node(operator, inputs, outputs, hidden_size=units, **attributes, **direction)
    float32, int32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    graph = onnx.helper.make_graph(
        [node],
        "cell",
        [
            onnx.helper.make_tensor_value_info(key, int32 if key == "sequence_lens" else float32, value.shape)
            for key, value in feed.items()
        ],
        [
            onnx.helper.make_tensor_value_info(key, float32, [None] * (4 if key == "Y" else 3))
            for key in outputs
        ],
        [onnx.numpy_helper.from_array(value, key) for key, value in tensors.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    y, *last = session.run(None, feed)
    merged = np.asarray(y).transpose(2, 0, 1, 3).reshape(x.shape[0], x.shape[1], -1)
    return merged, [
        {s: np.asarray(value)[d] for s, value in zip(carried, last, strict=True)} for d in range(len(each))
    ]
