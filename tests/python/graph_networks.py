"""Networks over graphs: every message, ways to aggregate, readouts and layers around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import recurra as rc
from cell_cases import UNITS
from problems import Array

FEATURES, MESSAGE, ROUNDS = 2, 3, 3


def drawn_x(nodes: int, features: int = FEATURES) -> Array:
    """Features of the nodes."""
    return np.random.default_rng(1).normal(size=(nodes, features))


MESSAGES: dict[str, Callable[[], Any]] = {
    "Linear": lambda: rc.Linear(UNITS, MESSAGE),
    "ByType": lambda: rc.ByType(UNITS, MESSAGE, 3),
    "EdgeNet": lambda: rc.EdgeNet(UNITS, MESSAGE, 2, [rc.Linear(2, 4), rc.Tanh()]),
    "MLP": lambda: rc.MLP(UNITS, 5, [rc.Relu(), rc.Linear(5, MESSAGE)], edge_size=2),
}
NETS: dict[str, Callable[[], list[Any]]] = {
    f"{name}, {how}": lambda make=make, how=how: [
        rc.GraphNet(
            rc.LSTM(MESSAGE, UNITS), make(), ROUNDS, "sum" if how == "attention" else how,
            attention=how == "attention", input_size=FEATURES,
        )
    ]
    for name, make in MESSAGES.items()
    for how in ("sum", "max", "attention")
} | {
    "pooled": lambda: [rc.GraphNet(rc.GRU(MESSAGE, UNITS), MESSAGES["MLP"](), 2, input_size=FEATURES),
                       rc.Readout("gated", 4), rc.Linear(4, 2)],
    "mean": lambda: [rc.GraphNet(rc.GRU(MESSAGE, UNITS), MESSAGES["Linear"](), 2, input_size=FEATURES),
                     rc.Readout("mean")],
    "deep": lambda: [rc.Linear(FEATURES, 4),
                     rc.GraphNet(rc.GRU(MESSAGE, UNITS), MESSAGES["EdgeNet"](), 2), rc.Tanh(),
                     rc.Residual([rc.GraphNet(rc.Elman(MESSAGE, UNITS), MESSAGES["ByType"](), 2)]),
                     rc.Readout("max")],
}  # fmt: skip
