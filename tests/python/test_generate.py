"""Sampling: frequencies are those of the softmax, and what cannot be drawn is not."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from problems import DTYPES, Array
from recurra._sampling import Sampling
from test_perplexity import TOKENS, bigram_network, bigrams

stats = pytest.importorskip("scipy.stats")


def net(dtype: str = "float32") -> rc.Network:
    layers = [rc.Embedding(TOKENS, 4), rc.GRU(4, 8), rc.LSTM(8, 8), rc.Linear(8, TOKENS)]
    made = rc.Network(layers, dtype=dtype, seed=2)
    made.parameters["3.weight"][:] *= 8  # some symbols are likely
    return made


def softmax(logits: Array) -> Array:
    chances = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances /= chances.sum(axis=-1, keepdims=True)
    return np.asarray(chances)


def likely(observed: Array, chances: Array) -> float:
    """Pearson's chi-square test: how often draws are further from what is expected."""
    possible = chances > 0
    assert not observed[~possible].any()
    return float(stats.chisquare(observed[possible], observed.sum() * chances[possible]).pvalue)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_frequencies_match_the_softmax(temperature: float) -> None:
    network, prompt = net(), np.array([1, 5, 0])
    drawn = network.generate(np.tile(prompt, (20000, 1)), 1, temperature=temperature, seed=3)
    chances = softmax(network(prompt)[-1].astype(float) / temperature)
    assert likely(np.bincount(drawn[:, 0], minlength=TOKENS), chances) > 0.01
    wrong = softmax(network(prompt)[-1].astype(float) / (1.3 * temperature))
    assert likely(np.bincount(drawn[:, 0], minlength=TOKENS), wrong) < 1e-3


def test_transitions_match_the_bigram_table() -> None:
    """Also far from the prompt, where each symbol was drawn by the model."""
    table = bigrams(3)
    table = (table + 0.05) / (table + 0.05).sum(axis=1, keepdims=True)  # every symbol is drawn often
    network = bigram_network(table, rc.Elman(4, 8))
    drawn = network.generate(np.zeros((500, 1), np.int64), 40, seed=1)
    seen = np.zeros((TOKENS, TOKENS))
    np.add.at(seen, (drawn[:, :-1], drawn[:, 1:]), 1)
    assert seen.sum(axis=1).min() > 100
    for v in range(TOKENS):
        assert likely(seen[v], table[v]) > 0.003, v


def kept(chances: Array, top_k: int | None, top_p: float | None) -> list[int]:
    """By its definition, one symbol after the other."""
    order = sorted(range(len(chances)), key=lambda i: (-chances[i], i))[:top_k]
    total, found, sum_of_all = 0.0, [], sum(chances[i] for i in order)
    for i in order:
        found.append(i)
        total += chances[i] / sum_of_all
        if top_p is not None and total >= top_p - 1e-9:
            break
    return sorted(found)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
    st.one_of(st.none(), st.integers(1, 8)),
    st.one_of(st.none(), st.floats(0.013, 0.987)),
)
def test_the_support(weights: list[int], top_k: int | None, top_p: float | None) -> None:
    chances = np.array(weights) / sum(weights)
    sums = np.cumsum(np.sort(chances)[::-1][:top_k])
    assume(top_p is None or np.abs(sums / sums[-1] - top_p).min() > 1e-9)  # where rounding decides nothing
    found = Sampling(1.0, top_k, top_p).probabilities(np.log(chances))
    expected = kept(chances, top_k, top_p)
    assert np.flatnonzero(found).tolist() == expected
    np.testing.assert_allclose(found[expected], chances[expected] / chances[expected].sum(), rtol=1e-12)


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=st.floats(-1e3, 1e3)),
    st.one_of(st.just(0.0), st.floats(1e-300, 1e300)),
    st.integers(1, 6),
    st.floats(1e-300, 1.0),
    st.integers(0, 99),
)
def test_any_logits(logits: Array, temperature: float, top_k: int, top_p: float, seed: int) -> None:
    sampling = Sampling(temperature, top_k, top_p)
    chances = sampling.probabilities(logits)
    np.testing.assert_allclose(chances.sum(axis=-1), 1, rtol=1e-12)
    best = logits.argmax(axis=-1)[:, np.newaxis]
    assert (np.take_along_axis(chances, best, axis=1)[:, 0] == chances.max(axis=1)).all()
    drawn = sampling.draw(logits, np.random.default_rng(seed))
    assert (np.take_along_axis(chances, drawn[:, np.newaxis], axis=1) > 0).all()


@pytest.mark.parametrize("top_k", [1, 3])
def test_only_the_likeliest_are_drawn(top_k: int) -> None:
    network = net()
    drawn = network.generate([1], 200, top_k=top_k, seed=4)
    logits = network(np.concatenate([[1], drawn[:-1]]))
    ranks = (logits > np.take_along_axis(logits, drawn[:, np.newaxis], axis=1)).sum(axis=1)
    assert ranks.max() == top_k - 1
    assert np.array_equal(drawn, network.generate([1], 200, temperature=0)) == (top_k == 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_greedy_is_a_loop_by_hand(dtype: str) -> None:
    network, text = net(dtype), [0, 3]
    for _ in range(30):
        text.append(int(network(text)[-1].argmax()))
    assert network.generate([0, 3], 30, temperature=0).tolist() == text[2:]
    both = network.generate([[0, 3], [0, 3]], 30, temperature=0)
    assert both.tolist() == [text[2:]] * 2


def test_a_long_prompt() -> None:
    prompt = np.random.default_rng(0).integers(0, TOKENS, 200)
    network = net("float64")
    expected = softmax(network(prompt)[-1])
    drawn = network.generate(np.tile(prompt, (5000, 1)), 1)
    assert likely(np.bincount(drawn[:, 0], minlength=TOKENS), expected) > 0.01


def test_the_same_seed_draws_the_same() -> None:
    network = net()
    flat = network.flat.copy()
    first = network.generate([1, 2], 50, seed=7)
    assert first.shape == (50,)
    assert first.dtype == np.int64
    assert np.array_equal(first, network.generate(np.array([1, 2], np.int32), 50, seed=7))
    assert not np.array_equal(first, network.generate([1, 2], 50, seed=8))
    assert np.array_equal(first[:20], network.generate([1, 2], 20, seed=7))
    assert len(set(map(tuple, network.generate(np.ones((5, 1), np.int64), 50)))) == 5
    assert network.generate([1], 8, weights="int8").shape == (8,)
    assert np.array_equal(network.flat, flat)


def test_fewer_outputs_than_inputs() -> None:
    """A symbol that begins a text and is never drawn."""
    network = rc.Network([rc.Embedding(4, 3), rc.Linear(3, 3)])
    assert network.generate([3], 100).max() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "generate: steps is 0, expected at least 1"),
        ({"temperature": -0.1}, "generate: temperature is -0.1, expected a finite number >= 0"),
        ({"temperature": float("nan")}, "generate: temperature is nan, expected a finite"),
        ({"temperature": float("inf")}, "generate: temperature is inf, expected a finite"),
        ({"top_k": 0}, "generate: top_k is 0, expected at least 1"),
        ({"top_k": 7}, "generate: top_k is 7, expected 1 .. 6"),
        ({"top_p": 0.0}, "generate: top_p is 0.0, expected 0 < top_p <= 1"),
        ({"top_p": 1.1}, "generate: top_p is 1.1, expected"),
        ({"seed": -1}, "seed is -1, expected an integer in 0"),
        ({"prompt": np.zeros((0, 2), np.int64)}, r"generate: prompt has shape \(0, 2\), expected"),
        ({"prompt": [6]}, "6"),
        ({"prompt": [-1]}, "-1"),
    ],
)
def test_wrong_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        net().generate(**{"prompt": [0], "steps": 2, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": []}, "generate: prompt has dtype float64, expected integers"),
        ({"prompt": [0.5]}, "generate: prompt has dtype float64, expected integers"),
        ({"steps": 2.0}, "generate: steps is 2.0, expected an integer"),
        ({"top_k": 1.5}, "generate: top_k is 1.5, expected an integer"),
        ({"top_p": "0.5"}, "generate: top_p is '0.5', expected a number"),
        ({"temperature": True}, "generate: temperature is True, expected a number"),
    ],
)
def test_wrong_kinds(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        net().generate(**{"prompt": [0], "steps": 2, **options})


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([rc.Linear(3, 3)], "expected an Embedding first and an output at every step"),
        ([rc.Embedding(3, 2), rc.Last(), rc.Linear(2, 3)], "an output at every step"),
        ([rc.Embedding(3, 2), rc.Linear(2, 4)], "has 4 outputs, expected at most 3"),
    ],
)
def test_networks_that_write_nothing(layers: list[rc.Layer], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rc.Network(layers).generate([0], 3)


def test_outputs_that_are_not_finite() -> None:
    network = net()
    network.parameters["3.bias"][:] = 3e38
    network.parameters["3.weight"][:] = 3e38
    with pytest.raises(OverflowError, match="generate: an output is not finite"):
        network.generate([0], 3)
