"""PyTorch's cell modules, one step at a time, under inference mode."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import recurra as rc
import torch

from benchmarks.cells import Array, CellKind, copy_weights


class TorchStep:
    """It feeds its states back."""

    def __init__(self, kind: CellKind, net: rc.Network) -> None:
        self._cell = kind.step(net.input_size, net.output_size)
        copy_weights(net, self._cell)
        self._x = torch.zeros(1, net.input_size)
        self._zero = torch.zeros(1, net.output_size)
        self._pair = kind.step is torch.nn.LSTMCell

    def run(self, count: int) -> None:
        """Make `count` steps."""
        self._steps(repeat(self._x, count))

    def play(self, steps: Array) -> Array:
        """Return the output after these inputs, from a zero state."""
        return self._steps(iter(torch.from_numpy(steps).unsqueeze(1))).numpy().ravel()

    @torch.inference_mode()
    def _steps(self, inputs: Iterator[torch.Tensor]) -> torch.Tensor:
        cell, h, c = self._cell, self._zero, self._zero
        if self._pair:
            for x in inputs:
                h, c = cell(x, (h, c))
        else:
            for x in inputs:
                h = cell(x, h)
        return h
