"""The cells that are compared, ours and PyTorch's on the same weights.

PyTorch has two biases where we have one; where they are only ever summed, its second one is zero. Our GRU's
``bias`` is r, z and n of the first and n of the second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import recurra as rc
import torch

Array: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class CellKind:
    """One cell: its layer, PyTorch's modules for a sequence and for a step, and its gates."""

    layer: Callable[[int, int], rc.Layer]
    sequence: Callable[..., torch.nn.RNNBase]
    step: Callable[..., torch.nn.RNNCellBase]
    gates: int

    def network(self, input_size: int, hidden_size: int) -> rc.Network:
        """Make ours, in float32."""
        return rc.Network([self.layer(input_size, hidden_size)], seed=1)

    def step_operations(self, input_size: int, hidden_size: int) -> int:
        """Count the floating-point operations in one step's products."""
        return 2 * self.gates * hidden_size * (input_size + hidden_size)

    def training_operations(self, input_size: int, hidden_size: int) -> int:
        """Count those of training, per row and step: forward, back through R, and both weight gradients."""
        return 2 * self.step_operations(input_size, hidden_size) + 2 * self.gates * hidden_size * hidden_size


CELLS = {
    "LSTM": CellKind(rc.LSTM, torch.nn.LSTM, torch.nn.LSTMCell, 4),
    "GRU": CellKind(rc.GRU, torch.nn.GRU, torch.nn.GRUCell, 3),
    "Elman": CellKind(rc.Elman, torch.nn.RNN, torch.nn.RNNCell, 1),
}


def split_bias(bias: Array, rows: int) -> tuple[Array, Array]:
    """Take our bias apart into the input's and the recurrent one, of `rows` each."""
    recurrent = np.zeros(rows, bias.dtype)
    if bias.size > rows:
        recurrent[rows - (bias.size - rows) :] = bias[rows:]
    return bias[:rows].copy(), recurrent


def copy_weights(net: rc.Network, module: torch.nn.Module, suffix: str = "", layer: str = "0.") -> None:
    """Give PyTorch's module our weights of a layer; `suffix` is "_l0" for a module over sequences."""
    p = net.parameters
    bias_ih, bias_hh = split_bias(p[f"{layer}bias"], p[f"{layer}weight_ih"].shape[0])
    with torch.no_grad():
        for name, array in (
            ("weight_ih", p[f"{layer}weight_ih"]),
            ("weight_hh", p[f"{layer}weight_hh"]),
            ("bias_ih", bias_ih),
            ("bias_hh", bias_hh),
        ):
            module.get_parameter(name + suffix).copy_(torch.from_numpy(array))


def flat_gradient(module: torch.nn.RNNBase, net: rc.Network) -> Array:
    """Lay out the gradient PyTorch has left in the module as ours."""
    parts = []
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        gradient = module.get_parameter(name + "_l0").grad
        assert gradient is not None
        parts.append(gradient.numpy().ravel())
    bias_ih, bias_hh = parts[2:]
    more = net.parameters["0.bias"].size - bias_ih.size
    return np.concatenate((parts[0], parts[1], bias_ih, bias_hh[bias_hh.size - more :]))
