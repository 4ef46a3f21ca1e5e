"""Losses and gradients on ragged batches: against central differences and against the outputs."""

import numpy as np
import pytest
import recurra as rc
from problems import LOSSES, NETWORKS, POOLING, LossName, assert_close, build, pose


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_is_the_central_difference(name: str, loss: LossName) -> None:
    problem = pose(build(name), loss)
    training = {"training": True, "seed": 5}
    value, gradient = problem.value_and_gradient(**training)
    assert np.isfinite(value)
    assert gradient.dtype == np.float64
    flat, difference, h = problem.network.flat, np.empty_like(gradient), 1e-6
    for i, kept in enumerate(flat.copy()):
        flat[i] = kept + h
        above = problem.value_and_gradient(**training)[0]
        flat[i] = kept - h
        below = problem.value_and_gradient(**training)[0]
        flat[i] = kept
        difference[i] = (above - below) / (2 * h)
    assert_close(gradient, difference, (1e-6, 1e-8))
    # Of a table that Max reads, the rows without a maximum have none.
    assert np.count_nonzero(gradient) > gradient.size / (3 if name == "Embedding and Max" else 2)


@pytest.mark.parametrize("name", [name for name in NETWORKS if "Dropout" not in name])
def test_loss_is_that_of_the_outputs(name: str) -> None:
    problem = pose(build(name))
    y = problem.network(problem.x, lengths=problem.lengths, state=problem.state)
    valid = problem.lengths > 0 if y.ndim == 2 else np.arange(y.shape[1]) < problem.lengths[:, np.newaxis]
    expected = np.mean((y[valid] - problem.target[valid]) ** 2)
    assert problem.value_and_gradient()[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in NETWORKS if not any(layer in name for layer in POOLING)])
def test_a_window_as_long_as_the_sequence_changes_nothing(name: str) -> None:
    problem = pose(build(name))
    full, windowed = problem.value_and_gradient(), problem.value_and_gradient(rule=rc.BPTT(window=6))
    assert full[0] == windowed[0]
    assert np.array_equal(full[1], windowed[1])


def test_dropout_masks_follow_the_seed_and_need_training() -> None:
    network, rng = rc.Network([rc.Linear(50, 40), rc.Dropout(0.5)], dtype="float64"), np.random.default_rng(0)
    network.flat[:] = 0
    network.parameters["0.bias"][:] = 1
    x, target = rng.normal(size=(10, 20, 50)), np.zeros((10, 20, 40))
    assert np.array_equal(network(x), np.ones((10, 20, 40)))
    assert network.loss_and_gradient(x, target)[0] == pytest.approx(1)
    first = network.loss_and_gradient(x, target, training=True, seed=1)
    # Half of the outputs are 0, half 2: the mean square is 2.
    assert first[0] == pytest.approx(2, rel=0.05)
    again = network.loss_and_gradient(x, target, training=True, seed=1)
    assert first[0] == again[0]
    assert np.array_equal(first[1], again[1])
    assert first[0] != network.loss_and_gradient(x, target, training=True, seed=2)[0]
