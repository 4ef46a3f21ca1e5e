"""Losses and their gradients = PyTorch's, over the valid entries of ragged batches."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close, close_to, refused

torch: Any = pytest.importorskip("torch")

BATCH, TIME, CLASSES = 5, 7, 4
LENGTHS = np.array([3, 7, 0, 6, 1])
WEIGHTS = (0.5, 2.0, 0.0, 1.25)

# Each with the loss PyTorch has for it, made for a dtype.
CASES: dict[str, tuple[rc.Loss, Callable[[Any], Any]]] = {
    "mse": (rc.MSE(), lambda _: torch.nn.MSELoss()),
    "mae": (rc.MAE(), lambda _: torch.nn.L1Loss()),
    "huber": (rc.Huber(), lambda _: torch.nn.HuberLoss()),
    "huber 0.3": (rc.Huber(delta=0.3), lambda _: torch.nn.HuberLoss(delta=0.3)),
    "cross entropy": (rc.CrossEntropy(), lambda _: torch.nn.CrossEntropyLoss()),
    "weights": (
        rc.CrossEntropy(WEIGHTS),
        lambda t: torch.nn.CrossEntropyLoss(torch.tensor(WEIGHTS, dtype=t)),
    ),
    "ignored": (rc.CrossEntropy(ignore_index=1), lambda _: torch.nn.CrossEntropyLoss(ignore_index=1)),
    "smoothing": (
        rc.CrossEntropy(label_smoothing=0.2),
        lambda _: torch.nn.CrossEntropyLoss(label_smoothing=0.2),
    ),
    "all smooth": (
        rc.CrossEntropy(label_smoothing=1.0),
        lambda _: torch.nn.CrossEntropyLoss(label_smoothing=1.0),
    ),
    "weights and ignored": (
        rc.CrossEntropy(np.array(WEIGHTS), -100),
        lambda t: torch.nn.CrossEntropyLoss(torch.tensor(WEIGHTS, dtype=t), ignore_index=-100),
    ),
    "everything": (
        rc.CrossEntropy(WEIGHTS, 0, 0.3),
        lambda t: torch.nn.CrossEntropyLoss(
            torch.tensor(WEIGHTS, dtype=t), ignore_index=0, label_smoothing=0.3
        ),
    ),
    "binary cross entropy": (rc.BinaryCrossEntropy(), lambda _: torch.nn.BCEWithLogitsLoss()),
    "positive weight": (
        rc.BinaryCrossEntropy(2.5),
        lambda t: torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.5, dtype=t)),
    ),
}


def draw_target(loss: rc.Loss, shape: tuple[int, ...], dtype: str) -> Array:
    rng = np.random.default_rng(5)
    if isinstance(loss, rc.CrossEntropy):
        ids = rng.integers(0, CLASSES, shape)
        if loss.ignore_index == -100:
            ids[rng.random(shape) < 0.3] = -100
        return ids
    if isinstance(loss, rc.BinaryCrossEntropy):
        return rng.choice([0.0, 1.0, 0.3], (*shape, CLASSES)).astype(dtype)
    return rng.normal(size=(*shape, CLASSES)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pools", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_torch(name: str, pools: bool, dtype: str) -> None:
    loss, make = CASES[name]
    layers: list[rc.Layer] = [rc.Linear(3, CLASSES), *([rc.Last()] if pools else [])]
    network = rc.Network(layers, dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(BATCH, TIME, 3)).astype(dtype) * 4
    target = draw_target(loss, (BATCH,) if pools else (BATCH, TIME), dtype)
    value, gradient = network.loss_and_gradient(x, target, loss, lengths=LENGTHS)

    linear = torch.nn.Linear(3, CLASSES, dtype=getattr(torch, dtype))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(network.parameters["0.weight"].copy()))
        linear.bias.copy_(torch.from_numpy(network.parameters["0.bias"].copy()))
    valid: Any = LENGTHS > 0 if pools else np.arange(TIME) < LENGTHS[:, np.newaxis]
    inputs = x[np.arange(BATCH), LENGTHS - 1] if pools else x
    expected = make(linear.weight.dtype)(
        linear(torch.from_numpy(inputs[valid])), torch.from_numpy(target[valid])
    )
    expected.backward()
    close = close_to(dtype)
    assert_close(value, expected.item(), close)
    assert_close(gradient, np.concatenate([linear.weight.grad.ravel(), linear.bias.grad.ravel()]), close)
    assert np.count_nonzero(gradient) > gradient.size / 2
    assert_close(rc.evaluate(network, x, target, loss=loss, lengths=LENGTHS, batch_size=2), value, close)


@pytest.mark.parametrize(("name", "loss"), [
    ("mse", rc.MSE()), ("mae", rc.MAE()), ("huber", rc.Huber()), ("cross_entropy", rc.CrossEntropy()),
    ("binary_cross_entropy", rc.BinaryCrossEntropy()),
])  # fmt: skip
def test_names(name: Any, loss: rc.Loss) -> None:  # noqa: ANN401
    network = rc.Network([rc.LSTM(2, CLASSES)])
    x = np.random.default_rng(0).normal(size=(2, 3, 2)).astype(np.float32)
    target = draw_target(loss, (2, 3), "float32")
    by_name, by_object = (network.loss_and_gradient(x, target, choice) for choice in (name, loss))
    assert by_name[0] == by_object[0]
    assert np.array_equal(by_name[1], by_object[1])
    trained = [rc.Network([rc.LSTM(2, CLASSES)]) for _ in range(2)]
    for network, choice in zip(trained, (name, loss), strict=True):
        history = rc.fit(network, x, target, loss=choice, epochs=8, optimizer=rc.Adam(0.05), progress=False)
        assert history.loss[-1] < history.loss[0]
    assert np.array_equal(trained[0].flat, trained[1].flat)


def test_nothing_that_counts() -> None:
    network = rc.Network([rc.Linear(2, 3)], dtype="float64")
    x, target = np.ones((2, 3, 2)), np.full((2, 3), 1)
    for loss in (rc.CrossEntropy(ignore_index=1), rc.CrossEntropy([1, 0, 1], label_smoothing=0.1)):
        value, gradient = network.loss_and_gradient(x, target, loss)
        assert value == 0
        assert not gradient.any()


def test_losses_are_values() -> None:
    assert rc.CrossEntropy([1, 2]) == rc.CrossEntropy(np.array([1.0, 2.0]))
    assert hash(rc.Huber(2.0)) == hash(rc.Huber(2.0))
    assert repr(rc.Huber(2.0)) == "Huber(delta=2.0)"
    text = "CrossEntropy(class_weights=(1.0, 2.0), ignore_index=3, label_smoothing=0.0)"
    assert repr(rc.CrossEntropy([1, 2], 3)) == text
    for loss, _ in CASES.values():
        assert pickle.loads(pickle.dumps(loss)) == loss
    with pytest.raises(FrozenInstanceError):
        rc.Huber().delta = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: rc.Huber(0.0), "Huber: delta is 0.0, expected a finite number > 0"),
    (lambda: rc.Huber(float("nan")), "Huber: delta is nan"),
    (lambda: rc.CrossEntropy([]), "CrossEntropy: class_weights is empty"),
    (lambda: rc.CrossEntropy([1, -2]), r"CrossEntropy: class_weights\[1\] is -2.0, expected a finite"),
    (lambda: rc.CrossEntropy(label_smoothing=1.1), "CrossEntropy: label_smoothing is 1.1, expected 0 .. 1"),
    (lambda: rc.BinaryCrossEntropy(-1.0), "BinaryCrossEntropy: positive_weight is -1.0, expected a finite"),
    (lambda: rc.BinaryCrossEntropy(float("inf")), "BinaryCrossEntropy: positive_weight is inf"),
])  # fmt: skip
def test_settings(make: Callable[[], rc.Loss], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_does_not_fit_is_refused() -> None:
    network = rc.Network([rc.Linear(2, 3)], dtype="float64")
    x, ids = np.ones((2, 4, 2)), np.zeros((2, 4), int)
    with refused(ValueError, "class_weights", "2 values", "expected 3", network=network):
        network.loss_and_gradient(x, ids, rc.CrossEntropy([1, 2]))
    with refused(ValueError, "class_weights", "2 values", "expected 3", network=network):
        rc.fit(network, x, ids, loss=rc.CrossEntropy([1, 2]), progress=False)
    with refused(ValueError, "class_weights", "2 values", "expected 3", network=network):
        rc.evaluate(network, x, ids, loss=rc.CrossEntropy([1, 2]))
    ids[1, 2] = -100
    for loss in (rc.CrossEntropy(), rc.CrossEntropy([1, 2, 3]), rc.CrossEntropy(ignore_index=5)):
        with refused(ValueError, "id -100", "(batch 1, time 2)", "0 .. 2", network=network):
            network.loss_and_gradient(x, ids, loss)
    target = np.zeros((2, 4, 3))
    target[1, 3, 2] = -0.25
    with refused(ValueError, "-0.25", "(batch 1, time 3, feature 2)", "0 .. 1", network=network):
        rc.fit(network, x, target, loss="binary_cross_entropy", progress=False)
    with refused(ValueError, "loss", "'l2'", "'mse'", "recurra.Loss", network=network):
        network.loss_and_gradient(x, target, "l2")  # type: ignore[call-overload]
    with refused(TypeError, "target", "float64", "integers", network=network):
        network.loss_and_gradient(x, target[..., 0].copy(), rc.CrossEntropy())
