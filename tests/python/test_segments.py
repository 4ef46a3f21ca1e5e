"""Checkpointed BPTT: the gradient of plain BPTT, in `loss_and_gradient` and in `fit`; what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import (
    DTYPES,
    LOSSES,
    NETWORKS,
    POOLING,
    Array,
    LossName,
    Problem,
    assert_close,
    build,
    close_to,
    pose,
    refused,
)
from training import fit, running_sum, small


def with_state(problem: Problem, **options: Any) -> tuple[float, Array, rc.State]:  # noqa: ANN401
    result: Any = problem.value_and_gradient(return_state=True, **options)
    return result  # type: ignore[no-any-return]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradient_is_that_of_plain_bptt(name: str, dtype: str) -> None:
    problem = pose(build(name, dtype))
    plain = with_state(problem)
    for checkpoint in (True, 1, 2, 4, 6, 100):
        cut = with_state(problem, rule=rc.BPTT(checkpoint=checkpoint))
        assert_close(cut[0], plain[0], close_to(dtype))
        assert_close(cut[1], plain[1], close_to(dtype))
        for block in plain[2]:
            assert_close(cut[2][block], plain[2][block], close_to(dtype))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", ["LSTM", "GRU(reset=after)", "stages", "Feedback around cells"])
def test_inside_windows(name: str, loss: LossName) -> None:
    problem = pose(build(name), loss, time=11)
    for window in (4, 9, 11, 20):
        plain = problem.value_and_gradient(rule=rc.BPTT(window))
        for checkpoint in (True, 3):
            cut = problem.value_and_gradient(rule=rc.BPTT(window, checkpoint=checkpoint))
            assert_close(cut[0], plain[0])
            assert_close(cut[1], plain[1])


@pytest.mark.parametrize("name", ["NARX", "Jordan", "Feedback around cells"])
def test_a_teacher_is_fed_in_segments(name: str) -> None:
    problem = pose(build(name), time=11)
    for teacher in (problem.target, None):
        plain = problem.value_and_gradient(teacher=teacher)
        cut = problem.value_and_gradient(teacher=teacher, rule=rc.BPTT(checkpoint=True))
        assert_close(cut[0], plain[0])
        assert_close(cut[1], plain[1])


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "windows": {"window": 7},
    "lengths and validation": {"lengths": np.arange(64) % 13, "validation": 0.25},
    "stateful": {"stateful": True, "shuffle": False, "validation": 0.25},
    "stateful windows": {"stateful": True, "shuffle": False, "window": 5},
    "mask": {"mask": np.random.default_rng(0).random((64, 12)) < 0.7},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_fit_gives_the_same_history(name: str) -> None:
    x, y = running_sum(dtype="float64")
    options = dict(OPTIONS[name])
    window = options.pop("window", None)

    def train(**rule: Any) -> tuple[rc.Network, rc.History]:  # noqa: ANN401
        network = rc.Network(
            [rc.LSTM(1, 8, learned_initial_state=True), rc.GRU(8, 6), rc.Linear(6, 1)], dtype="float64"
        )
        return network, fit(
            network, x, y, rule=rc.BPTT(window, **rule), optimizer=rc.Adam(0.01), clip_norm=1.0, **options
        )

    plain, history = train()
    for checkpoint in (True, 2, 5):
        network, cut = train(checkpoint=checkpoint)
        assert_close(cut.loss, history.loss, (1e-9, 1e-11))
        assert_close(cut.validation_loss, history.validation_loss, (1e-9, 1e-11))
        assert_close(
            network.flat, plain.flat, (1e-7, 1e-9)
        )  # Adam divides small differences by small gradients
        again, _ = train(checkpoint=checkpoint)
        assert np.array_equal(network.flat, again.flat)


@pytest.mark.parametrize("pooling", POOLING)
def test_fit_of_a_class_per_sequence(pooling: str) -> None:
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 5, n) for n in rng.integers(1, 30, 24)]
    y = np.array([min(int((ids == 3).sum()), 2) for ids in x])

    def train(rule: rc.BPTT) -> rc.History:
        layers = [rc.Embedding(5, 4), rc.GRU(4, 6), getattr(rc, pooling)(), rc.Dropout(0.2), rc.Linear(6, 3)]
        return fit(rc.Network(layers, dtype="float64"), x, y, loss="cross_entropy", rule=rule)

    assert_close(train(rc.BPTT(checkpoint=4)).loss, train(rc.BPTT()).loss, (1e-9, 1e-11))


@pytest.mark.parametrize("name", [name for name in NETWORKS if "Dropout" in name or name == "stages"])
def test_masks_are_those_of_plain_bptt(name: str) -> None:
    problem = pose(build(name), time=11)
    plain = problem.value_and_gradient(training=True, seed=5)
    for checkpoint in (True, 1, 4):
        cut = problem.value_and_gradient(rule=rc.BPTT(checkpoint=checkpoint), training=True, seed=5)
        assert_close(cut[0], plain[0])
        assert_close(cut[1], plain[1])
    assert plain[0] != problem.value_and_gradient(rule=rc.BPTT(checkpoint=4), training=True, seed=6)[0]


def test_a_run_goes_on_in_the_same_segments(tmp_path: Path) -> None:
    x, y = running_sum()
    options: dict[str, Any] = {"rule": rc.BPTT(checkpoint=5), "checkpoint": tmp_path / "run.safetensors"}
    network, whole = small(), small()
    fit(network, x, y, epochs=1, **options)
    fit(network, x, y, epochs=3, resume=True, **options)
    fit(whole, x, y, rule=rc.BPTT(checkpoint=5), epochs=3)
    assert np.array_equal(network.flat, whole.flat)
    for rule, got in (
        (rc.BPTT(), "none"),
        (rc.BPTT(checkpoint=True), "none, in segments of the square root"),
        (rc.BPTT(3, checkpoint=5), "3, in segments of 5"),
    ):
        expected = f"window is {got}, expected none, in segments of 5"
        with refused(ValueError, expected, network=network):
            fit(network, x, y, epochs=4, resume=True, **{**options, "rule": rule})


REFUSED: dict[str, tuple[list[rc.Layer], rc.Forest | None, str]] = {
    "Bidirectional": (
        [rc.Linear(3, 4), rc.Bidirectional(rc.GRU(4, 3)), rc.Linear(6, 2)],
        None,
        "layer 1 (Bidirectional) looks ahead",
    ),
    "inside": ([rc.Residual([rc.Bidirectional(rc.GRU(3, 2)), rc.Linear(4, 3)])], None, "layer 0 (Residual)"),
    "Tree": (
        [rc.Linear(3, 4), rc.Tree(rc.GRU(4, 2))],
        rc.Forest([1, 2, 3, -1]),
        "layer 1 (Tree) runs over trees",
    ),
    "nodes": ([rc.Linear(3, 2)], rc.Forest([1, 2, 3, -1]), "got trees, expected sequences"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut(name: str) -> None:
    layers, topology, message = REFUSED[name]
    network = rc.Network(layers)
    x = np.zeros((4, 3) if topology else (2, 4, 3), "f4")
    target = np.zeros((*x.shape[:-1], network.output_size), "f4")
    rule = rc.BPTT(checkpoint=True)
    with refused(ValueError, "loss_and_gradient", message, "checkpointed BPTT", network=network):
        network.loss_and_gradient(x, target, rule=rule, topology=topology)
    with refused(ValueError, "fit", message, "checkpointed BPTT", network=network):
        fit(network, x, target, rule=rule, topology=topology)


def test_decoding_cannot_be_cut() -> None:
    network = rc.Network([rc.EncoderDecoder([rc.GRU(3, 4)], [rc.GRU(2, 4), rc.Linear(4, 2)])])
    x, target = np.zeros((2, 4, 3), "f4"), np.zeros((2, 5, 2), "f4")
    message = "layer 0 (EncoderDecoder) reads whole sequences"
    with refused(ValueError, message, network=network):
        network.loss_and_gradient(x, target, rule=rc.BPTT(checkpoint=2))
    with refused(ValueError, message, network=network):
        fit(network, x, target, rule=rc.BPTT(checkpoint=2))


def test_settings() -> None:
    assert repr(rc.BPTT(checkpoint=True)) == "BPTT(checkpoint=True)"
    assert repr(rc.BPTT(64, checkpoint=8)) == "BPTT(window=64, checkpoint=8)"
    assert repr(rc.BPTT(checkpoint=False)) == "BPTT()"
    for flag in (True, False):
        assert rc.BPTT(checkpoint=np.bool_(flag)).checkpoint is flag  # type: ignore[arg-type]
    assert rc.BPTT(checkpoint=np.int64(3)).checkpoint == 3  # type: ignore[arg-type]
    for checkpoint in (0, -3):
        with pytest.raises(ValueError, match=rf"BPTT: checkpoint is {checkpoint}, expected at least 1"):
            rc.BPTT(checkpoint=checkpoint)
    for wrong in (1.5, "yes", None):
        with pytest.raises(TypeError, match=r"BPTT: checkpoint is .*, expected an integer"):
            rc.BPTT(checkpoint=wrong)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"Online: rule is BPTT\(window=3, checkpoint=2\), expected no check"
    ):
        rc.Online(build("LSTM"), rc.BPTT(3, checkpoint=2))
