"""Ragged batches: lengths in any order and 0, and what lies behind a sequence's end never matters."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st
from problems import (
    DTYPES,
    LOSSES,
    NETWORKS,
    POOLING,
    Array,
    LossName,
    assert_close,
    build,
    close_to,
    draw_input,
    draw_state,
    draw_target,
    pose,
)

POOLED = [name for name in NETWORKS if any(layer in name for layer in POOLING)]


def spoil(values: Array, lengths: Array, poison: float) -> Array:
    """The same values with other ones behind the ends."""
    spoiled = values.copy()
    for row, length in zip(spoiled, lengths, strict=True):
        row[length:] = poison
    return spoiled


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_row_by_row(name: str, dtype: str) -> None:
    problem = pose(build(name, dtype))
    network, lengths = problem.network, problem.lengths
    y, last = network(problem.x, lengths=lengths, state=problem.state, return_state=True)
    close = close_to(dtype)
    for row, length in enumerate(lengths):
        start = network.initial_state(1)
        for block, values in start.items():
            values[:] = problem.state[block][row]
        if length == 0:
            expected, end = np.zeros_like(y[row]), start
            if name in POOLED:
                expected = network(problem.x[row], lengths=[0], state=start)
        else:
            expected, end = network(problem.x[row, :length], state=start, return_state=True)
        got = y[row] if name in POOLED else y[row, :length]
        assert_close(got, expected if name in POOLED else expected[:length], close)
        if name not in POOLED:
            assert not y[row, length:].any()
        for block, values in end.items():
            assert_close(last[block][row], values[0], close)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NETWORKS)
def test_padding_never_matters(name: str, loss: LossName) -> None:
    problem = pose(build(name), loss)
    network, lengths, state = problem.network, problem.lengths, problem.state
    clean_y, clean_state = network(problem.x, lengths=lengths, state=state, return_state=True)
    clean_value, clean_gradient = problem.value_and_gradient()
    poisons = (-7, 10**9) if problem.x.dtype.kind == "i" else (np.nan, np.inf, -1e300)
    for poison in poisons:
        x = spoil(problem.x, lengths, poison)
        target = problem.target
        if name in POOLED:
            target = target.copy()
            target[lengths == 0] = -1 if loss == "cross_entropy" else np.nan
        else:
            target = spoil(target, lengths, -100 if loss == "cross_entropy" else np.nan)
        y, last = network(x, lengths=lengths, state=state, return_state=True)
        value, gradient = network.loss_and_gradient(x, target, loss, lengths=lengths, state=state)
        assert np.array_equal(y, clean_y)
        assert all(np.array_equal(last[block], clean_state[block]) for block in last)
        assert value == clean_value
        assert np.array_equal(gradient, clean_gradient)


@pytest.mark.parametrize("name", POOLED)
def test_a_sequence_without_steps_pools_to_zero(name: str) -> None:
    network = rc.Network(NETWORKS[name]()[:2])
    if not network._core.pools:
        network = rc.Network(NETWORKS[name]()[:3])
    x = draw_input(network, (2, 3), np.random.default_rng(0))
    y = network(x, lengths=[0, 3])
    expected = np.full_like(y[0], 0)
    assert np.array_equal(y[0], expected)
    assert y[1].any()


@given(st.data())
def test_any_lengths_equal_the_sequences_alone(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(NETWORKS)))
    time = data.draw(st.integers(1, 12))
    lengths = np.array(data.draw(st.lists(st.integers(0, time), min_size=1, max_size=9)))
    loss = data.draw(st.sampled_from(LOSSES))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    network = build(name)
    x = draw_input(network, (len(lengths), time), rng)
    y = network(x, lengths=lengths)
    target = draw_target(network, y, loss, rng)
    value, gradient = network.loss_and_gradient(x, target, loss, lengths=lengths)

    total, sums, entries = 0.0, np.zeros_like(gradient), 0
    for row, length in enumerate(lengths):
        if length == 0:
            continue
        weight = 1 if name in POOLED else int(length)
        goal = target[row] if name in POOLED else target[row, :length]
        one, part = network.loss_and_gradient(x[row, :length], goal, loss)
        total, sums, entries = total + weight * one, sums + weight * part, entries + weight
    assert value == pytest.approx(total / max(entries, 1), rel=1e-10, abs=1e-14)
    assert_close(gradient, sums / max(entries, 1), (1e-9, 1e-12))


@pytest.mark.parametrize("name", NETWORKS)
def test_order_does_not_matter(name: str) -> None:
    network, rng = build(name), np.random.default_rng(1)
    lengths = np.array([3, 0, 5, 1, 5, 2, 4])
    x, state = draw_input(network, (7, 5), rng), draw_state(network, 7, rng)
    y, last = network(x, lengths=lengths, state=state, return_state=True)
    order = rng.permutation(7)
    moved = state.copy()
    for block in state:
        moved[block][:] = state[block][order]
    other, end = network(x[order], lengths=lengths[order], state=moved, return_state=True)
    assert_close(other, y[order])
    for block in last:
        assert_close(end[block], last[block][order])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_valid_gives_no_loss_and_no_gradient(name: str, loss: LossName) -> None:
    problem = pose(build(name), loss)
    value, gradient, state = problem.network.loss_and_gradient(
        problem.x, problem.target, loss, lengths=[0, 0, 0, 0], state=problem.state, return_state=True
    )
    assert value == 0
    assert not gradient.any()
    assert all(np.array_equal(state[block], problem.state[block]) for block in state)


@pytest.mark.parametrize("kind", ["list", "int8", "uint64", "strided"])
def test_lengths_may_be_any_integers(kind: str) -> None:
    network = build("LSTM")
    x = draw_input(network, (3, 4), np.random.default_rng(0))
    expected = network(x, lengths=np.array([1, 0, 4]))
    lengths: Any = {
        "list": [1, 0, 4],
        "int8": np.array([1, 0, 4], np.int8),
        "uint64": np.array([1, 0, 4], np.uint64),
        "strided": np.array([1, 9, 0, 9, 4])[::2],
    }[kind]
    assert np.array_equal(network(x, lengths=lengths), expected)
