"""fit and evaluate: validation data, ragged sequences, and losses as means over the valid entries."""

import copy

import numpy as np
import pytest
import recurra as rc
from training import fit, running_sum, small


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


def test_the_loss_of_an_epoch_is_the_mean_of_its_batches() -> None:
    x, y = running_sum(10, 5)
    lengths = np.array([5, 1, 0, 3, 5, 2, 0, 0, 4, 1])
    network = small()
    history = fit(network, x, y, lengths=lengths, epochs=1, optimizer=rc.SGD(0), batch_size=3)
    assert history.loss[0] == pytest.approx(small().loss_and_gradient(x, y, lengths=lengths)[0], rel=1e-5)
    assert np.array_equal(network.flat, small().flat)


def test_evaluate_does_not_train() -> None:
    x, y = running_sum()
    network = small()
    before = copy.deepcopy(network)
    values = [rc.evaluate(network, x, y, batch_size=batch_size) for batch_size in (1, 7, 1000)]
    assert values == pytest.approx([float(np.mean((network(x) - y) ** 2))] * 3, rel=1e-5)
    assert np.array_equal(network.flat, before.flat)
