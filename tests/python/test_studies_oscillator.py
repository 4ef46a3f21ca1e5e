"""The oscillators against teacher-forced RTRL as Williams and Zipser wrote it, and the quick run."""

from __future__ import annotations

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import oscillator
from studies.__main__ import main
from studies.oscillator import SINE, ZERO_ZERO_ONE_ONE


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def logistic(a: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-a))
    return result


def textbook(weights: np.ndarray, wave: np.ndarray, rate: float, forced: bool) -> np.ndarray:
    """The paper's recursion over p^k_ij, with loops; weights (units, units + 1), the last ones biases."""
    units = len(weights)
    y, p = np.zeros(units), np.zeros((units, units, units + 1))
    outputs = []
    for wanted in wave:
        z = np.append(y, 1.0)
        following = logistic(weights @ z)
        q = np.zeros_like(p)
        for k in range(units):
            for i in range(units):
                for j in range(units + 1):
                    total = sum(weights[k, n] * p[n, i, j] for n in range(units)) + (z[j] if i == k else 0.0)
                    q[k, i, j] = following[k] * (1 - following[k]) * total
        outputs.append(following[0])
        weights += rate * (wanted - following[0]) * q[0]
        y, p = following, q
        if forced:
            y[0], p[0] = wanted, 0
    return np.array(outputs)


@pytest.mark.parametrize("forced", [True, False])
def test_an_oscillator_learns_as_the_paper_says(forced: bool) -> None:
    pinned, rate = oscillator.oscillator(3, 2.0, seed=5), 2.0
    net = pinned.learner.network
    into, among, bias = (net.parameters[f"0.0.{name}"] for name in ("weight_ih", "weight_hh", "bias"))
    assert pinned.parameters == 3 * 4
    weights = np.column_stack([into, among[:, 1:], bias])
    wave = ZERO_ZERO_ONE_ONE.wave(60)
    expected = textbook(weights, wave[:, 0], rate, forced)
    got = [pinned.learn(None, value, value if forced else None)[0] for value in wave]
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    np.testing.assert_allclose(np.column_stack([into, among[:, 1:], bias]), weights, rtol=1e-9)
    assert not among[:, 0].any()


def test_waves() -> None:
    assert ZERO_ZERO_ONE_ONE.wave(6)[:, 0].tolist() == [0, 0, 1, 1, 0, 0]
    sine = SINE.wave(60)[:, 0]
    np.testing.assert_allclose(sine[:25], sine[25:50])
    assert (sine.min(), sine.max()) == pytest.approx((0.1, 0.9), abs=2e-3)


def by_hand() -> rc.Online:
    """Two units: the first repeats the second, the second the opposite of the first: 0011 for ever."""
    net = oscillator.oscillator(2, 0.0, seed=0).learner.network
    net.parameters["0.0.weight_ih"][:, 0] = [0, -40]
    net.parameters["0.0.weight_hh"][:, 1] = [40, 0]
    net.parameters["0.0.bias"][:] = [-20, 20]
    return rc.Online(net, optimizer=rc.SGD(0.0))


def test_alone_is_judged_from_where_learning_stopped() -> None:
    learner = by_hand()
    outputs = []
    for steps in range(9):
        # It begins with 0, 1, 1, 0, 0: the wave shifted by one step.
        assert oscillator.alone(learner, ZERO_ZERO_ONE_ONE, steps + 1)
        assert not oscillator.alone(learner, ZERO_ZERO_ONE_ONE, steps)
        outputs.append(round(float(learner.step()[0][0])))
    assert outputs == [0, 1, 1, 0, 0, 1, 1, 0, 0]


def test_bits_and_their_xor() -> None:
    x, y = oscillator.random_bits(2000, seed=3)
    assert set(np.unique(x)) == {0, 1}
    assert x.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)
    for t in range(1, 2000):
        assert y[t, 0] == int(x[t - 1, 0]) ^ int(x[t - 1, 1])


def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["oscillator", "--quick"])
    text = capsys.readouterr().out
    assert "`python -m studies oscillator --quick`" in text
    lines = {tuple(c.strip() for c in r.split("|")[1:4]): r for r in text.splitlines() if r.startswith("|")}
    assert " 2 of 2 " in lines["0011", "2", "yes"]
    assert " 0 of 2 " in lines["0011", "2", "no"]
    assert " 2 of 2 " in lines["pipelined XOR", "3", "-"]
