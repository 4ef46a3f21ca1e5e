"""The plants against their equations step by step, ARX against a known system, and the quick run."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import plant, plants
from studies.__main__ import main
from studies.arx import Arx, delayed

ONE, TWO = plants.PLANTS


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def test_example_4_is_the_papers_equation() -> None:
    u = np.random.default_rng(0).uniform(-1, 1, 60)
    y = {k: 0.0 for k in range(-2, 1)}
    past = {-1: 0.0} | dict(enumerate(u.tolist()))
    for k in range(60):
        numerator = y[k] * y[k - 1] * y[k - 2] * past[k - 1] * (y[k - 2] - 1) + past[k]
        y[k + 1] = numerator / (1 + y[k - 1] ** 2 + y[k - 2] ** 2)
    got = ONE.simulate(u[np.newaxis, :, np.newaxis])[0, :, 0]
    np.testing.assert_allclose(got, [y[k] for k in range(1, 61)], rtol=1e-12)


def test_example_5_is_the_papers_equation() -> None:
    u = np.random.default_rng(1).uniform(-1, 1, (60, 2)).tolist()
    y1, y2, expected = 0.0, 0.0, []
    for u1, u2 in u:
        y1, y2 = y1 / (1 + y2**2) + u1, y1 * y2 / (1 + y2**2) + u2
        expected.append((y1, y2))
    np.testing.assert_allclose(TWO.simulate(np.array([u]))[0], expected, rtol=1e-12)


def test_probes_are_the_papers_inputs() -> None:
    u = plants.probe(ONE, 1000).u[0, :, 0]
    for k in (0, 1, 499, 500):
        assert u[k] == pytest.approx(math.sin(2 * math.pi * k / 250))
    for k in (501, 777, 999):
        slow, fast = math.sin(2 * math.pi * k / 250), math.sin(2 * math.pi * k / 25)
        assert u[k] == pytest.approx(0.8 * slow + 0.2 * fast)
    u = plants.probe(TWO, 100).u[0]
    angle = 2 * math.pi * 37 / 25
    assert u[37] == pytest.approx([math.sin(angle), math.cos(angle)])


@pytest.mark.parametrize("one", plants.PLANTS, ids=lambda p: p.name)
def test_records_are_noisy_and_differ(one: plants.Plant) -> None:
    first, again, other = (plants.record(one, 10, 300, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.measured, again.measured)
    assert not np.array_equal(first.u, other.u)
    np.testing.assert_array_equal(first.y, one.simulate(first.u))
    noise = (first.measured - first.y).std(axis=(0, 1)) / first.y.std(axis=(0, 1))
    assert noise == pytest.approx([plants.NOISE] * one.outputs, rel=0.1)
    moves = np.mean(np.diff(first.u[..., 0], axis=1) != 0, axis=1)
    assert moves[::2].max() < 0.3
    assert (moves[1::2] == 1).all()


def linear_system(u: np.ndarray) -> np.ndarray:
    """A known ARX system with two outputs and one input, step by step."""
    a1, a2 = np.array([[0.5, 0.2], [-0.1, 0.3]]), np.array([[-0.2, 0.0], [0.1, 0.1]])
    b0, b1 = np.array([1.0, 0.3]), np.array([0.0, -0.7])
    y = np.zeros((len(u), len(u[0]) + 2, 2))
    for e, inputs in enumerate(u[..., 0]):
        for t, now in enumerate(inputs):
            before = inputs[t - 1] if t else 0.0
            y[e, t + 2] = 0.1 + a1 @ y[e, t + 1] + a2 @ y[e, t] + b0 * now + b1 * before
    return y[:, 2:]


def test_arx_finds_a_linear_system_and_simulates_it() -> None:
    u = np.random.default_rng(2).standard_normal((4, 50, 1))
    y = linear_system(u)
    model = Arx.fit(u, y, 2, 1)
    np.testing.assert_allclose(model.outputs[0], [[0.5, 0.2], [-0.1, 0.3]], atol=1e-12)
    np.testing.assert_allclose(model.inputs[:, :, 0], [[1.0, 0.3], [0.0, -0.7]], atol=1e-12)
    np.testing.assert_allclose(model.constant, [0.1, 0.1], atol=1e-12)
    fresh = np.random.default_rng(3).standard_normal((2, 80, 1))
    np.testing.assert_allclose(model.simulate(fresh), linear_system(fresh), atol=1e-10)
    np.testing.assert_allclose(model.one_step(fresh, linear_system(fresh)), linear_system(fresh), atol=1e-10)


def test_one_step_sees_the_true_outputs_and_simulation_does_not() -> None:
    model = Arx(np.array([[[0.5]]]), np.zeros((1, 1, 1)), np.zeros(1))
    u, y = np.zeros((1, 3, 1)), np.array([[[4.0], [10.0], [6.0]]])
    np.testing.assert_array_equal(model.one_step(u, y)[0, :, 0], [0, 2, 5])
    np.testing.assert_array_equal(model.simulate(u)[0, :, 0], [0, 0, 0])
    np.testing.assert_array_equal(model.forecast(y, 3)[0, :, 0], [3, 1.5, 0.75])
    np.testing.assert_array_equal(delayed(y, 2)[0, :, 0], [0, 0, 4])


def test_nrmse() -> None:
    y = np.random.default_rng(4).standard_normal((3, 50, 2)) * [1, 10] + 5
    assert plants.nrmse(y, y) == 0
    assert plants.nrmse(np.broadcast_to(y.mean(axis=(0, 1)), y.shape), y) == pytest.approx(1)
    off = y.copy()
    off[..., 1] += 10 * y[..., 1].std()
    assert plants.nrmse(off, y) == pytest.approx(10 / math.sqrt(2))
    assert plants.typical(off, y) == pytest.approx(10 / math.sqrt(2))
    few = y.copy()
    few[0, :5] += 1000
    assert plants.typical(few, y) == 0 < plants.nrmse(few, y)


@pytest.mark.parametrize("one", plants.PLANTS, ids=lambda p: p.name)
def test_narx_feeds_back_what_arx_does(one: plants.Plant) -> None:
    """Without its hidden layer a NARX network is the ARX model of the same orders, open and closed loop."""
    data = plants.record(one, 4, 40, seed=5)
    model = Arx.fit(data.u, data.measured, 2, 1)
    seen = 2 * one.inputs + 2 * one.outputs
    net = rc.Network(
        [rc.Delay(1, input_size=one.inputs), rc.Feedback([rc.Linear(seen, one.outputs)], delays=2)],
        dtype="float64",
    )
    weights = np.concatenate([*model.inputs, *model.outputs], axis=1)
    net.flat[:] = np.concatenate([weights.ravel(), model.constant])
    np.testing.assert_allclose(net(data.u), model.simulate(data.u), atol=1e-10)
    np.testing.assert_allclose(
        net(data.u, teacher=data.measured), model.one_step(data.u, data.measured), atol=1e-10
    )


def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plant", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies plant --quick`" in output
    for name in ("ARX, least squares", "NARX, series-parallel", "NARX, then in closed loop"):
        assert len(re.findall(rf"^\| {name} \| n, m = \d, \d[^|]*\| \*\*0\.\d+", output, re.M)) == len(
            plants.PLANTS
        )


def test_narx_simulates_better_than_arx() -> None:
    task = plant.task(ONE, quick=True)
    linear = plant.linear((3, 1), 0, task)
    taught = plant.teach((3, 1), 0, task)
    before = taught.net.flat.copy()
    tuned = plant.tune(taught, 3e-3, 0, task)
    np.testing.assert_array_equal(taught.net.flat, before)
    assert taught.errors.one_step < 0.7 * linear.one_step
    assert taught.errors.test < 0.7 * linear.test
    assert tuned.errors.test < taught.errors.test
