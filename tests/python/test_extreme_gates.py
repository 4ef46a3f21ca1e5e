"""Gates that are shut or open beyond what an exponential can tell: finite numbers, and the right ones."""

import itertools

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, DTYPES, Array, assert_close, cell

GATES = (-2000.0, -1000.0, -300.0, -95.0, -88.0, -30.0, -1.0, 0.5, 30.0, 95.0, 1000.0)


def share(forget: Array, enter: Array) -> Array:
    """f / (f + i) of logistic gates, by logarithms in float64: 1 / (1 + i / f)."""
    difference = -np.logaddexp(0, -forget) + np.logaddexp(0, -enter)
    return np.asarray(np.exp(-np.logaddexp(0, -difference)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_min_lstm_equals_its_formula_in_logarithms(dtype: str) -> None:
    forget, enter = np.array(list(itertools.product(GATES, GATES))).T
    units = forget.size
    rng = np.random.default_rng(0)
    new, past, target = rng.normal(size=(3, units)).astype(dtype).astype("f8")
    network = rc.Network([rc.MinLSTM(1, units, learned_initial_state=True)], dtype=dtype)
    network.parameters["0.weight_ih"][:] = 0
    network.parameters["0.bias"][:] = np.concatenate([forget, enter, new])
    network.parameters["0.initial_h"][:] = past
    x = np.full((1, 1), 0.5, dtype)

    keep = share(forget, enter)
    assert ((keep >= 0) & (keep <= 1)).all()
    h = keep * past + share(enter, forget) * new
    close = (1e-5, 1e-6) if dtype == "float32" else (1e-12, 1e-13)
    assert_close(network(x)[0], h, close)

    _, flat = network.loss_and_gradient(x, target[np.newaxis].astype(dtype))
    gradient = dict(zip(network.parameters, np.split(flat, np.cumsum(sizes(network))[:-1]), strict=True))
    d = 2 * (h - target) / units
    dlog = d * (past - new) * keep * share(enter, forget)
    closed = [np.exp(-np.logaddexp(0, gate)) for gate in (forget, enter)]  # 1 - f, 1 - i
    bias = np.concatenate([dlog * closed[0], -dlog * closed[1], d * share(enter, forget)])
    assert_close(gradient["0.bias"], bias, close)
    assert_close(gradient["0.weight_ih"], 0.5 * bias, close)
    assert_close(gradient["0.initial_h"], d * keep, close)
    assert (
        np.abs(bias[: 2 * units][np.abs(np.concatenate([forget, forget])) > 80]).max() > 1e-4
    )  # not all zero


def sizes(network: rc.Network) -> list[int]:
    return [view.size for view in network.parameters.values()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_is_finite(name: str, dtype: str) -> None:
    """Every combination of gates shut and open at every unit, over a few steps."""
    units = 24
    network = rc.Network([cell(name, 2, units)], dtype=dtype, seed=0)
    rng = np.random.default_rng(1)
    if "0.bias" in network.parameters:
        bias = network.parameters["0.bias"]
        bias[:] = rng.choice([-400.0, -100.0, 0.0, 100.0, 400.0], bias.shape)
    x = rng.normal(size=(3, 6, 2)).astype(dtype)
    y = network(x)
    assert np.isfinite(y).all()
    loss, gradient = network.loss_and_gradient(x, np.zeros_like(y))
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
