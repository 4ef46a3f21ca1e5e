"""Streams to learn from against their definitions, the floors against brute force, and the quick runs."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from studies import drift, memory
from studies.__main__ import main
from studies.plants import NOISE
from studies.rules import EXACT, one_pass, rules


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def test_floors_are_the_published_ones_and_those_of_bernoulli_trials() -> None:
    floors = memory.floors()
    assert [round(floors[k], 3) for k in ("nothing", "the near one", "both")] == [0.662, 0.519, 0.454]
    events = list(itertools.product((0, 1), repeat=3))  # near, far, y

    def chance(near: int, far: int, y: int) -> float:
        p = 0.5 + 0.5 * near - 0.25 * far
        return 0.25 * (p if y else 1 - p)

    known = {"nothing": (), "the near one": (0,), "both": (0, 1)}
    for name, places in known.items():
        joint: dict[tuple[int, ...], float] = {}
        for event in events:
            seen = (*(event[k] for k in places), event[2])
            joint[seen] = joint.get(seen, 0.0) + chance(*event)
        given: dict[tuple[int, ...], float] = {}
        for seen, p in joint.items():
            given[seen[:-1]] = given.get(seen[:-1], 0.0) + p
        conditional = -sum(p * math.log(p / given[seen[:-1]]) for seen, p in joint.items() if p)
        assert floors[name] == pytest.approx(conditional, rel=1e-12)


def test_coins_have_the_chances_they_should() -> None:
    task = memory.task(quick=False)
    x, y = memory.stream(task, seed=3)
    assert x.shape == y.shape == (task.steps, 1)
    assert x.mean() == pytest.approx(0.5, abs=0.01)
    past = np.concatenate([np.zeros(task.far), x[:, 0]])
    for near, far in itertools.product((0, 1), repeat=2):
        of = [t for t in range(task.steps) if (past[task.far + t - task.near], past[t]) == (near, far)]
        assert y[of].mean() == pytest.approx(0.5 + 0.5 * near - 0.25 * far, abs=0.015)
    assert not np.array_equal(x, memory.stream(task, seed=4)[0])


def test_losses_of_a_pass_are_those_of_its_outputs() -> None:
    task = memory.task(quick=True)
    passed = memory.learn(rules(())[EXACT], 3e-3, 0, task)
    _, y = memory.stream(task, 0)
    p = 1 / (1 + np.exp(-passed.outputs.astype(float)))
    expected = -np.log(np.where(y == 1, p, 1 - p))[:, 0]
    np.testing.assert_allclose(passed.losses, expected, rtol=1e-4, atol=1e-6)
    assert memory.late(passed) == pytest.approx(expected[-task.steps // 10 :].mean(), rel=1e-4)


def test_rules_that_see_alike_learn_alike() -> None:
    """Over a stream as short as its window, truncated backpropagation is exact but for moving weights."""
    x, y = memory.stream(memory.task(quick=True), 1)
    outputs = {}
    for name, rule in rules((1, 50)).items():
        net = rc.Network([rc.GRU(1, 8), rc.Linear(8, 1)], seed=1)
        outputs[name] = one_pass(net, rule, "binary_cross_entropy", 1e-3, x[:50], y[:50]).outputs
    np.testing.assert_allclose(outputs["BPTT(50)"], outputs[EXACT], rtol=1e-3, atol=1e-5)
    for name in ("SnAp-1", "BPTT(1)"):
        assert np.abs(outputs[name] - outputs[EXACT]).max() > 1e-4


def test_the_plant_changes_when_it_should() -> None:
    u = np.random.default_rng(0).uniform(-1, 1, 60)
    y = {k: 0.0 for k in range(-2, 1)}
    past = {-1: 0.0} | dict(enumerate(u.tolist()))
    for k in range(60):
        product = y[k] * y[k - 1] * y[k - 2] * past[k - 1] * (y[k - 2] - 1)
        if k < 25:
            y[k + 1] = (product + past[k]) / (1 + y[k - 1] ** 2 + y[k - 2] ** 2)
        else:
            y[k + 1] = (product - 1.2 * past[k] + 0.3 * y[k]) / (1 + y[k - 1] ** 2 + 0.5 * y[k - 2] ** 2)
    np.testing.assert_allclose(drift.simulate(u, 25), [y[k] for k in range(1, 61)], rtol=1e-12)


def test_a_network_sees_the_past_alone() -> None:
    task = drift.task(quick=True)
    s = drift.stream(task, 2)
    assert s.x.shape == (2 * task.half, 2)
    assert s.x[0, 1] == 0
    np.testing.assert_array_equal(s.x[1:, 1], s.measured[:-1, 0])
    np.testing.assert_allclose(drift.simulate(s.x[:, 0].astype(float), task.half), s.true[:, 0], atol=1e-5)
    noise = (s.measured - s.true).std() / s.true[: task.half].std()
    assert noise == pytest.approx(NOISE, rel=0.05)
    assert np.mean(np.diff(s.x[:, 0]) != 0) == pytest.approx(1 / 5.5, rel=0.15)


def test_scores_are_of_their_spans() -> None:
    task = drift.task(quick=True)
    s = drift.stream(task, 2)
    good = drift.score(s.measured, s, task)
    assert (good.before, good.soon, good.end, good.overall) == (0, 0, 0, 0)
    off = s.measured.copy()
    off[task.half : task.half + task.soon] = 7
    wrong = drift.score(off, s, task)
    assert (wrong.before, wrong.end) == (0, 0)
    span = s.measured[task.half : task.half + task.soon].astype(float)
    assert wrong.soon == pytest.approx(np.sqrt(np.mean((span - 7) ** 2)) / span.std())


def test_frozen_is_the_same_until_the_change_and_learns_nothing_after_it() -> None:
    task = drift.task(quick=True)
    exact, frozen = drift.learn(rules(())[EXACT], 1e-2, 0, task), drift.frozen(1e-2, 0, task)
    np.testing.assert_array_equal(frozen.outputs[: task.half], exact.outputs[: task.half])
    assert frozen.before == exact.before
    s, net = drift.stream(task, 0), drift.network(task, 0)
    learner = rc.Online(net, optimizer=rc.Adam(1e-2))
    for x, y in zip(s.x[: task.half], s.measured[: task.half], strict=True):
        learner.step(x, y)
    stream = net.stream()
    stream.state = learner.state
    resting = [stream.step(x) for x in s.x[task.half : task.half + 20]]
    np.testing.assert_allclose(frozen.outputs[task.half : task.half + 20], resting, atol=1e-5)
    assert exact.end < 0.5 * frozen.end


def test_quick_drift(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["drift", "--quick", "--plot", str(tmp_path / "drift.png")])
    assert (tmp_path / "drift.png").read_bytes().startswith(b"\x89PNG")
    text = capsys.readouterr().out
    ends = {c[1].strip(): float(c[5].split("**")[1]) for c in cells(text)}
    assert ends["the plant without noise"] < ends[EXACT] < ends["last value"]
    assert ends["last value"] < ends["exact RTRL, no learning after the change"]


def test_quick_memory(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["memory", "--quick", "--plot", str(tmp_path / "memory.png")])
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")
    text = capsys.readouterr().out
    assert re.search(r"best that knows nothing \|  \|  \| 0\.662 ", text)
    losses = {c[1].strip(): float(c[4].split("**")[1]) for c in cells(text) if "**" in c[4]}
    assert losses[EXACT] < 0.5 < 0.53 < losses["BPTT(1)"]
    assert losses["BPTT(5)"] == pytest.approx(losses[EXACT], abs=0.02)


def cells(text: str) -> list[list[str]]:
    """Of the rows of the first table."""
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    return rows[2:]
