"""A stream converts nothing: what does not fit is refused, and state and `out` stay as they were."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, build

X = np.array([0.5, -1.0, 2.0])
UNALIGNED = np.frombuffer(b"0" + X.tobytes(), np.uint8)[1:].view(X.dtype)
Case = tuple[Any, type[Exception], tuple[str, ...]]


def refused(
    stream: rc.Stream, arguments: tuple[Any, ...], error: type[Exception], words: tuple[str, ...]
) -> None:
    state = stream.state
    outs = [(out, out.copy()) for out in arguments[1:] if isinstance(out, np.ndarray)]
    with pytest.raises(error) as caught:
        stream.step(*arguments)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
    assert all(np.array_equal(stream.state[block], state[block]) for block in state)
    assert all(np.array_equal(out, kept) for out, kept in outs)


INPUTS: dict[str, Case] = {
    "a list": ([0.5, -1.0, 2.0], TypeError, ("x", "list", "array of float64")),
    "nothing": (None, TypeError, ("x", "NoneType", "array of float64")),
    "a number": (0.5, TypeError, ("x", "float", "array of float64")),
    "float32": (X.astype("f4"), TypeError, ("x", "<f4", "float64")),
    "integers": (np.ones(3, int), TypeError, ("x", "<i8", "float64")),
    "booleans": (np.ones(3, bool), TypeError, ("x", "|b1", "float64")),
    "complex": (X + 0j, TypeError, ("x", "<c16", "float64")),
    "objects": (X.astype(object), TypeError, ("x", "|O", "float64")),
    "byte order": (X.astype(">f8"), TypeError, ("x", ">f8", "machine's byte order")),
    "too few": (X[:2], ValueError, ("x", "(2,)", "(3,)")),
    "too many": (np.ones(4), ValueError, ("x", "(4,)", "(3,)")),
    "no axis": (np.array(1.0), ValueError, ("x", "()", "(3,)")),
    "a batch axis": (X[None], ValueError, ("x", "(1, 3)", "(3,)")),
    "strided": (np.repeat(X, 2)[::2], ValueError, ("x", "not C-contiguous", "expected")),
    "reversed": (X[::-1], ValueError, ("x", "not C-contiguous", "expected")),
    "unaligned": (UNALIGNED, ValueError, ("x", "not aligned", "expected")),
    "not a number": (np.array([0, np.nan, 0]), ValueError, ("x[1]", "nan", "finite")),
    "infinite": (np.array([0, 0, -np.inf]), ValueError, ("x[2]", "-inf", "finite")),
}  # fmt: skip


@pytest.mark.parametrize("case", INPUTS)
def test_input(case: str) -> None:
    x, error, words = INPUTS[case]
    stream = build("LSTM").stream()
    stream.step(X)
    refused(stream, (x,), error, ("step", *words))


BATCHES: dict[str, Case] = {
    "no batch axis": (X, ValueError, ("x", "(3,)", "(2, 3)")),
    "another batch": (np.ones((3, 3)), ValueError, ("x", "(3, 3)", "(2, 3)")),
    "one sequence": (np.ones((1, 3)), ValueError, ("x", "(1, 3)", "(2, 3)")),
    "transposed": (np.asfortranarray(np.ones((2, 3))), ValueError, ("x", "not C-contiguous", "expected")),
    "not a number": (np.array([X, [0, 0, np.nan]]), ValueError, ("x[5]", "nan", "finite")),
}


@pytest.mark.parametrize("case", BATCHES)
def test_batched_input(case: str) -> None:
    x, error, words = BATCHES[case]
    stream = build("LSTM").stream(batch_size=2)
    stream.step(np.array([X, X]))
    refused(stream, (x,), error, ("step", *words))


IDS: dict[str, Case] = {
    "too large": (6, ValueError, ("x", "class id 6", "0 .. 5")),
    "negative": (-1, ValueError, ("x", "class id -1", "0 .. 5")),
    "far too large": (2**62, ValueError, ("x", "class id", "0 .. 5")),
    "beyond int64": (2**70, TypeError, ("x", "integers")),
    "only in uint64": (2**64 - 1, ValueError, ("x", "class id", "2**63 - 1")),
    "a float": (1.0, TypeError, ("x", "integers")),
    "a boolean": (True, TypeError, ("x", "integers")),
    "text": ("1", TypeError, ("x", "integers")),
    "nothing": (None, TypeError, ("x", "integers")),
    "an axis": ([1], ValueError, ("x", "(1,)", "()")),
    "two": ([1, 2], ValueError, ("x", "(2,)", "()")),
}


@pytest.mark.parametrize("case", IDS)
def test_ids(case: str) -> None:
    x, error, words = IDS[case]
    stream = build("Embedding").stream()
    stream.step(3)
    refused(stream, (x,), error, ("step", *words))


def test_batched_ids() -> None:
    stream = build("Embedding").stream(batch_size=2)
    stream.step([3, 4])
    refused(stream, (3,), ValueError, ("x", "()", "(2,)"))
    refused(stream, ([1, 2, 3],), ValueError, ("x", "(3,)", "(2,)"))
    refused(stream, ([[1, 2]],), ValueError, ("x", "(1, 2)", "(2,)"))
    refused(stream, ([1, 6],), ValueError, ("x", "class id 6", "0 .. 5"))


def read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


OUTS: dict[str, Case] = {
    "a list": ([0.0, 0.0], TypeError, ("out", "list", "array of float64")),
    "float32": (np.zeros(2, "f4"), TypeError, ("out", "<f4", "float64")),
    "byte order": (np.zeros(2, ">f8"), TypeError, ("out", ">f8", "machine's byte order")),
    "too small": (np.zeros(1), ValueError, ("out", "(1,)", "(2,)")),
    "too large": (np.zeros(3), ValueError, ("out", "(3,)", "(2,)")),
    "a batch axis": (np.zeros((1, 2)), ValueError, ("out", "(1, 2)", "(2,)")),
    "strided": (np.zeros(4)[::2], ValueError, ("out", "not C-contiguous", "expected")),
    "read-only": (read_only(np.zeros(2)), ValueError, ("out", "read-only", "writable")),
}


@pytest.mark.parametrize("case", OUTS)
def test_out(case: str) -> None:
    out, error, words = OUTS[case]
    stream = build("LSTM").stream()
    stream.step(X)
    refused(stream, (X, out), error, ("step", *words))


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_out_that_overlaps_x(offset: int) -> None:
    stream = build("LSTM").stream()
    memory = np.ones(5)
    refused(stream, (memory[:3], memory[offset : offset + 2]), ValueError, ("out", "overlaps x", "separate"))
    assert stream.step(memory[:3], memory[3:]) is not None
    assert (memory[:3] == 1).all()


def test_reset_of_a_row_that_is_not_there() -> None:
    stream = build("LSTM").stream(batch_size=2)
    stream.step(np.array([X, X]))
    state = stream.state
    for row in (-1, 2):
        with pytest.raises(IndexError, match=rf"reset: row is {row}, expected 0 .. 1"):
            stream.reset(row)
    assert all(np.array_equal(stream.state[block], state[block]) for block in state)


@pytest.mark.parametrize("batch_size", [0, -1, 2**31, 2**70])
def test_batch_size(batch_size: int) -> None:
    with pytest.raises(ValueError, match=rf"batch_size is {batch_size}, expected at (least 1|most)"):
        build("LSTM").stream(batch_size=batch_size)
