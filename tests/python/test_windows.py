"""Windows of a long series."""

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(1, 30), st.data())
def test_windows_are_slices(time: int, data: st.DataObject) -> None:
    length, stride = data.draw(st.integers(1, time)), data.draw(st.integers(1, 40))
    features = data.draw(st.sampled_from([(), (1,), (3,)]))
    series = np.arange(time * int(np.prod(features))).reshape(time, *features)
    windows = rc.windows(series, length, stride)
    assert windows.shape == ((time - length) // stride + 1, length, *features)
    for i, window in enumerate(windows):
        assert np.array_equal(window, series[i * stride : i * stride + length])


def test_a_copy_of_the_same_dtype() -> None:
    for series in (
        np.arange(6, dtype=np.float32),
        np.arange(12, dtype=">i2").reshape(6, 2)[:, ::-1],
        np.arange(6)[::-1],
    ):
        windows = rc.windows(series, 3)
        assert windows.dtype == series.dtype
        assert windows.flags.c_contiguous
        kept = series.copy()
        windows[:] = 0
        assert np.array_equal(series, kept)
    assert rc.windows([1.0, 2.0, 3.0], 2).tolist() == [[1.0, 2.0], [2.0, 3.0]]


@given(st.integers(1, 6), st.integers(1, 5), st.data())
def test_consecutive_windows_are_slices_of_parts(length: int, batch_size: int, data: st.DataObject) -> None:
    batches = data.draw(st.integers(1, 5))
    left_over = data.draw(st.integers(0, length * batch_size - 1))
    features = data.draw(st.sampled_from([(), (1,), (3,)]))
    time = batches * length * batch_size + left_over
    series = np.arange(time * int(np.prod(features))).reshape(time, *features)
    kept = series.copy()
    cut = rc.consecutive_windows(series, length, batch_size)
    assert cut.shape == (batches * batch_size, length, *features)
    assert cut.flags.c_contiguous
    assert cut.dtype == series.dtype
    for row in range(batch_size):
        start = row * batches * length
        assert np.array_equal(np.concatenate(cut[row::batch_size]), series[start : start + batches * length])
    cut[:] = -1
    assert np.array_equal(series, kept)


@pytest.mark.parametrize(
    ("series", "length", "batch_size", "message"),
    [
        (
            np.zeros((2, 2, 2)),
            1,
            1,
            r"series has shape \(2, 2, 2\), expected \(time,\) or \(time, features\)",
        ),
        (np.zeros(11), 4, 3, r"series has 11 steps, expected at least length \* batch_size = 12"),
        (np.zeros(0), 1, 1, r"series has 0 steps, expected at least length \* batch_size = 1"),
        (np.zeros(5), 0, 1, "length is 0, expected at least 1"),
        (np.zeros(5), 2, -1, "batch_size is -1, expected at least 1"),
    ],
)
def test_what_does_not_fit_consecutively(
    series: np.ndarray, length: int, batch_size: int, message: str
) -> None:
    with pytest.raises(ValueError, match=f"consecutive_windows: {message}"):
        rc.consecutive_windows(series, length, batch_size)


@pytest.mark.parametrize(
    ("series", "length", "stride", "message"),
    [
        (
            np.zeros((2, 2, 2)),
            1,
            1,
            r"series has shape \(2, 2, 2\), expected \(time,\) or \(time, features\)",
        ),
        (np.zeros(()), 1, 1, r"series has shape \(\), expected \(time,\) or \(time, features\)"),
        (np.zeros(5), 6, 1, "length is 6, expected 1 .. 5"),
        (np.zeros(5), 0, 1, "length is 0, expected at least 1"),
        (np.zeros(5), -1, 1, "length is -1, expected at least 1"),
        (np.zeros(0), 1, 1, "length is 1, expected 1 .. 0"),
        (np.zeros(5), 2, 0, "stride is 0, expected at least 1"),
        (np.zeros(5), 2, -1, "stride is -1, expected at least 1"),
    ],
)
def test_what_does_not_fit(series: np.ndarray, length: int, stride: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"windows: {message}"):
        rc.windows(series, length, stride)


def test_whole_numbers() -> None:
    with pytest.raises(TypeError, match=r"windows: length is 2.0, expected an integer"):
        rc.windows(np.zeros(5), 2.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="windows: stride is '1', expected an integer"):
        rc.windows(np.zeros(5), 2, "1")  # type: ignore[arg-type]
