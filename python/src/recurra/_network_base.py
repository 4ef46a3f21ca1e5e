"""What all of a network knows of itself: its layers, sizes and states."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import _core
from recurra._arrays import FloatArray, count
from recurra._layer import Layer
from recurra._parameters import Parameters
from recurra._state import State


class NetworkBase:
    """What the parts of a `Network` share."""

    def _setup(self, core: _core.NetworkF32 | _core.NetworkF64) -> None:
        self._core = core
        self._flat = core.flat()
        self._parameters = Parameters(core.parameters())
        self._blocks = core.state_blocks

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
    def _initial(self) -> FloatArray:
        start: FloatArray = self._core.initial_state(1)[0]
        return start

    def initial_state(self, batch_size: int = 1) -> State:
        """The state every sequence starts from."""
        batch_size = count("initial_state: batch_size", batch_size, 1)
        return State(self._core.initial_state(batch_size), self._blocks, self._initial)
