"""Networks: shapes, names, views, seeds, copies."""

import copy
import pickle

import numpy as np
import pytest
import recurra as rc
from problems import (
    DTYPES,
    IDS,
    INPUT,
    LOSSES,
    NETWORKS,
    POOLING,
    assert_close,
    build,
    draw_input,
    draw_target,
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_of_batches_and_of_single_sequences(name: str, dtype: str) -> None:
    network, rng = build(name, dtype), np.random.default_rng(0)
    pools = any(layer.type in POOLING for layer in network.layers)
    x = draw_input(network, (4, 7), rng)
    y = network(x)
    assert y.shape == ((4, network.output_size) if pools else (4, 7, network.output_size))
    assert y.dtype == network.dtype == np.dtype(dtype)
    single = network(x[2])
    assert single.shape == y.shape[1:]
    assert_close(single, y[2], (1e-5, 1e-6))

    for loss in LOSSES:
        target = draw_target(network, y, loss, rng)
        value, gradient, state = network.loss_and_gradient(x, target, loss, return_state=True)
        assert isinstance(value, float)
        assert gradient.shape == network.flat.shape
        assert state.batch_size == 4
        one = network.loss_and_gradient(x[2], target[2], loss, lengths=[7], return_state=True)
        whole = network.loss_and_gradient(x[2:3], target[2:3], loss)
        assert one[0] == whole[0]
        assert np.array_equal(one[1], whole[1])
        assert one[2].batch_size == 1


def test_sizes() -> None:
    assert build("Embedding").input_size == 1
    assert build("LSTM").input_size == INPUT
    assert build("stack").output_size == 2
    assert rc.Network([rc.Embedding(IDS, 3), rc.LSTM(3, 9)]).output_size == 9


def test_parameters_have_names_shapes_and_share_memory() -> None:
    network = rc.Network([rc.LSTM(3, 5), rc.GRU(5, 4), rc.Elman(4, 2), rc.Linear(2, 6)], dtype="float64")
    shapes = {
        "0.weight_ih": (20, 3), "0.weight_hh": (20, 5), "0.bias": (20,),
        "1.weight_ih": (12, 5), "1.weight_hh": (12, 4), "1.bias": (16,),
        "2.weight_ih": (2, 4), "2.weight_hh": (2, 2), "2.bias": (2,),
        "3.weight": (6, 2), "3.bias": (6,),
    }  # fmt: skip
    parameters = network.parameters
    assert {name: view.shape for name, view in parameters.items()} == shapes
    assert list(parameters) == list(shapes)
    assert len(parameters) == len(shapes)
    assert sum(view.size for view in parameters.values()) == network.flat.size
    assert "0.weight_ih" in repr(parameters)
    assert np.array_equal(np.concatenate([view.ravel() for view in parameters.values()]), network.flat)
    for view in parameters.values():
        assert np.shares_memory(view, network.flat)
    assert rc.Network([rc.Embedding(7, 2)]).parameters["0.weight"].shape == (7, 2)


@pytest.mark.parametrize("name", NETWORKS)
def test_writing_a_view_changes_outputs(name: str) -> None:
    network = build(name)
    x = draw_input(network, (3, 5), np.random.default_rng(0))
    for view in network.parameters.values():
        before = network(x)
        view += np.random.default_rng(1).uniform(0.1, 0.5, view.shape)  # no shift: that is normalised away
        assert not np.allclose(network(x), before, rtol=1e-9, atol=1e-9)
    zeros = network.flat
    zeros[:] = 0
    assert all(not view.any() for view in network.parameters.values())


def test_views_outlive_the_network() -> None:
    network = build("LSTM")
    flat, view, expected = network.flat, network.parameters["0.bias"], network.parameters["0.bias"].copy()
    del network
    _ = [rc.Network([rc.LSTM(3, 64)]) for _ in range(20)]
    assert np.array_equal(view, expected)
    assert np.isfinite(flat).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_seeds(dtype: str) -> None:
    def draw(seed: int) -> rc.Network:
        return rc.Network([rc.Embedding(IDS, 3), rc.LSTM(3, 8), rc.Linear(8, 2)], dtype=dtype, seed=seed)

    assert np.array_equal(draw(3).flat, draw(3).flat)
    assert not np.isclose(draw(3).flat, draw(4).flat).any()
    assert np.array_equal(rc.Network([rc.GRU(2, 3)]).flat, rc.Network([rc.GRU(2, 3)], seed=0).flat)
    assert np.isfinite(draw(2**64 - 1).flat).all()


def test_initial_parameters_have_the_scale_of_the_layer() -> None:
    for layer in (rc.LSTM(20, 64), rc.GRU(20, 64), rc.Elman(20, 64), rc.Linear(64, 20)):
        values = rc.Network([layer], dtype="float64").flat
        assert 0 < np.abs(values).max() <= 1 / 8
        assert values.std() == pytest.approx(1 / 8 / np.sqrt(3), rel=0.1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_copies_are_equal_and_independent(name: str, dtype: str) -> None:
    network = build(name, dtype)
    x = draw_input(network, (2, 4), np.random.default_rng(0))
    for other in (copy.copy(network), copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other.dtype == network.dtype
        assert repr(other) == repr(network)
        assert np.array_equal(other(x), network(x))
        other.flat[:] = 0
        assert network.flat.any()
