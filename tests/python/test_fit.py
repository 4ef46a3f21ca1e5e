"""fit: it learns, it is reproducible, and it takes data, windows, clipping and validation as documented."""

import copy
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, assert_close


def running_sum(sequences: int = 64, time: int = 12, dtype: str = "float32") -> tuple[Array, Array]:
    """Inputs and their running sum."""
    x = np.random.default_rng(0).choice([-1.0, 1.0], (sequences, time, 1)).astype(dtype)
    return x, np.tanh(np.cumsum(x, axis=1) / 3)


def small(dtype: str = "float32", seed: int = 0) -> rc.Network:
    return rc.Network([rc.GRU(1, 8), rc.Linear(8, 1)], dtype=dtype, seed=seed)


def fit(network: rc.Network, x: Any, y: Any, **options: Any) -> rc.History:  # noqa: ANN401
    return rc.fit(network, x, y, **{"progress": False, "epochs": 3, "batch_size": 16, **options})


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


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches() -> None:
    x, y = running_sum(10, 5)
    lengths = np.array([5, 1, 0, 3, 5, 2, 0, 0, 4, 1])
    network = small()
    history = fit(network, x, y, lengths=lengths, epochs=1, optimizer=rc.SGD(0), batch_size=3)
    assert history.loss[0] == pytest.approx(small().loss_and_gradient(x, y, lengths=lengths)[0], rel=1e-5)
    assert np.array_equal(network.flat, small().flat)


def test_a_validation_fraction_holds_the_last_sequences_out() -> None:
    x, y = running_sum()
    network, other = small(), small()
    history = fit(network, x, y, validation=0.25)
    explicit = fit(other, x[:48], y[:48], validation=(x[48:], y[48:]))
    assert np.array_equal(network.flat, other.flat)
    assert history.validation_loss == explicit.validation_loss
    assert history.validation_loss[-1] == rc.evaluate(network, x[48:], y[48:])
    assert history.validation_loss[-1] == pytest.approx(
        float(np.mean((network(x[48:]) - y[48:]) ** 2)), rel=1e-5
    )
    poisoned = y.copy()
    poisoned[48:] = 100
    unaffected = small()
    fit(unaffected, x, poisoned, validation=0.25)
    assert np.array_equal(network.flat, unaffected.flat)


def test_validation_with_lengths() -> None:
    x, y = running_sum(8, 5)
    lengths = np.array([5, 1, 3, 0, 2, 5, 4, 1])
    history = fit(network := small(), x, y, validation=(x, y, lengths))
    assert history.validation_loss[-1] == rc.evaluate(network, x, y, lengths=lengths)
    ragged = (
        [row[:length] for row, length in zip(x, lengths, strict=True)],
        [row[:length] for row, length in zip(y, lengths, strict=True)],
    )
    assert fit(small(), x, y, validation=ragged).validation_loss == history.validation_loss
    split = fit(other := small(), x, y, lengths=lengths, validation=0.5)
    assert split.validation_loss[-1] == rc.evaluate(other, x[4:], y[4:], lengths=lengths[4:])


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_ragged_lists_equal_lengths(batch_size: int) -> None:
    x, y = running_sum(8, 5)
    lengths = np.array([5, 1, 3, 0, 2, 5, 4, 1])
    padded, listed = small(), small()
    first = fit(padded, x, y, lengths=lengths, batch_size=batch_size)
    second = fit(
        listed,
        [row[:length] for row, length in zip(x, lengths, strict=True)],
        [row[:length] for row, length in zip(y, lengths, strict=True)],
        batch_size=batch_size,
    )
    assert np.array_equal(padded.flat, listed.flat)
    assert first.loss == second.loss


def test_ragged_ids_classes_and_pooled_targets() -> None:
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 5, length) for length in (3, 1, 4)]
    tagger = rc.Network([rc.Embedding(5, 3), rc.Linear(3, 2)])
    history = fit(
        tagger, x, [row % 2 for row in x], loss="cross_entropy", epochs=200, optimizer=rc.Adam(0.05)
    )
    assert history.loss[-1] < 0.1
    reader = rc.Network([rc.Embedding(5, 3), rc.Mean(), rc.Linear(3, 2)])
    fit(reader, x, [0, 1, 0], loss="cross_entropy")
    fit(reader, x, [np.zeros(2, np.float32)] * 3, loss="mse")


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
    ordered = [train(seed=seed, shuffle=False).flat for seed in (5, 6)]
    assert np.array_equal(*ordered) == (layers == "plain")
    rc.set_num_threads(2)
    assert np.array_equal(train(seed=5).flat, train(seed=5).flat)


def test_shuffling_draws_a_new_order_each_epoch() -> None:
    x, y = running_sum()
    first, second, unshuffled = small(), small(), small()
    fit(first, x, y, epochs=2)
    for _ in range(2):
        fit(second, x, y, epochs=1)
    assert not np.array_equal(first.flat, second.flat)
    fit(unshuffled, x, y, epochs=2, shuffle=False)
    assert not np.array_equal(first.flat, unshuffled.flat)


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


def test_evaluate_does_not_train() -> None:
    x, y = running_sum()
    network = small()
    before = copy.deepcopy(network)
    values = [rc.evaluate(network, x, y, batch_size=batch_size) for batch_size in (1, 7, 1000)]
    assert values == pytest.approx([float(np.mean((network(x) - y) ** 2))] * 3, rel=1e-5)
    assert np.array_equal(network.flat, before.flat)
