"""Real arrays of another precision or byte order are converted, with a warning; other layouts are copied."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import recurra as rc
from problems import Array, build, refused

X = np.random.default_rng(0).normal(size=(2, 4, 3))
TARGET = np.zeros((2, 4, 2))


def unaligned(x: Array) -> Array:
    return np.frombuffer(b"0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


CONVERSIONS: dict[str, tuple[Callable[[Array], Array], str]] = {
    "float64": (lambda x: x.astype("float64"), "dtype float64, expected float32"),
    "float16": (lambda x: x.astype("float16"), "dtype float16, expected float32"),
    "longdouble": (lambda x: x.astype("longdouble"), "expected float32"),
    "big-endian": (lambda x: x.astype(">f4"), "byte order '>'"),
}  # fmt: skip
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "transposed": lambda x: np.asfortranarray(x),
    "strided": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "reversed": lambda x: x[::-1].copy()[::-1],
    "unaligned": unaligned,
}


@pytest.mark.parametrize("case", CONVERSIONS)
def test_real_arrays_are_converted_with_a_warning(case: str) -> None:
    convert, reason = CONVERSIONS[case]
    network = build("LSTM", "float32")
    x = np.round(X * 8).astype("float32") / 8
    target = np.round(np.random.default_rng(1).normal(size=TARGET.shape) * 8).astype("float32") / 8
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = network(convert(x))
        value, gradient = network.loss_and_gradient(x, convert(target))
        fitted = build("LSTM", "float32")
        rc.fit(fitted, convert(x), convert(target), epochs=1, progress=False)
    assert [warning.category for warning in caught] == [rc.ConversionWarning] * 4
    for warning, name in zip(caught, ("x", "target", "x", "y"), strict=True):
        assert str(warning.message).startswith(name)
        assert reason in str(warning.message)
        assert warning.filename == __file__
    assert np.array_equal(y, network(x))
    assert value == network.loss_and_gradient(x, target)[0]
    assert np.array_equal(gradient, network.loss_and_gradient(x, target)[1])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_are_copied(layout: str) -> None:
    change, network = LAYOUTS[layout], build("LSTM", "float32")
    x, target = X.astype("float32"), np.random.default_rng(1).normal(size=TARGET.shape).astype("float32")
    assert np.array_equal(network(change(x)), network(x))
    value, gradient = network.loss_and_gradient(change(x), change(target))
    expected_value, expected_gradient = network.loss_and_gradient(x, target)
    assert value == expected_value
    assert np.array_equal(gradient, expected_gradient)
    fitted, expected = build("LSTM", "float32"), build("LSTM", "float32")
    rc.fit(fitted, change(x), change(target), epochs=1, progress=False)
    rc.fit(expected, x, target, epochs=1, progress=False)
    assert np.array_equal(fitted.flat, expected.flat)


def test_what_overflows_in_the_conversion_is_refused_or_ignored() -> None:
    network = build("LSTM", "float32")
    x = X.copy()
    x[1, 3, 0] = 1e300
    with (
        pytest.warns(rc.ConversionWarning),
        refused(ValueError, "x", "inf", "batch 1, time 3", network=network),
    ):
        network(x)
    with pytest.warns(rc.ConversionWarning):
        assert np.isfinite(network(x, lengths=[4, 3])).all()


def test_lists_of_floats_are_arrays() -> None:
    network = build("LSTM", "float32")
    assert np.array_equal(network([[0.5, -1.0, 2.0]]), network(np.array([[0.5, -1.0, 2.0]], np.float32)))
