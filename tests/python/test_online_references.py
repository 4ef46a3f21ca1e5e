"""Exact RTRL beside plain RTRL in NumPy, cell by cell, while the weights move at every step."""

from typing import Literal

import numpy as np
import pytest
import recurra as rc
from problems import assert_close, randomize
from rtrl_references import Cell, Learner, elman, gru_after, gru_before, lstm

INPUT, UNITS, OUTPUT, STEPS, RATE = 3, 5, 2, 50, 0.2
CASES: dict[str, tuple[rc.Cell, Cell, int]] = {
    "Elman": (rc.Elman(INPUT, UNITS), elman, UNITS),
    "LSTM": (rc.LSTM(INPUT, UNITS), lstm, 2 * UNITS),
    "GRU, reset after": (rc.GRU(INPUT, UNITS), gru_after, UNITS),
    "GRU, reset before": (rc.GRU(INPUT, UNITS, reset="before"), gru_before, UNITS),
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("block", ["auto", 1, 7])
@pytest.mark.parametrize("name", CASES)
def test_weights_and_influences(name: str, block: int | Literal["auto"], rows: int) -> None:
    layer, cell, states = CASES[name]
    network = rc.Network([layer, rc.Linear(UNITS, OUTPUT)], dtype="float64")
    randomize(network, 1)
    reference = Learner(cell, dict(network.parameters), states, rows, RATE)
    before = network.flat.copy()
    learner = rc.Online(network, rc.RTRL(block), optimizer=rc.SGD(RATE), batch_size=rows)
    rng = np.random.default_rng(3)
    for t in range(STEPS):
        if t == 20:
            learner.reset(rows - 1)
            reference.reset(rows - 1)
        x, target = rng.normal(size=(rows, INPUT)), rng.normal(size=(rows, OUTPUT))
        y, _ = learner.step(x, target)
        assert_close(y, reference.step(x, target), (1e-10, 1e-10))
    assert np.abs(network.flat - before).max() > 0.1
    for parameter, values in reference.p.items():
        assert_close(network.parameters[f"0.{parameter}"], values, (1e-10, 1e-10), parameter)
        influence = learner.influence(f"0.{parameter}")
        for row in range(rows):
            assert_close(influence[row], reference.rows[row].J[parameter], (1e-9, 1e-10), parameter)
    assert_close(network.parameters["1.weight"], reference.V, (1e-10, 1e-10))
    assert_close(network.parameters["1.bias"], reference.v, (1e-10, 1e-10))


@pytest.mark.parametrize("name", CASES)
def test_gradients_that_forget_would_be_seen(name: str) -> None:
    """A learner without influence of the past ends elsewhere."""
    layer, cell, states = CASES[name]
    network = rc.Network([layer, rc.Linear(UNITS, OUTPUT)], dtype="float64")
    randomize(network, 1)
    reference = Learner(cell, dict(network.parameters), states, 1, RATE)
    learner = rc.Online(network, optimizer=rc.SGD(RATE), leak=0.0)
    rng = np.random.default_rng(3)
    for _ in range(STEPS):
        x, target = rng.normal(size=INPUT), rng.normal(size=OUTPUT)
        learner.step(x, target)
        reference.step(x[None], target[None])
    assert np.abs(network.parameters["0.weight_hh"] - reference.p["weight_hh"]).max() > 1e-3
