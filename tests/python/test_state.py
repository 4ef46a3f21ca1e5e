"""States are values: carried over, copied, pickled, reset by row, and refused where they do not fit."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, NETWORKS, assert_close, build, close_to, draw_input, draw_state, draw_target

STATEFUL = [name for name in NETWORKS if len(build(name).initial_state())]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_two_halves_equal_the_whole(name: str, dtype: str) -> None:
    network, rng = build(name, dtype), np.random.default_rng(0)
    x, state = draw_input(network, (3, 10), rng), draw_state(network, 3, rng)
    lengths = np.array([10, 6, 2])
    whole, end = network(x, lengths=lengths, state=state, return_state=True)
    first, middle = network(x[:, :4].copy(), lengths=np.minimum(lengths, 4), state=state, return_state=True)
    second, last = network(
        x[:, 4:].copy(), lengths=np.maximum(lengths - 4, 0), state=middle, return_state=True
    )
    close = close_to(dtype)
    if whole.ndim == 3:
        assert_close(np.concatenate([first, second], axis=1), whole, close)
    else:
        assert_close(second[:2], whole[:2], close)
    for block in end:
        assert_close(last[block], end[block], close)


@pytest.mark.parametrize("name", STATEFUL)
def test_the_given_state_is_not_changed(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x, state = draw_input(network, (3, 4), rng), draw_state(network, 3, rng)
    kept = state.copy()
    y, last = network(x, state=state, return_state=True)
    network.loss_and_gradient(x, draw_target(network, y, "mse", rng), state=state)
    for block in state:
        assert np.array_equal(state[block], kept[block])
        assert not np.array_equal(last[block], kept[block])
        assert not np.shares_memory(last[block], state[block])


def test_is_a_mapping_of_writable_views() -> None:
    network = build("stack")
    state = network.initial_state(3)
    assert list(state) == ["0.h", "1.h", "1.c", "2.h"]
    assert len(state) == 4
    assert "1.c" in state
    assert "1.q" not in state
    assert {name: values.shape for name, values in state.items()} == {
        "0.h": (3, 5), "1.h": (3, 4), "1.c": (3, 4), "2.h": (3, 2)
    }  # fmt: skip
    assert state.batch_size == 3
    assert state.dtype == np.float64
    assert "1.c: (3, 4)" in repr(state)
    x = draw_input(network, (3, 2), np.random.default_rng(0))
    before = network(x, state=state)
    state["1.c"][1] = 0.5
    after = network(x, state=state)
    assert np.array_equal(after[[0, 2]], before[[0, 2]])
    assert not np.allclose(after[1], before[1])


@pytest.mark.parametrize("name", STATEFUL)
def test_copies_are_independent(name: str) -> None:
    state = draw_state(build(name), 2, np.random.default_rng(0))
    for other in (state.copy(), copy.copy(state), copy.deepcopy(state), pickle.loads(pickle.dumps(state))):
        assert other.dtype == state.dtype
        for block in state:
            assert np.array_equal(other[block], state[block])
            other[block][:] = 9
            assert not (state[block] == 9).any()
        other.reset()
        assert other == build(name).initial_state(2)


@pytest.mark.parametrize("name", STATEFUL)
def test_reset_puts_one_row_or_all_back(name: str) -> None:
    state = draw_state(build(name), 3, np.random.default_rng(0))
    kept = state.copy()
    state.reset(1)
    initial = build(name).initial_state(3)
    for block, values in state.items():
        assert np.array_equal(values[1], initial[block][1])
        assert np.array_equal(values[[0, 2]], kept[block][[0, 2]])
    state.reset()
    assert state == initial


@pytest.mark.parametrize("row", [-1, 3, 2**70])
def test_reset_of_a_row_that_is_not_there(row: int) -> None:
    state = draw_state(build("LSTM"), 3, np.random.default_rng(0))
    kept = state.copy()
    with pytest.raises(IndexError, match=rf"row is {row}, expected 0 .. 2"):
        state.reset(row)
    assert all(np.array_equal(state[block], kept[block]) for block in state)


def test_unknown_block() -> None:
    with pytest.raises(KeyError, match=r"'0.x'.*expected one of 0.h, 0.c"):
        build("LSTM").initial_state()["0.x"]


def test_initial_state_is_the_default() -> None:
    network = build("LSTM")
    x = draw_input(network, (2, 4), np.random.default_rng(0))
    assert np.array_equal(network(x, state=network.initial_state(2)), network(x))
    assert network.initial_state().batch_size == 1
    with pytest.raises(ValueError, match="batch_size is 0, expected at least 1"):
        network.initial_state(0)


@pytest.mark.parametrize("name", STATEFUL)
def test_passes_between_networks_batches_and_streams(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x = draw_input(network, (2, 6), rng)
    _, state = network(x[:, :3].copy(), return_state=True)
    stream = copy.deepcopy(network).stream(batch_size=2)
    stream.state = pickle.loads(pickle.dumps(state))
    y = np.stack([stream.step(x[:, t].copy()) for t in range(3, 6)], axis=1)
    whole = network(x[:, 3:].copy(), state=state)
    assert_close(y if whole.ndim == 3 else y[:, -1], whole)


def refused(network: rc.Network, state: Any, error: type[Exception], *words: str) -> None:  # noqa: ANN401
    x = np.zeros((2, 3, 3))
    stream = network.stream(batch_size=2)
    attempts = (
        lambda: network(x, state=state),
        lambda: network.loss_and_gradient(x, np.zeros((2, 3, 2)), state=state),
        lambda: setattr(stream, "state", state),
    )
    flat, before = network.flat.copy(), stream.state
    for attempt in attempts:
        with pytest.raises(error) as caught:
            attempt()
        assert all(word in str(caught.value) for word in ("state", "expected", *words))
    assert np.array_equal(network.flat, flat)
    assert all(np.array_equal(stream.state[block], before[block]) for block in before)


def test_states_that_do_not_fit() -> None:
    network = build("LSTM")
    refused(network, build("GRU(reset=after)").initial_state(2), ValueError, "0.h of GRU", "0.c of LSTM")
    refused(network, build("bare Embedding").initial_state(2), ValueError, "0.c of LSTM")
    refused(network, build("LSTM", "float32").initial_state(2), TypeError, "float32", "float64")
    refused(network, network.initial_state(3), ValueError, "3", "2")
    refused(network, np.zeros((2, 10)), TypeError, "ndarray", "recurra.State")
    refused(network, (np.zeros((2, 5)),) * 2, TypeError, "tuple", "recurra.State")
