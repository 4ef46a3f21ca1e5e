"""Perplexity against a bigram table, one long run, and texts by themselves."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, DTYPES, Array, assert_close, cell

TOKENS = 6


def layers_with(name: str, first: rc.Layer) -> list[rc.Layer]:
    """A cell between what gives 3 features and a readout."""
    width = rc.Network([cell(name, 3, 8)]).output_size
    return [first, cell(name, 3, 8), rc.Linear(width, TOKENS)]


def bigrams(seed: int = 0) -> Array:
    """p(w | v), rows v."""
    table = np.random.default_rng(seed).dirichlet(np.full(TOKENS, 0.5), TOKENS) + 1e-3
    normalised: Array = table / table.sum(axis=1, keepdims=True)
    return normalised


def bigram_network(table: Array, layer: rc.Layer, dtype: str = "float64", seed: int = 0) -> rc.Network:
    """A network without recurrent weights whose readout is solved for the logits log p(w | v)."""
    layers = [rc.Embedding(TOKENS, 4), layer]
    net = rc.Network([*layers, rc.Linear(8, TOKENS)], dtype=dtype, seed=seed)
    for name, value in net.parameters.items():
        if name in ("1.weight_hh", "1.bias"):
            value[...] = 0
        elif name.startswith("1."):
            value *= 3
    net.parameters["0.weight"][:] = 2 * np.random.default_rng(seed).normal(size=(TOKENS, 4))
    lower = rc.Network(layers, dtype=dtype)
    lower.flat[:] = net.flat[: lower.flat.size]
    hidden = lower(np.arange(TOKENS)[:, np.newaxis])[
        :, 0
    ]  # of each token as the first: of each token anywhere
    with_bias = np.concatenate([hidden, np.ones((TOKENS, 1))], axis=1)
    solved = np.linalg.lstsq(with_bias, np.log(table), rcond=None)[0]
    net.parameters["2.weight"][:], net.parameters["2.bias"][:] = solved[:-1].T, solved[-1]
    return net


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_without_recurrent_weights_it_is_a_bigram_model(activation: Any, dtype: str) -> None:  # noqa: ANN401
    table, ids = bigrams(), np.random.default_rng(1).integers(0, TOKENS, 500)
    net = bigram_network(table, rc.Elman(4, 8, activation=activation), dtype)
    expected = np.exp(-np.log(table[ids[:-1], ids[1:]]).mean())
    close = 1e-9 if dtype == "float64" else 1e-3
    assert rc.text.perplexity(net, ids) == pytest.approx(expected, rel=close)
    parts = np.exp(-np.log(table[ids[:-1], ids[1:]])[:249].mean())
    assert rc.text.perplexity(net, ids[:250], window=9, batch_size=4) == pytest.approx(parts, rel=close)


@pytest.mark.parametrize("name", CELLS)
def test_the_state_is_carried_whatever_the_window(name: str) -> None:
    """As one long run, by softmax of its outputs."""
    ids = np.random.default_rng(2).integers(0, TOKENS, 41)
    net = rc.Network(layers_with(name, rc.Embedding(TOKENS, 3)), dtype="float64", seed=4)
    logits = net(ids[:-1])
    logits -= logits.max(axis=1, keepdims=True)
    log_chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = np.exp(-log_chances[np.arange(40), ids[1:]].mean())
    for window in (1, 7, 40, 1000):
        assert rc.text.perplexity(net, ids, window=window) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_embedding_is_a_matrix_times_one_hot(name: str, dtype: str) -> None:
    ids = np.random.default_rng(3).integers(0, TOKENS, (2, 9))
    by_id = rc.Network(layers_with(name, rc.Embedding(TOKENS, 3)), dtype=dtype, seed=5)
    one_hot = rc.Network(layers_with(name, rc.Linear(TOKENS, 3, bias=False)), dtype=dtype, seed=6)
    one_hot.flat[:] = by_id.flat
    one_hot.parameters["0.weight"][:] = by_id.parameters["0.weight"].T
    x = np.eye(TOKENS, dtype=dtype)[ids[:, :-1]]
    close = (1e-10, 1e-12) if dtype == "float64" else (1e-4, 1e-5)
    assert_close(one_hot(x), by_id(ids[:, :-1]), close)
    loss, gradient = by_id.loss_and_gradient(ids[:, :-1], ids[:, 1:], "cross_entropy")
    same, slope = one_hot.loss_and_gradient(x, ids[:, 1:], "cross_entropy")
    size = TOKENS * 3
    assert same == pytest.approx(loss, rel=close[0])
    assert_close(slope[:size].reshape(3, TOKENS).T, gradient[:size].reshape(TOKENS, 3), close)
    assert_close(slope[size:], gradient[size:], close)


def test_tracks_side_by_side_begin_anew() -> None:
    ids = np.random.default_rng(4).integers(0, TOKENS, 32)  # 31 predictions: 11, 11, 9
    net = rc.Network([rc.Embedding(TOKENS, 3), rc.GRU(3, 5), rc.Linear(5, TOKENS)], dtype="float64", seed=1)
    parts = [ids[:12], ids[11:23], ids[22:]]
    expected = sum(np.log(rc.text.perplexity(net, part)) * (len(part) - 1) for part in parts) / 31
    assert np.log(rc.text.perplexity(net, ids, window=4, batch_size=3)) == pytest.approx(expected, rel=1e-12)
    assert np.log(rc.text.perplexity(net, ids)) != pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("window", [1, 6, 500])
def test_texts_that_have_nothing_to_do_with_each_other(window: int) -> None:
    rng = np.random.default_rng(5)
    texts = [rng.integers(0, TOKENS, length) for length in (2, 30, 7, 3, 300, 12)]
    net = rc.Network([rc.Embedding(TOKENS, 3), rc.LSTM(3, 5), rc.Linear(5, TOKENS)], dtype="float64", seed=1)
    counts = [len(text) - 1 for text in texts]
    losses = [np.log(rc.text.perplexity(net, text)) for text in texts]
    expected = np.exp(np.average(losses, weights=counts))
    assert rc.text.perplexity(net, texts, window=window, batch_size=2) == pytest.approx(expected, rel=1e-12)


def test_it_is_infinite_where_a_token_cannot_be() -> None:
    net = rc.Network([rc.Embedding(2, 1), rc.Linear(1, 2)])
    net.parameters["1.weight"][:] = 0
    net.parameters["1.bias"][:] = [1e4, 0]
    assert rc.text.perplexity(net, [0, 1, 1]) == np.inf
    assert rc.text.perplexity(net, [0, 0, 0]) == 1


def test_what_is_refused() -> None:
    net = rc.Network([rc.Embedding(2, 3), rc.Linear(3, 2)])
    with pytest.raises(
        ValueError, match=r"perplexity: ids has shape \(1,\), expected \(tokens,\), at least 2"
    ):
        rc.text.perplexity(net, [1])
    with pytest.raises(ValueError, match=r"perplexity: ids\[1\] has shape \(1,\)"):
        rc.text.perplexity(net, [np.array([0, 1]), np.array([1])])
    with pytest.raises(ValueError, match="perplexity: window is 0, expected at least 1"):
        rc.text.perplexity(net, [0, 1], window=0)
    with pytest.raises(ValueError, match="2"):
        rc.text.perplexity(net, [0, 2])
    with pytest.raises(TypeError, match="perplexity: network is a int"):
        rc.text.perplexity(3, [0, 1])  # type: ignore[arg-type]
