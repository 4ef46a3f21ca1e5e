"""What does not fit is refused by an error that says what was got and expected, and changes nothing."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, LossName, build, refused

X = np.random.default_rng(0).normal(size=(2, 4, 3))
TARGET = np.zeros((2, 4, 2))
CLASSES = np.zeros((2, 4), np.int64)


def with_value(array: Array, index: tuple[int, ...], value: float) -> Array:
    changed = array.copy()
    changed[index] = value
    return changed


INPUTS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "no axis": (1.0, ValueError, ("x", "()", "(time, features)")),
    "one axis": (X[0, 0], ValueError, ("x", "(3,)", "(batch, time, features)")),
    "four axes": (X[None], ValueError, ("x", "(1, 2, 4, 3)", "(batch, time, features)")),
    "features": (X[..., :2].copy(), ValueError, ("x", "2 features", "expected 3")),
    "no sequence": (X[:0], ValueError, ("x", "batch 0", "at least 1")),
    "no step": (X[:, :0].copy(), ValueError, ("x", "time 0", "at least 1")),
    "no feature": (X[..., :0].copy(), ValueError, ("x", "0 features", "expected 3")),
    "integers": (np.ones((2, 4, 3), int), TypeError, ("x", "int64", "float64")),
    "booleans": (np.ones((2, 4, 3), bool), TypeError, ("x", "bool", "float64")),
    "complex": (X + 0j, TypeError, ("x", "complex128", "float64")),
    "objects": (X.astype(object), TypeError, ("x", "object", "float64")),
    "text": ("abc", TypeError, ("x", "U3", "float64")),
    "nothing": (None, TypeError, ("x", "None", "input features")),
    "ragged": ([[[1.0, 2.0, 3.0]], [[1.0]]], ValueError, ("x", "list", "array")),
    "nan": (with_value(X, (1, 2, 0), np.nan), ValueError, ("x", "nan", "(batch 1, time 2, feature 0)")),
    "inf": (with_value(X, (0, 3, 2), -np.inf), ValueError, ("x", "-inf", "(batch 0, time 3, feature 2)")),
}  # fmt: skip


@pytest.mark.parametrize("case", INPUTS)
def test_input(case: str) -> None:
    x, error, words = INPUTS[case]
    network = build("LSTM")
    state = network.initial_state(2)
    with refused(error, *words, network=network, state=state):
        network(x, state=state)
    with refused(error, *words, network=network, state=state):
        network.loss_and_gradient(x, TARGET, state=state)


@pytest.mark.parametrize("ids", [[[0, 6]], [[-1, 0]], [[2**62, 0]]])
def test_input_ids_out_of_range(ids: list[list[int]]) -> None:
    network = build("Embedding")
    with refused(ValueError, "x", "class id", "batch 0, time", "0 .. 5", network=network):
        network(ids)
    with refused(ValueError, "x", "class id", "batch 0, time", "0 .. 5", network=network):
        network.loss_and_gradient(ids, np.zeros((1, 2, 2)))


IDS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "floats": (np.zeros((2, 4)), TypeError, ("x", "float64", "integers")),
    "features": (np.zeros((2, 4, 1), int), ValueError, ("x", "(2, 4, 1)", "(batch, time)")),
    "no axis": (3, ValueError, ("x", "()", "(time,)")),
    "too large": (np.full((1, 2), 2**64 - 1, np.uint64), ValueError, ("x", str(2**64 - 1), str(2**63 - 1))),
    "no step": (np.zeros((2, 0), int), ValueError, ("x", "time 0", "at least 1")),
}


@pytest.mark.parametrize("case", IDS)
def test_input_ids(case: str) -> None:
    x, error, words = IDS[case]
    network = build("Embedding")
    with refused(error, *words, network=network):
        network(x)


LENGTHS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "negative": ([1, -1], ValueError, ("lengths[1]", "-1", "0 .. 4")),
    "longer than time": ([5, 1], ValueError, ("lengths[0]", "5", "0 .. 4")),
    "too few": ([1], ValueError, ("lengths", "(1,)", "(2,)")),
    "too many": ([1, 2, 3], ValueError, ("lengths", "(3,)", "(2,)")),
    "two axes": ([[1, 2]], ValueError, ("lengths", "(1, 2)", "(2,)")),
    "one number": (3, ValueError, ("lengths", "()", "(2,)")),
    "floats": ([1.0, 2.0], TypeError, ("lengths", "float64", "integers")),
    "booleans": ([True, False], TypeError, ("lengths", "bool", "integers")),
    "too large": (
        np.array([2**64 - 1, 0], np.uint64),
        ValueError,
        ("lengths", str(2**64 - 1), str(2**63 - 1)),
    ),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_lengths(case: str) -> None:
    lengths, error, words = LENGTHS[case]
    network = build("LSTM")
    state = network.initial_state(2)
    with refused(error, *words, network=network, state=state):
        network(X, lengths=lengths, state=state)
    with refused(error, *words, network=network, state=state):
        network.loss_and_gradient(X, TARGET, lengths=lengths, state=state)


TARGETS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "one output of two": (
        TARGET[..., :1].copy(),
        ValueError,
        ("(2, 4, 1)", "(batch, time, output) = (2, 4, 2)"),
    ),
    "one sequence of two": (TARGET[:1], ValueError, ("(1, 4, 2)", "(2, 4, 2)")),
    "one step of four": (TARGET[:, :1].copy(), ValueError, ("(2, 1, 2)", "(2, 4, 2)")),
    "no batch axis": (TARGET[0], ValueError, ("(4, 2)", "(2, 4, 2)")),
    "no output axis": (TARGET[..., 0].copy(), ValueError, ("(2, 4)", "(2, 4, 2)")),
    "one number": (0.0, ValueError, ("()", "(2, 4, 2)")),
    "transposed": (TARGET.reshape(4, 2, 2), ValueError, ("(4, 2, 2)", "(2, 4, 2)")),
    "another axis": (TARGET[None], ValueError, ("(1, 2, 4, 2)", "(2, 4, 2)")),
    "integers": (TARGET.astype(int), TypeError, ("int64", "float64")),
    "complex": (TARGET + 0j, TypeError, ("complex128", "float64")),
    "not a number": (with_value(TARGET, (1, 3, 1), np.nan), ValueError, ("nan", "batch 1, time 3", "finite")),
    "infinite": (with_value(TARGET, (0, 0, 0), np.inf), ValueError, ("inf", "batch 0, time 0", "finite")),
}
CLASS_TARGETS: dict[str, tuple[Any, type[Exception], tuple[str, ...]]] = {
    "class too large": (
        with_value(CLASSES, (1, 2), 2),
        ValueError,
        ("class id 2", "batch 1, time 2", "0 .. 1"),
    ),
    "negative class": (
        with_value(CLASSES, (0, 3), -1),
        ValueError,
        ("class id -1", "batch 0, time 3", "0 .. 1"),
    ),
    "output axis": (CLASSES[..., None], ValueError, ("(2, 4, 1)", "(batch, time) = (2, 4)")),
    "one class for all steps": (CLASSES[:, :1].copy(), ValueError, ("(2, 1)", "(2, 4)")),
    "one class a sequence": (CLASSES[:, 0].copy(), ValueError, ("(2,)", "(2, 4)")),
    "floats": (CLASSES.astype(float), TypeError, ("float64", "integers")),
    "booleans": (CLASSES.astype(bool), TypeError, ("bool", "integers")),
}


@pytest.mark.parametrize("case", [*TARGETS, *CLASS_TARGETS])
def test_target(case: str) -> None:
    target, error, words = (TARGETS | CLASS_TARGETS)[case]
    network = build("LSTM")
    state = network.initial_state(2)
    with refused(error, "target", "expected", *words, network=network, state=state):
        network.loss_and_gradient(X, target, "mse" if case in TARGETS else "cross_entropy", state=state)


def test_target_of_a_pooled_output() -> None:
    network = build("Last")
    cases: list[tuple[Array, LossName, str]] = [
        (np.zeros((2, 4, 2)), "mse", "(batch, output) = (2, 2)"),
        (np.zeros((2, 1)), "mse", "(batch, output) = (2, 2)"),
        (CLASSES, "cross_entropy", "(batch) = (2,)"),
    ]
    for target, loss, expected in cases:
        with refused(ValueError, "target", str(target.shape), expected, network=network):
            network.loss_and_gradient(X, target, loss)
    with refused(ValueError, "target", "nan", "batch 1", network=network):
        network.loss_and_gradient(X, np.array([[0, 0], [0, np.nan]]))
    assert network.loss_and_gradient(X[0], 1, "cross_entropy")[0] > 0
    with refused(ValueError, "window", "pools", network=network):
        network.loss_and_gradient(X, np.zeros((2, 2)), rule=rc.BPTT(window=2))


def test_unknown_names() -> None:
    network = build("LSTM")
    with refused(ValueError, "loss", "'l2'", "'mse', 'mae', 'huber'", network=network):
        network.loss_and_gradient(X, TARGET, "l2")  # type: ignore[call-overload]
    with refused(KeyError, "parameter", "'0.weigth'", "0.weight_ih, 0.weight_hh, 0.bias", network=network):
        network.parameters["0.weigth"]
    with refused(TypeError, "rule", "'bptt'", "recurra.BPTT()", network=network):
        network.loss_and_gradient(X, TARGET, rule="bptt")  # type: ignore[call-overload]
    for seed in (-1, 2**64, 1.5):
        with refused(ValueError, "seed", str(seed), "0 .. 2**64 - 1", network=network):
            network.loss_and_gradient(X, TARGET, training=True, seed=seed)  # type: ignore[arg-type]
    for window in (0, -3):
        with pytest.raises(ValueError, match=rf"window is {window}, expected at least 1"):
            rc.BPTT(window=window)
    with pytest.raises(TypeError, match=r"window is 1.5, expected an integer"):
        rc.BPTT(window=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_is_not_finite(dtype: str) -> None:
    network = build("LSTM", dtype)
    x, target = X.astype(dtype), TARGET.astype(dtype)
    state = network.initial_state(2)
    for weight, loss in ((np.inf, "inf"), (np.nan, "nan")):
        network.parameters["1.bias"][:] = weight
        with refused(
            OverflowError, f"loss is {loss}", "expected a finite value", network=network, state=state
        ):
            network.loss_and_gradient(x, target, state=state)
