"""Tracks of a text: every token is predicted once, and training over them is one loop by hand."""

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(2, 60), st.integers(1, 9), st.integers(1, 8))
def test_every_token_is_predicted_once(tokens: int, window: int, batch_size: int) -> None:
    ids = np.arange(100, 100 + tokens)  # each its own, none 0
    x, y, lengths = rc.text.tracks(ids, window, batch_size)
    assert x.shape == y.shape == (len(lengths), window)
    assert len(x) % batch_size == 0
    seen: list[int] = []
    for row in range(batch_size):
        reads = np.concatenate(
            [w[:n] for w, n in zip(x[row::batch_size], lengths[row::batch_size], strict=True)]
        )
        writes = np.concatenate(
            [w[:n] for w, n in zip(y[row::batch_size], lengths[row::batch_size], strict=True)]
        )
        assert np.array_equal(reads + 1, writes)
        assert np.array_equal(np.diff(writes), np.ones(max(len(writes) - 1, 0)))  # a row goes on
        seen += writes.tolist()
    assert seen == ids[1:].tolist()
    behind = np.arange(window) >= lengths[:, np.newaxis]
    assert not x[behind].any()
    assert not y[behind].any()
    steps = -(-(tokens - 1) // batch_size)
    assert len(x) == batch_size * -(-steps // window)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
def test_where_it_goes_in_evenly_it_is_consecutive_windows(
    window: int, batch_size: int, windows: int
) -> None:
    ids = np.random.default_rng(0).integers(0, 9, window * batch_size * windows + 1)
    x, y, lengths = rc.text.tracks(ids, window, batch_size)
    assert np.array_equal(x, rc.consecutive_windows(ids[:-1], window, batch_size))
    assert np.array_equal(y, rc.consecutive_windows(ids[1:], window, batch_size))
    assert (lengths == window).all()


def test_training_is_truncated_bptt_by_hand() -> None:
    """Two tracks of unequal length: windows of each, the state carried on, an update after each."""
    ids = np.random.default_rng(1).integers(0, 7, 28)  # 14 and 13 predictions
    layers = [rc.Embedding(7, 3), rc.GRU(3, 5), rc.Linear(5, 7)]
    trained = rc.Network(layers, dtype="float64", seed=1)
    expected = rc.Network(layers, dtype="float64", seed=1)
    x, y, lengths = rc.text.tracks(ids, 4, 2)
    history = rc.fit(
        trained,
        x,
        y,
        lengths=lengths,
        loss="cross_entropy",
        optimizer=rc.SGD(0.5),
        batch_size=2,
        epochs=1,
        shuffle=False,
        stateful=True,
        progress=False,
    )
    updater, state, total = rc.SGD(0.5).bind(expected), None, 0.0
    first, second = ids[:15], ids[14:]
    for begin in range(0, 14, 4):
        parts = [track[begin : begin + 5] for track in (first, second)]
        counts = [len(part) - 1 for part in parts]
        reads, writes = np.zeros((2, 2, max(counts)), np.int64)
        for row, part in enumerate(parts):
            reads[row, : counts[row]], writes[row, : counts[row]] = part[:-1], part[1:]
        loss, gradient, state = expected.loss_and_gradient(
            reads, writes, "cross_entropy", lengths=counts, state=state, return_state=True
        )
        updater.update(gradient)
        total += loss * sum(counts)
    np.testing.assert_allclose(trained.flat, expected.flat, rtol=1e-12, atol=1e-14)
    assert history.loss[0] == pytest.approx(total / 27, rel=1e-12)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tracks: ids has shape \(1,\), expected \(tokens,\), at least 2"):
        rc.text.tracks([3], 4, 2)
    with pytest.raises(ValueError, match=r"tracks: ids has shape \(2, 2\), expected \(tokens,\)"):
        rc.text.tracks(np.ones((2, 2), np.int64), 4, 2)
    with pytest.raises(ValueError, match="tracks: window is 0, expected at least 1"):
        rc.text.tracks([1, 2], 0, 2)
    with pytest.raises(ValueError, match="tracks: batch_size is 0, expected at least 1"):
        rc.text.tracks([1, 2], 1, 0)
    with pytest.raises(TypeError, match="tracks: ids has dtype float64, expected integers"):
        rc.text.tracks([1.0, 2.0], 1, 1)
