"""Token by token: the first recurrent language models' training against a transcription in NumPy."""

import itertools
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, Array, cell

TOKENS, UNITS = 7, 5


def text(length: int = 40) -> Array:
    return np.random.default_rng(0).integers(0, TOKENS, length)


def mikolov(tied: bool) -> rc.Network:
    layers = [
        rc.Embedding(TOKENS, UNITS),
        rc.Elman(UNITS, UNITS, activation="logistic"),
        rc.Linear(UNITS, TOKENS),
    ]
    net = rc.Network(layers, dtype="float64", seed=1)
    if tied:
        net.tie("0.weight", "2.weight")
    return net


def transcription(
    net: rc.Network, ids: Array, window: int, rate: float, tied: bool
) -> tuple[float, dict[str, Array]]:
    """Elman's network, softmax, errors over `window` steps, each by the weights that it was made with."""
    p = {name: value.copy() for name, value in net.parameters.items()}
    past: list[tuple[Array, ...]] = []
    h, total = np.zeros(UNITS), 0.0
    for read, wanted in itertools.pairwise(ids):
        E, W, R, b = p["0.weight"], p["1.weight_ih"], p["1.weight_hh"], p["1.bias"]
        new = 1 / (1 + np.exp(-(W @ E[read] + R @ h + b)))
        past = [*past, (read, E[read].copy(), h, new, W, R)][-window:]
        logits = p["2.weight"] @ new + p["2.bias"]
        chances = np.exp(logits) / np.exp(logits).sum()
        total -= np.log(chances[wanted])
        d = {name: np.zeros_like(value) for name, value in p.items()}
        error = chances - np.eye(TOKENS)[wanted]
        d["2.weight"], d["2.bias"] = np.outer(error, new), error
        dh = p["2.weight"].T @ error
        for symbol, embedded, before, after, W_then, R_then in reversed(past):
            da = dh * after * (1 - after)
            d["1.weight_ih"] += np.outer(da, embedded)
            d["1.weight_hh"] += np.outer(da, before)
            d["1.bias"] += da
            d["0.weight"][symbol] += W_then.T @ da
            dh = R_then.T @ da
        if tied:
            d["0.weight"] += d["2.weight"]
        p = {name: value - rate * d[name] for name, value in p.items()}
        if tied:
            p["2.weight"] = p["0.weight"].copy()
        h = new
    return total / (len(ids) - 1), p


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("window", [1, 3, 5])
def test_equals_a_transcription(window: int, tied: bool) -> None:
    net = mikolov(tied)
    expected, parameters = transcription(net, text(), window, 0.3, tied)
    learner = rc.Online(net, rc.BPTT(window), "cross_entropy", rc.SGD(0.3))
    assert rc.text.learn_online(learner, text()) == pytest.approx(expected, rel=1e-12)
    for name, value in net.parameters.items():
        np.testing.assert_allclose(value, parameters[name], rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", CELLS)
def test_a_window_of_one_is_a_loop_by_hand(name: str) -> None:
    width = rc.Network([cell(name, 3, 8)]).output_size
    layers = [rc.Embedding(TOKENS, 3), cell(name, 3, 8), rc.Linear(width, TOKENS)]
    net = rc.Network(layers, dtype="float64", seed=2)
    expected = rc.Network(layers, dtype="float64", seed=2)
    learner = rc.Online(net, rc.BPTT(1), "cross_entropy", rc.SGD(0.1))
    found = rc.text.learn_online(learner, text(25))
    updater, state, total = rc.SGD(0.1).bind(expected), expected.initial_state(), 0.0
    for t in range(24):
        loss, gradient, state = expected.loss_and_gradient(
            text(25)[t : t + 1], text(25)[t + 1 : t + 2], "cross_entropy", state=state, return_state=True
        )
        updater.update(gradient)
        total += loss
    assert found == pytest.approx(total / 24, rel=1e-10)
    np.testing.assert_allclose(net.flat, expected.flat, rtol=1e-9, atol=1e-11)


def test_without_a_rate_it_is_the_perplexity() -> None:
    net = mikolov(False)
    learner = rc.Online(net, rc.BPTT(5), "cross_entropy", rc.SGD(0.0))
    found = rc.text.learn_online(learner, text())
    assert np.exp(found) == pytest.approx(rc.text.perplexity(net, text()), rel=1e-12)


def test_dynamic_evaluation_follows_a_text_that_changes() -> None:
    """A text that repeats what the model has never seen: it is learned while it is scored."""
    net = mikolov(True)
    ids = np.tile([0, 3, 3, 5, 1], 120)
    still = rc.text.perplexity(net, ids)
    learner = rc.Online(net, rc.BPTT(5), "cross_entropy", rc.SGD(0.3))
    first, second = (np.exp(rc.text.learn_online(learner, part)) for part in (ids[:301], ids[300:]))
    assert second < first < still
    assert second < 1.3


def test_it_goes_on_from_its_state_and_tells_its_progress() -> None:
    ids = np.random.default_rng(3).integers(0, TOKENS, 2501)
    whole, parts = mikolov(False), mikolov(False)
    options: dict[str, Any] = {"rule": rc.BPTT(3), "loss": "cross_entropy", "optimizer": rc.SGD(0.1)}
    told: list[tuple[int, float]] = []
    found = rc.text.learn_online(rc.Online(whole, **options), ids, lambda *now: told.append(now))
    learner = rc.Online(parts, **options)
    losses = [rc.text.learn_online(learner, part) for part in (ids[:1001], ids[1000:])]
    assert [number for number, _ in told] == [1000, 2000, 2500]
    assert told[0][1] == losses[0]
    assert told[-1][1] == found == pytest.approx((losses[0] * 1000 + losses[1] * 1500) / 2500, rel=1e-12)
    assert np.array_equal(whole.flat, parts.flat)


def test_what_is_refused() -> None:
    net = mikolov(False)
    learner = rc.Online(net, rc.BPTT(3), "cross_entropy")
    before = net.flat.copy()
    with pytest.raises(ValueError, match=r"learn_online: ids has shape \(1,\), expected"):
        rc.text.learn_online(learner, [1])
    with pytest.raises(TypeError, match="learn_online: ids has dtype float64"):
        rc.text.learn_online(learner, [1.0, 2.0])
    with pytest.raises(TypeError, match=r"learner is a Network, expected a recurra\.Online"):
        rc.text.learn_online(net, [1, 2])  # type: ignore[arg-type]
    rows = rc.Online(net, rc.BPTT(3), "cross_entropy", batch_size=2)
    with pytest.raises(ValueError, match="learn_online: learner has batch_size 2, expected None"):
        rc.text.learn_online(rows, [1, 2])
    with pytest.raises(ValueError, match="7"):
        rc.text.learn_online(learner, [TOKENS, 2])
    assert np.array_equal(net.flat, before)
