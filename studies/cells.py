"""The five cells that are compared, and networks of them with equally many parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import recurra as rc


@dataclass(frozen=True)
class Entry:
    """A cell and how its weights are drawn, each as its literature advises."""

    name: str
    layer: Callable[[int, int], rc.Layer]
    init: rc.Init
    pooling: Callable[[], rc.Layer] = rc.Last

    def network(self, inputs: int, units: int, outputs: int, seed: int) -> rc.Network:
        """The cell, its states pooled over time (mostly the last one), read out by a Linear layer."""
        layers = [self.layer(inputs, units), self.pooling(), rc.Linear(units, outputs)]
        return rc.Network(layers, seed=seed, init=self.init)

    def units(self, inputs: int, outputs: int, parameters: int) -> int:
        """The most units with which the whole network has at most so many parameters."""
        units = 1
        while self.network(inputs, units + 1, outputs, 0).flat.size <= parameters:
            units += 1
        return units


def irnn(inputs: int, units: int) -> rc.Layer:
    """Q. V. Le, N. Jaitly and G. Hinton, arXiv:1504.00941 (2015); the rest of it is its initialisation."""
    return rc.Elman(inputs, units, activation="relu")


OPEN = rc.Init(forget_bias=1.0)  # R. Jozefowicz et al., ICML 2015
ENTRIES = (
    Entry("LSTM", rc.LSTM, OPEN),
    Entry("GRU", rc.GRU, rc.Init()),
    Entry("ELSTM", rc.ELSTM, OPEN),
    Entry("Elman (tanh)", rc.Elman, rc.Init()),
    Entry("IRNN", irnn, rc.Init(recurrent="identity", bias="zeros")),
)
INITIALISATION = (
    "LSTM and ELSTM start with a forget bias of 1, the IRNN (an Elman cell with relu) with R = 1 and b = 0; "
    "everything else is drawn uniformly from +-1/sqrt(units)"
)
