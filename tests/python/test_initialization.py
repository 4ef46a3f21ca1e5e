"""Initialisation by name: what each name promises, gate by gate."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, assert_close, refused
from problems import cell as cell_of

UNITS, INPUTS = 16, 12


def gates(network: rc.Network, name: str) -> np.ndarray[Any, Any]:
    """The matrix of every gate."""
    weights = network.parameters[name]
    return weights.reshape(-1, UNITS, weights.shape[1])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(name: str, dtype: str) -> None:
    init = rc.Init(input="orthogonal", recurrent="orthogonal", recurrent_scale=0.5)
    network = rc.Network([cell_of(name, INPUTS, UNITS)], dtype=dtype, seed=3, init=init)
    close = (0.0, 1e-6) if dtype == "float32" else (0.0, 1e-13)
    for key in network.parameters:
        if "weight_ih" in key:
            for w in gates(network, key):
                assert_close(w.T @ w, np.eye(INPUTS), close)
        elif "weight_" in key:
            for w in gates(network, key):
                square = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
                assert_close(square, 0.25 * np.eye(len(square)), close)


def test_orthogonal_heads() -> None:
    network = rc.Network([rc.GRU(3, 8, heads=2)], dtype="float64", init=rc.Init(recurrent="orthogonal"))
    for block in network.parameters["0.weight_hh"].reshape(-1, 4, 4):
        assert_close(block @ block.T, np.eye(4))


def test_identity_is_the_irnn() -> None:
    init = rc.Init(recurrent="identity", bias="zeros")
    network = rc.Network([rc.Elman(3, 5, "relu")], init=init)
    assert np.array_equal(network.parameters["0.weight_hh"], np.eye(5))
    assert not network.parameters["0.bias"].any()
    state = network.initial_state()
    state["0.h"][:] = 2
    y = network(np.zeros((50, 3), "f4"), state=state)
    assert (y == 2).all()


def test_glorot() -> None:
    init = rc.Init(input="glorot", recurrent="glorot")
    network = rc.Network([rc.LSTM(30, 50), rc.Linear(50, 20)], dtype="float64", init=init)
    for key, rows in (("0.weight_ih", 50), ("0.weight_hh", 50), ("1.weight", 20)):
        w = network.parameters[key]
        limit = np.sqrt(6 / (rows + w.shape[1]))
        assert 0.97 * limit < np.abs(w).max() <= limit
        assert abs(w.std() / (limit / np.sqrt(3)) - 1) < 0.05


FORGETTING = {
    "LSTM": 1,
    "LSTM(peephole=current)": 1,
    "LSTM(peephole=previous)": 1,
    "MinLSTM": 0,
    "SRU": 0,  # among the gates with a bias
    "ELSTM": 0,
    "SLSTM": 1,
}


@pytest.mark.parametrize("name", CELLS)
def test_forget_bias(name: str) -> None:
    layer = [cell_of(name, 3, UNITS)]
    plain = rc.Network(layer, init=rc.Init(bias="zeros"))
    biased = rc.Network(layer, init=rc.Init(bias="zeros", forget_bias=1.5))
    for key, values in plain.parameters.items():
        if key != "0.bias":
            assert np.array_equal(values, biased.parameters[key])
            continue
        assert not values.any()
        gate = biased.parameters[key].reshape(-1, UNITS)
        for k, row in enumerate(gate):
            assert (row == (1.5 if FORGETTING.get(name) == k else 0)).all()


def test_what_cells_draw_themselves() -> None:
    u = rc.Network([rc.IndRNN(2, 400)]).parameters["0.u"]
    assert 0 <= u.min() < 0.02
    assert 0.98 < u.max() < 1
    p = rc.Network([rc.LRU(2, 400)], dtype="float64").parameters
    radius = np.exp(-np.exp(p["0.nu_log"]))
    assert 0.9 <= radius.min() < 0.91
    assert 0.998 < radius.max() <= 0.999
    phase = np.exp(p["0.theta_log"])
    assert 0 < phase.min() < 0.01
    assert 0.3 < phase.max() <= np.pi / 10
    assert_close(np.exp(p["0.gamma_log"]), np.sqrt(1 - radius**2), (1e-9, 0))


def test_stages_begin_neutral() -> None:
    network = rc.Network([rc.LSTM(3, 5, layer_norm=True, learned_initial_state=True)])
    for key, values in network.parameters.items():
        if "gain_" in key:
            assert (values == 1).all()
        if "shift_" in key or "initial_" in key:
            assert not values.any()


def test_seeds_and_drawing_anew() -> None:
    init = rc.Init(input="glorot", recurrent="orthogonal", forget_bias=1)
    network = rc.Network([rc.LSTM(3, 8), rc.IndRNN(8, 4)], seed=5, init=init)
    kept, view = network.flat.copy(), network.flat
    network.initialize(init, seed=6)
    assert view is network.flat
    assert not np.array_equal(network.flat, kept)
    network.initialize(init, seed=5)
    assert np.array_equal(network.flat, kept)
    network.initialize(seed=5)
    assert np.array_equal(network.flat, rc.Network([rc.LSTM(3, 8), rc.IndRNN(8, 4)], seed=5).flat)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"input": "identity"}, "input is 'identity', expected one of 'uniform', 'glorot', 'orthogonal'"),
        ({"recurrent": "he"}, "recurrent is 'he', expected one of 'uniform', 'glorot', 'orthogonal', 'id"),
        ({"bias": "ones"}, "bias is 'ones', expected one of 'uniform', 'zeros'"),
        ({"forget_bias": float("nan")}, "expect finite numbers"),
    ],
)  # fmt: skip
def test_errors(wrong: dict[str, Any], words: str) -> None:
    network = rc.Network([rc.LSTM(1, 2)])
    with refused(ValueError, words, network=network):
        network.initialize(rc.Init(**wrong))
