"""Optimizers in a loop of one's own: equal to their formulas, and refusing what does not fit."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close, build, pose, refused

Rule = Callable[[Array, Iterator[Array]], Iterator[Array]]


def sgd(rate: float, momentum: float, l2: float, l1: float) -> Rule:
    def run(w: Array, gradients: Iterator[Array]) -> Iterator[Array]:
        v = np.zeros_like(w)
        for g in gradients:
            v = momentum * v + g + l2 * w + l1 * np.sign(w)
            w = w - rate * v
            yield w

    return run


def adam(rate: float, betas: tuple[float, float], epsilon: float, l2: float, l1: float) -> Rule:
    def run(w: Array, gradients: Iterator[Array]) -> Iterator[Array]:
        m, v = np.zeros_like(w), np.zeros_like(w)
        for step, gradient in enumerate(gradients, start=1):
            g = gradient + l2 * w + l1 * np.sign(w)
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g * g
            m_hat, v_hat = m / (1 - betas[0] ** step), v / (1 - betas[1] ** step)
            w = w - rate * m_hat / (np.sqrt(v_hat) + epsilon)
            yield w

    return run


CASES: dict[str, tuple[rc.Optimizer, Rule]] = {
    "SGD": (rc.SGD(), sgd(1e-2, 0, 0, 0)),
    "SGD with all": (rc.SGD(0.1, 0.8, l2=0.03, l1=0.02), sgd(0.1, 0.8, 0.03, 0.02)),
    "momentum by name": (rc.SGD(momentum=0.5), sgd(1e-2, 0.5, 0, 0)),
    "Adam": (rc.Adam(), adam(1e-3, (0.9, 0.999), 1e-8, 0, 0)),
    "Adam with all": (
        rc.Adam(0.1, (0.6, 0.7), 1e-2, l2=0.03, l1=0.02),
        adam(0.1, (0.6, 0.7), 1e-2, 0.03, 0.02),
    ),
    "no betas": (rc.Adam(0.1, (0, 0)), adam(0.1, (0, 0), 1e-8, 0, 0)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_formulas(name: str, dtype: str) -> None:
    optimizer, rule = CASES[name]
    network = build("LSTM", dtype)
    network.flat[:3] = 0
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=network.flat.size).astype(dtype) for _ in range(8)]
    updater = optimizer.bind(network)
    close = (1e-4, 1e-5) if dtype == "float32" else (1e-10, 1e-13)
    for gradient, expected in zip(gradients, rule(network.flat.astype(float), iter(gradients)), strict=True):
        kept = gradient.copy()
        updater.update(gradient)
        assert_close(network.flat, expected, close)
        assert np.array_equal(gradient, kept)


def test_each_binding_remembers_for_itself() -> None:
    optimizer = rc.SGD(0.1, momentum=0.9)
    first, second = build("LSTM"), build("LSTM")
    gradient = np.ones(first.flat.size)
    one, other = optimizer.bind(first), optimizer.bind(second)
    one.update(gradient)
    one.update(gradient)
    other.update(gradient)
    assert_close(build("LSTM").flat - first.flat, 0.1 + 0.19)
    assert_close(build("LSTM").flat - second.flat, 0.1)


@pytest.mark.parametrize("optimizer", [rc.SGD(0.1), rc.SGD(0.05, 0.9), rc.Adam(0.02)])
def test_a_loop_of_ones_own_learns(optimizer: rc.Optimizer) -> None:
    problem = pose(build("LSTM"))
    updater = optimizer.bind(problem.network)
    losses = []
    for _ in range(60):
        loss, gradient = problem.value_and_gradient()
        updater.update(gradient)
        losses.append(loss)
    assert losses[-1] < 0.5 * losses[0]


def test_representations() -> None:
    text = "SGD(learning_rate=0.1, momentum=0.5, l2=0.001, l1=0.0, nesterov=False, lazy=False)"
    assert repr(rc.SGD(0.1, 0.5, l2=1e-3)) == text
    text = "AdamW(learning_rate=0.002, betas=(0.9, 0.999), epsilon=1e-08, weight_decay=0.01, lazy=False)"
    assert repr(rc.AdamW(2e-3)) == text
    assert (
        repr(rc.Adam(2e-3))
        == "Adam(learning_rate=0.002, betas=(0.9, 0.999), epsilon=1e-08, l2=0.0, l1=0.0, lazy=False)"
    )
    assert repr(rc.BPTT()) == "BPTT()"
    assert repr(rc.BPTT(window=7)) == "BPTT(window=7)"


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (rc.SGD, {"learning_rate": -1.0}, "SGD: learning_rate is -1.*, expected a finite number >= 0"),
        (rc.SGD, {"learning_rate": NAN}, "SGD: learning_rate is nan, expected a finite number >= 0"),
        (rc.SGD, {"learning_rate": INF}, "SGD: learning_rate is inf, expected a finite number >= 0"),
        (rc.SGD, {"momentum": 1.0}, "SGD: momentum is 1.*, expected 0 <= momentum < 1"),
        (rc.SGD, {"momentum": -0.1}, "SGD: momentum is -0.1.*, expected 0 <= momentum < 1"),
        (rc.SGD, {"l2": -1.0}, "SGD: l2 is -1.*, expected a finite number >= 0"),
        (rc.SGD, {"l1": INF}, "SGD: l1 is inf, expected a finite number >= 0"),
        (rc.Adam, {"learning_rate": -1.0}, "Adam: learning_rate is -1.*, expected a finite number >= 0"),
        (rc.Adam, {"betas": (1.0, 0.9)}, "Adam: beta1 is 1.*, expected 0 <= beta1 < 1"),
        (rc.Adam, {"betas": (0.9, NAN)}, "Adam: beta2 is nan, expected 0 <= beta2 < 1"),
        (rc.Adam, {"epsilon": -1.0}, "Adam: epsilon is -1.*, expected a finite number > 0"),
        (rc.Adam, {"l2": NAN}, "Adam: l2 is nan, expected a finite number >= 0"),
        (rc.SGD, {"nesterov": True}, "SGD: momentum is 0.*, expected more than 0 with nesterov"),
        (rc.AdamW, {"weight_decay": -1.0}, "AdamW: weight_decay is -1.*, expected a finite number >= 0"),
        (rc.RMSprop, {"alpha": 1.0}, "RMSprop: alpha is 1.*, expected 0 <= alpha < 1"),
        (rc.RMSprop, {"epsilon": 0.0}, "RMSprop: epsilon is 0.*, expected a finite number > 0"),
        (rc.RMSprop, {"momentum": 1.0}, "RMSprop: momentum is 1.*, expected 0 <= momentum < 1"),
        (
            rc.Adagrad,
            {"initial_accumulator": -1.0},
            "Adagrad: initial_accumulator is -1.*, expected a finite",
        ),
        (rc.Adagrad, {"learning_rate_decay": INF}, "Adagrad: learning_rate_decay is inf, expected a finite"),
    ],
)
def test_settings(make: Callable[..., rc.Optimizer], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("optimizer", [rc.SGD(momentum=0.9), rc.Adam()])
def test_gradients_that_do_not_fit(optimizer: rc.Optimizer) -> None:
    network = build("LSTM")
    size = network.flat.size
    updater = optimizer.bind(network)
    bad = np.zeros(size)
    bad[3] = np.nan
    for gradient, error, words in (
        (np.zeros(size - 1), ValueError, (f"({size - 1},)", f"({size},)")),
        (np.zeros((1, size)), ValueError, (f"(1, {size})", f"({size},)")),
        (np.zeros(size, int), TypeError, ("int64", "float64")),
        (bad, ValueError, ("not finite", "finite values")),
    ):
        with refused(error, "gradient", "expected", *words, network=network):
            updater.update(gradient)
    fresh = build("LSTM")
    optimizer.bind(fresh).update(np.ones(size))
    updater.update(np.ones(size))
    assert np.array_equal(network.flat, fresh.flat)
    with pytest.warns(rc.ConversionWarning, match="gradient has dtype float32, expected float64"):
        updater.update(np.ones(size, np.float32))


@pytest.mark.parametrize(
    "optimizer",
    [
        rc.SGD(0.1, momentum=0.5, nesterov=True),
        rc.Adam(0.1, betas=(0.8, 0.9), l2=0.1),
        rc.AdamW(0.2, weight_decay=0.3),
        rc.RMSprop(0.1, alpha=0.9, centered=True),
        rc.Adagrad(0.1, epsilon=1e-5),
    ],
    ids=repr,
)
def test_settings_can_be_copied_and_pickled(optimizer: rc.Optimizer) -> None:
    network, rng = rc.Network([rc.LSTM(2, 3)], dtype="float64"), np.random.default_rng(0)
    start, gradients = network.flat.copy(), rng.normal(size=(4, network.flat.size))
    results = []
    for made in (
        optimizer,
        copy.copy(optimizer),
        copy.deepcopy(optimizer),
        pickle.loads(pickle.dumps(optimizer)),
    ):
        assert repr(made) == repr(optimizer)
        network.flat[:] = start
        updater = made.bind(network)
        for gradient in gradients:
            updater.update(gradient)
        results.append(network.flat.copy())
    assert all(np.array_equal(results[0], other) for other in results[1:])
