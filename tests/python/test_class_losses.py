"""Losses over many classes: in chunks, and of samples."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc

AnyArray: TypeAlias = npt.NDArray[Any]
Distribution: TypeAlias = Literal["log_uniform", "uniform"]

CLASSES = 2500  # of which a chunk has fewer rows than the batch below


def problem(dtype: str = "float64", bias: bool = True) -> tuple[rc.Network, AnyArray, AnyArray]:
    net = rc.Network([rc.GRU(3, 5), rc.Linear(5, CLASSES, bias=bias)], dtype=dtype, seed=3)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((90, 11, 3)).astype(dtype)
    return net, x, rng.integers(0, CLASSES, (90, 11))


def plain(loss: rc.CrossEntropy) -> rc.CrossEntropy:
    """The same loss by all scores at once, which label smoothing of no weight asks for."""
    return dataclasses.replace(loss, label_smoothing=1e-300)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rule", [rc.BPTT(), rc.BPTT(window=4), rc.BPTT(checkpoint=True)], ids=str)
def test_the_chunked_softmax_is_the_full_one(bias: bool, rule: rc.BPTT) -> None:
    net, x, classes = problem(bias=bias)
    weights = tuple(np.random.default_rng(2).uniform(0, 2, CLASSES))
    lengths = np.arange(90) % 12
    mask = np.random.default_rng(4).uniform(size=(90, 11)) < 0.9
    for entropy in (rc.CrossEntropy(), rc.CrossEntropy(weights), rc.CrossEntropy(None, int(classes[0, 0]))):
        arguments: dict[str, Any] = {"rule": rule, "lengths": lengths, "mask": mask}
        loss, gradient = net.loss_and_gradient(x, classes, loss=entropy, **arguments)
        expected = net.loss_and_gradient(x, classes, loss=plain(entropy), **arguments)
        assert loss == pytest.approx(expected[0], rel=1e-13)
        np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-14)
    assert rc.evaluate(net, x, classes, loss="cross_entropy", batch_size=90) == pytest.approx(
        rc.evaluate(net, x, classes, loss=plain(rc.CrossEntropy()), batch_size=90), rel=1e-13
    )


def test_the_chunked_softmax_of_pooled_outputs() -> None:
    net = rc.Network([rc.GRU(3, 5), rc.Last(), rc.Dropout(0.3), rc.Linear(5, 21_000)], seed=0)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((230, 2, 3)).astype(np.float32)
    classes = rng.integers(0, 21_000, 230)
    arguments: dict[str, Any] = {"training": True, "seed": 5}
    loss, gradient = net.loss_and_gradient(x, classes, loss="cross_entropy", **arguments)
    expected = net.loss_and_gradient(x, classes, loss=plain(rc.CrossEntropy()), **arguments)
    assert loss == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-6)


GROWTH = """
import re
import numpy as np
import recurra as rc
net = rc.Network([rc.Embedding(20_000, 4), rc.Elman(4, 4), rc.Linear(4, 20_000)], seed=0)
ids = np.random.default_rng(1).integers(0, 20_000, (20, 100))
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
before = peak()
net.loss_and_gradient(ids, ids, loss="cross_entropy")
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_of_the_scores_is_bounded() -> None:
    """In a process of its own, whose peak is that of the call."""
    printed = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    scores = 20 * 100 * 20_000 * 4  # bytes, and as many of their cotangents
    assert int(printed.stdout) < scores / 4


def sampled(
    net: rc.Network, x: AnyArray, classes: AnyArray, loss: rc.Loss, seed: int
) -> tuple[float, AnyArray]:
    value, gradient = net.loss_and_gradient(x, classes, loss=loss, seed=seed)
    return value, gradient


@pytest.mark.parametrize("distribution", ["log_uniform", "uniform"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_gradient_of_samples_is_that_of_their_loss(distribution: Distribution, bias: bool) -> None:
    net, x, classes = problem(bias=bias)
    x, classes = x[:4], classes[:4] % 40
    loss = rc.SampledSoftmax(300, distribution)
    _, gradient = sampled(net, x, classes, loss, seed=9)
    rng = np.random.default_rng(0)
    touched = np.flatnonzero(gradient)
    assert touched.size < gradient.size / 2 + 200
    for i in [*rng.choice(touched, 40, replace=False), *rng.choice(net.flat.size, 10)]:
        value, step = net.flat[i], 1e-5
        net.flat[i] = value + step
        up = sampled(net, x, classes, loss, seed=9)[0]
        net.flat[i] = value - step
        down = sampled(net, x, classes, loss, seed=9)[0]
        net.flat[i] = value
        assert gradient[i] == pytest.approx((up - down) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("distribution", ["log_uniform", "uniform"])
def test_the_sum_of_samples_is_unbiased(distribution: Distribution) -> None:
    net = rc.Network([rc.Linear(3, 50)], dtype="float64", seed=2)
    net.parameters["0.weight"][...] *= 3
    x, target = np.random.default_rng(3).standard_normal((1, 1, 3)), np.array([[7]])
    exact = np.exp(net.loss_and_gradient(x, target, loss="cross_entropy")[0])  # 1 / p
    loss = rc.SampledSoftmax(20, distribution)
    inverse = np.exp([sampled(net, x, target, loss, seed)[0] for seed in range(4000)])
    error = inverse.std() / np.sqrt(inverse.size)
    assert error < exact / 20
    assert abs(inverse.mean() - exact) < 4 * error


def test_many_samples_come_near_the_full_softmax() -> None:
    net, x, classes = problem()
    exact, expected = net.loss_and_gradient(x, classes, loss="cross_entropy")
    value, gradient = sampled(net, x, classes, rc.SampledSoftmax(400_000, "uniform"), seed=1)
    assert value == pytest.approx(exact, rel=1e-3)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=np.abs(expected).max() / 10)


def test_threads_windows_and_segments_draw_the_same_samples() -> None:
    net, x, classes = problem()
    loss = rc.SampledSoftmax(50)
    value, gradient = sampled(net, x, classes, loss, seed=4)
    before = rc.num_threads()
    try:
        rc.set_num_threads(1)
        one, single = sampled(net, x, classes, loss, seed=4)
    finally:
        rc.set_num_threads(before)
    assert one == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(single, gradient, rtol=0, atol=1e-13)
    cut = net.loss_and_gradient(x, classes, loss=loss, seed=4, rule=rc.BPTT(checkpoint=True))
    assert cut[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(cut[1], gradient, rtol=0, atol=1e-13)


def test_where_no_gradient_is_wanted_the_loss_is_exact() -> None:
    net, x, classes = problem()
    assert rc.evaluate(net, x, classes, loss=rc.SampledSoftmax(3)) == rc.evaluate(
        net, x, classes, loss="cross_entropy"
    )


def test_tied_parameters_learn_from_both_ends() -> None:
    net = rc.Network(
        [rc.Embedding(300, 6), rc.GRU(6, 6), rc.Linear(6, 300, bias=False)], dtype="float64", seed=1
    )
    net.tie("2.weight", "0.weight")
    ids = np.random.default_rng(1).integers(0, 300, (3, 8))
    loss = rc.SampledSoftmax(64, "uniform")
    before = rc.evaluate(net, ids, ids, loss=loss)
    rc.fit(
        net, ids, ids, loss=loss, optimizer=rc.Adam(0.03), epochs=100, batch_size=3, seed=0, progress=False
    )
    assert rc.evaluate(net, ids, ids, loss=loss) < before / 2
    np.testing.assert_array_equal(net.parameters["0.weight"], net.parameters["2.weight"])


def test_errors() -> None:
    net, x, classes = problem()
    with pytest.raises(ValueError, match=r"SampledSoftmax: samples is 0, expected at least 1"):
        rc.SampledSoftmax(0)
    with pytest.raises(ValueError, match="SampledSoftmax: distribution is 'zipf', expected"):
        rc.SampledSoftmax(distribution="zipf")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"class id {CLASSES} .*expected 0 .. {CLASSES - 1}"):
        sampled(net, x, np.full_like(classes, CLASSES), rc.SampledSoftmax(5), seed=0)
    with pytest.raises(ValueError, match="last layer is GRU, expected Linear for sampled_softmax"):
        rc.Network([rc.GRU(3, 5)], dtype="float64").loss_and_gradient(x, classes, loss="sampled_softmax")
    with pytest.raises(ValueError, match="loss is sampled_softmax, expected cross_entropy"):
        rc.Online(net, loss="sampled_softmax")
    with pytest.raises(ValueError, match="loss is sampled_softmax, expected cross_entropy"):
        net.loss_and_gradient(x, classes, loss="sampled_softmax", rule=rc.RTRL())


def test_scores_far_apart_are_no_slower() -> None:
    """What is too small for a sum is 0, not a subnormal number."""
    net = rc.Network([rc.Linear(2, 4)], dtype="float32", seed=0)
    net.parameters["0.weight"][...] = [[90, 0], [0, 0], [-60, 0], [-1000, 0]]
    net.parameters["0.bias"][...] = 0
    _, gradient = net.loss_and_gradient(np.array([[[1, 0]]], "f4"), np.array([[0]]), loss="cross_entropy")
    small = np.abs(gradient[gradient != 0])
    assert small.size == 0 or small.min() > np.finfo("f4").tiny


def test_steps_without_a_class_touch_no_row() -> None:
    net = rc.Network([rc.Embedding(50, 4), rc.Linear(4, 40)], seed=0)
    before = net.parameters["1.weight"].copy()
    ids = np.full((1, 6), 9)
    rc.fit(
        net, ids, ids, mask=np.array([[1, 0, 1, 0, 0, 1]], bool), loss=rc.SampledSoftmax(1, "uniform"),
        optimizer=rc.SGD(0.1, l2=0.5, lazy=True), epochs=1, batch_size=1, progress=False, seed=3,
    )  # fmt: skip
    moved = np.flatnonzero((net.parameters["1.weight"] != before).any(1))
    assert moved.size <= 2
    assert 9 in moved
