"""Streams: a step at a time equals the batch, on a snapshot of the weights, by one thread at a time."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, NETWORKS, Array, assert_close, build, close_to, draw_input, draw_state


def prefixes(network: rc.Network, x: Array, state: rc.State | None = None) -> Array:
    """What the batch gives after each step: (batch, time, output), of a pooled network too."""
    y = network(x, state=state)
    if y.ndim == 3:
        return y
    return np.stack([network(x[:, : t + 1].copy(), state=state) for t in range(x.shape[1])], axis=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_equal_the_batch(name: str, dtype: str) -> None:
    network = build(name, dtype)
    x = draw_input(network, (3, 8), np.random.default_rng(0))
    expected = prefixes(network, x)

    stream = network.stream()
    assert stream.batch_size == 1
    y = np.stack([stream.step(x[0, t]) for t in range(8)])
    assert y.dtype == network.dtype
    assert_close(y, expected[0], close_to(dtype))

    wide = network.stream(batch_size=3)
    assert wide.batch_size == 3
    y = np.stack([wide.step(x[:, t].copy()) for t in range(8)], axis=1)
    assert_close(y, expected, close_to(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_out_gets_the_same_bits(name: str, dtype: str) -> None:
    network, rng = build(name, dtype), np.random.default_rng(0)
    for batch_size in (None, 2):
        x = draw_input(network, (5, *([] if batch_size is None else [2])), rng)
        new, given = network.stream(batch_size), network.stream(batch_size)
        out = np.empty((*([] if batch_size is None else [2]), network.output_size), dtype)
        for x_t in x:
            assert given.step(x_t, out=out) is out
            assert np.array_equal(out, new.step(x_t))
        assert given.step(x[0], out) is out


def test_ids_may_be_any_integers() -> None:
    network = build("Embedding")
    expected = network(np.array([4]))[0]
    for x in (4, np.int64(4), np.uint8(4), np.uint64(4), np.array(4)):
        assert_close(network.stream().step(x), expected)
    for ids in ([4, 4], np.array([4, 4], np.int8)):
        assert_close(network.stream(2).step(ids), [expected] * 2)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_state_can_be_taken_and_put_back(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x, start = draw_input(network, (2, 6), rng), draw_state(network, 2, rng)
    stream = network.stream(batch_size=2)
    stream.state = start
    got = stream.state
    assert list(got) == list(start)
    for block in start:
        assert np.array_equal(got[block], start[block])
        assert not np.shares_memory(got[block], start[block])
    expected = prefixes(network, x, start)
    y = [stream.step(x[:, t].copy()) for t in range(3)]
    middle = stream.state
    y += [stream.step(x[:, t].copy()) for t in range(3, 6)]
    assert_close(np.stack(y, axis=1), expected)

    for values in got.values():
        values[:] = 7
    stream.state = middle
    for t in range(3, 6):
        assert np.array_equal(stream.step(x[:, t].copy()), y[t])
    for block, values in network(x, state=start, return_state=True)[1].items():
        assert_close(stream.state[block], values)


@pytest.mark.parametrize("name", NETWORKS)
def test_reset(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x = draw_input(network, (4, 3), rng)
    stream = network.stream(batch_size=3)
    first = [stream.step(x_t) for x_t in x]
    kept = stream.state
    stream.reset(1)
    initial = network.initial_state(3)
    for block, values in stream.state.items():
        assert np.array_equal(values[1], initial[block][1])
        assert np.array_equal(values[[0, 2]], kept[block][[0, 2]])
    after = stream.step(x[0])
    stream.reset()
    assert stream.state == initial
    again = [stream.step(x_t) for x_t in x]
    assert np.array_equal(after[1], first[0][1])
    assert all(np.array_equal(left, right) for left, right in zip(first, again, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_are_a_snapshot_until_reload(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x, state = draw_input(network, (6,), rng), draw_state(network, 1, rng)
    stream, untouched = network.stream(), network.stream()
    stream.state = untouched.state = state
    untouched_y = [untouched.step(x_t) for x_t in x]
    first = [stream.step(x_t) for x_t in x[:2]]
    network.flat[:] *= -0.5
    first += [stream.step(x_t) for x_t in x[2:4]]
    assert all(np.array_equal(left, right) for left, right in zip(first, untouched_y[:4], strict=True))
    kept = stream.state
    stream.reload()
    assert all(np.array_equal(stream.state[block], kept[block]) for block in kept)
    expected = prefixes(network, x[np.newaxis, 4:].copy(), kept)[0]
    assert_close([stream.step(x_t) for x_t in x[4:]], expected)


def test_outlives_the_network() -> None:
    stream = build("LSTM").stream()
    _ = [rc.Network([rc.LSTM(3, 64)]) for _ in range(20)]
    assert np.isfinite(stream.step(np.ones(3))).all()
    stream.reload()
    fresh = build("LSTM").stream()
    fresh.step(np.ones(3))
    assert np.array_equal(stream.step(np.ones(3)), fresh.step(np.ones(3)))


def test_two_threads_at_once_are_refused() -> None:
    network = rc.Network([rc.LSTM(8, 512)])
    assert network.flat.size > 500_000
    stream = network.stream(batch_size=16)
    x = np.ones((16, 8), np.float32)
    errors: list[Exception] = []
    steps = 0
    deadline = time.monotonic() + 30
    lock = threading.Lock()

    def work() -> None:
        nonlocal steps
        while not errors and time.monotonic() < deadline:
            try:
                stream.step(x)
                with lock:
                    steps += 1
            except RuntimeError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "step: the stream is in use by another thread, expected one thread at a time" in str(errors[0])
    reference = network.stream(batch_size=16)
    for _ in range(steps):
        reference.step(x)
    assert np.array_equal(stream.state["0.h"], reference.state["0.h"])


def test_two_streams_in_two_threads() -> None:
    network = rc.Network([rc.LSTM(8, 400)])
    x = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    expected = network(x)
    results: dict[int, Array] = {}

    def work(i: int) -> None:
        stream = network.stream()
        results[i] = np.stack([stream.step(x_t) for x_t in x])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for y in results.values():
        assert_close(y, expected, (2e-5, 2e-6))


STATUS = Path("/proc/self/statm")


@pytest.mark.skipif(not STATUS.exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("name", ["LSTM", "Embedding and Mean", "Max"])
def test_memory_does_not_grow(name: str) -> None:
    network = build(name, "float32")
    x = draw_input(network, (), np.random.default_rng(0))
    stream, out = network.stream(), np.empty(network.output_size, np.float32)

    def pages_after(steps: int) -> int:
        for _ in range(steps):
            stream.step(x, out)
            stream.step(x)
        return int(STATUS.read_text().split()[1])

    before = pages_after(2_000)
    # A leak of 32 bytes a step would add 1500 pages of 4 KiB.
    assert pages_after(100_000) - before < 500
