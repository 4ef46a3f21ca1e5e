"""fit: it learns, it is reproducible, and it takes windows, clipping and optimizers as documented."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import assert_close
from training import fit, running_sum, small


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", [rc.LSTM, rc.GRU, rc.Elman])
def test_learns_a_running_sum(layer: Any, dtype: str) -> None:  # noqa: ANN401
    x, y = running_sum(dtype=dtype)
    network = rc.Network([layer(1, 16), rc.Linear(16, 1)], dtype=dtype)
    history = fit(network, x, y, epochs=60, optimizer=rc.Adam(1e-2), clip_norm=1.0)
    assert history.loss[-1] < 0.01 < history.loss[0]
    assert rc.evaluate(network, x, y) < 0.01


def test_learns_classes_of_ids() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (96, 6))
    y = (x == 3).sum(axis=1).clip(max=2)
    network = rc.Network([rc.Embedding(5, 4), rc.LSTM(4, 12), rc.Last(), rc.Linear(12, 3)])
    history = fit(network, x, y, loss="cross_entropy", epochs=60, optimizer=rc.Adam(2e-2))
    assert history.loss[0] > 0.8
    assert history.loss[-1] < 0.05
    assert (network(x).argmax(axis=1) == y).mean() > 0.97


def test_history() -> None:
    x, y = running_sum()
    history = fit(small(), x, y, epochs=4, validation=0.25)
    assert len(history) == len(history.loss) == len(history.validation_loss) == len(history.seconds) == 4
    assert history.interrupted is False
    assert all(isinstance(value, float) for value in [*history.loss, *history.validation_loss])
    assert all(seconds > 0 for seconds in history.seconds)
    assert fit(small(), x, y).validation_loss == []
    empty = fit(network := small(), x, y, epochs=0)
    assert len(empty) == 0
    assert np.array_equal(network.flat, small().flat)


@pytest.mark.parametrize("layers", ["plain", "dropout"])
def test_seeds(layers: str) -> None:
    x, y = running_sum()

    def train(**options: Any) -> rc.Network:  # noqa: ANN401
        middle: list[rc.Layer] = [rc.Dropout(0.3)] if layers == "dropout" else []
        network = rc.Network([rc.GRU(1, 8), *middle, rc.Linear(8, 1)])
        fit(network, x, y, **options)
        return network

    assert np.array_equal(train(seed=5).flat, train(seed=5).flat)
    assert not np.array_equal(train(seed=5).flat, train(seed=6).flat)
    ordered = np.array_equal(train(seed=5, shuffle=False).flat, train(seed=6, shuffle=False).flat)
    assert ordered == (layers == "plain")
    rc.set_num_threads(2)
    assert np.array_equal(train(seed=5).flat, train(seed=5).flat)


def test_shuffling_draws_a_new_order_each_epoch() -> None:
    x, y = running_sum()
    options: dict[str, Any] = {"optimizer": rc.SGD(0.1)}  # it remembers nothing from epoch to epoch
    together, apart, unshuffled, unshuffled_apart = (small() for _ in range(4))
    fit(together, x, y, epochs=2, **options)
    fit(unshuffled, x, y, epochs=2, shuffle=False, **options)
    for _ in range(2):
        fit(apart, x, y, epochs=1, **options)
        fit(unshuffled_apart, x, y, epochs=1, shuffle=False, **options)
    assert not np.array_equal(together.flat, apart.flat)
    assert not np.array_equal(together.flat, unshuffled.flat)
    assert np.array_equal(unshuffled.flat, unshuffled_apart.flat)


def test_the_optimizer_starts_afresh_and_keeps_its_settings() -> None:
    x, y = running_sum()
    optimizer = rc.Adam(1e-2)
    first, second = small(), small()
    fit(first, x, y, optimizer=optimizer)
    fit(second, x, y, optimizer=optimizer)
    assert np.array_equal(first.flat, second.flat)
    default, adam = small(), small()
    fit(default, x, y)
    fit(adam, x, y, optimizer=rc.Adam())
    assert np.array_equal(default.flat, adam.flat)


def test_a_window_updates_after_every_window_and_carries_the_state_on() -> None:
    x, y = running_sum(6, 11, "float64")
    lengths = np.array([11, 4, 7, 0, 9, 11])
    network, expected = small("float64"), small("float64")
    history = fit(
        network, x, y, lengths=lengths, rule=rc.BPTT(window=4), optimizer=rc.SGD(0.1), epochs=2, shuffle=False
    )
    updater = rc.SGD(0.1).bind(expected)
    for epoch in range(2):
        state, total, entries = expected.initial_state(6), 0.0, 0
        for begin in range(0, 11, 4):
            part = np.clip(lengths - begin, 0, min(4, 11 - begin))
            value, gradient, state = expected.loss_and_gradient(
                x[:, begin : begin + 4].copy(),
                y[:, begin : begin + 4].copy(),
                lengths=part,
                state=state,
                return_state=True,
            )
            updater.update(gradient)
            total, entries = total + value * part.sum(), entries + part.sum()
        assert history.loss[epoch] == pytest.approx(total / entries, rel=1e-12)
    assert_close(network.flat, expected.flat)


def test_clipping() -> None:
    x, y = running_sum(16, 6, "float64")
    gradient = small("float64").loss_and_gradient(x, y)[1]
    norm = np.linalg.norm(gradient)
    for options, clipped in (
        ({"clip_norm": norm / 2}, gradient / 2),
        ({"clip_norm": norm * 2}, gradient),
        ({"clip_value": 0.01}, np.clip(gradient, -0.01, 0.01)),
    ):
        network = small("float64")
        fit(network, x, y, optimizer=rc.SGD(1.0), epochs=1, **options)
        assert_close(small("float64").flat - network.flat, clipped, (1e-9, 1e-13))


@pytest.mark.parametrize(("dtype", "target", "what"), [("float64", 1e200, "loss"), ("float32", 3e38, "norm")])
def test_what_is_not_finite_ends_training_with_the_last_update(dtype: str, target: float, what: str) -> None:
    x, y = running_sum(4, 6, dtype)
    y[3] = target
    options: dict[str, Any] = {"batch_size": 1, "shuffle": False, "epochs": 1, "optimizer": rc.SGD(0.1)}
    network, expected = small(dtype), small(dtype)
    with pytest.raises(OverflowError, match=rf"the {what} .*inf, expected a finite value"):
        fit(network, x, y, **options)
    fit(expected, x[:3], y[:3], **options)
    assert np.array_equal(network.flat, expected.flat)
    assert np.isfinite(network(x)).all()


def test_a_learned_initial_state_of_slstm_stays_in_bounds() -> None:
    """Its normaliser is no parameter: an optimizer would drive it through zero."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8, 2))
    y = x[:, 0, :1] * x[:, 1, 1:]
    for seed in range(6):
        layers = [rc.SLSTM(2, 6, learned_initial_state=True), rc.Last(), rc.Linear(6, 1)]
        network = rc.Network(layers, dtype="float64", seed=seed)
        history = rc.fit(network, x, y, optimizer=rc.Adam(1e-2), epochs=60, progress=False, seed=seed)
        assert max(history.loss) < 10
        assert history.loss[-1] < history.loss[0]
        assert "0.initial_h" in network.parameters
        assert "0.initial_n" not in network.parameters
