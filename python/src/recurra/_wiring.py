"""Networks whose weights are set by construction: units by name, what they read, and what is read out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from recurra._cells import Elman
from recurra._layers import Linear
from recurra._network import Network

Unit: TypeAlias = tuple[str, ...]
Weights: TypeAlias = Mapping[Unit, float]


class Wiring:
    """One Elman layer of saturated units, h = min(max(W x + R h- + b, 0), 1), below a Linear without bias.

    Units may read units that are added later.
    """

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._sources: dict[Unit, Weights] = {}
        self._features: list[Mapping[int, float]] = []
        self._bias: list[float] = []
        self._initial: list[float] = []
        self._outputs: list[Weights] = []

    def unit(
        self,
        name: Unit,
        sources: Weights,
        *,
        inputs: Mapping[int, float] | None = None,
        bias: float = 0.0,
        initial: float = 0.0,
    ) -> None:
        """A unit that reads these units and features; `initial` is its state before the first step."""
        assert name not in self._sources, name
        self._sources[name] = sources
        self._features.append(inputs or {})
        self._bias.append(bias)
        self._initial.append(initial)

    def output(self, sources: Weights) -> None:
        """The next output: a weighted sum of units."""
        self._outputs.append(sources)

    def network(self, dtype: npt.DTypeLike) -> Network:
        """The network, with an initial state of its own where a unit has one."""
        place = {name: k for k, name in enumerate(self._sources)}
        starts = any(self._initial)
        units = Elman(self._inputs, len(place), "saturated", learned_initial_state=starts)
        net = Network([units, Linear(len(place), len(self._outputs), bias=False)], dtype=dtype)
        net.flat[:] = 0
        parameters = net.parameters
        for k, sources in enumerate(self._sources.values()):
            for source, weight in sources.items():
                parameters["0.weight_hh"][k, place[source]] = weight
            for feature, weight in self._features[k].items():
                parameters["0.weight_ih"][k, feature] = weight
        for row, sources in enumerate(self._outputs):
            for source, weight in sources.items():
                parameters["1.weight"][row, place[source]] = weight
        parameters["0.bias"][:] = np.array(self._bias)
        if starts:
            parameters["0.initial_h"][:] = np.array(self._initial)
        return net
