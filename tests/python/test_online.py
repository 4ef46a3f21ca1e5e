"""Online learners: exact gradients add up to BPTT's, outputs are a stream's, rows are separate runs."""

import copy
import pickle
from itertools import pairwise
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
    assert_close,
    build,
    close_to,
    draw_input,
    draw_target,
)

CAUSAL = [name for name in NETWORKS if not any(layer in name for layer in POOLING)]
ELMAN = "Elman(activation=tanh)"
FROZEN = rc.SGD(0.0)
TIME = 7


def looser(dtype: str) -> tuple[float, float]:
    """What other orders of sums over time may change."""
    return (2e-3, 2e-4) if dtype == "float32" else (1e-9, 1e-11)


def problem(
    network: rc.Network, loss: LossName = "mse", batch: int = 3, time: int = TIME
) -> tuple[Array, Array]:
    rng = np.random.default_rng(2)
    x = draw_input(network, (batch, time), rng)
    return x, draw_target(network, network(x), loss, rng)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CAUSAL)
def test_gradients_add_up_to_that_of_bptt(name: str, dtype: str, loss: LossName) -> None:
    network = build(name, dtype)
    x, target = problem(network, loss)
    value, gradient = network.loss_and_gradient(x, target, loss)
    before = network.flat.copy()
    for rule in (rc.RTRL(), rc.RTRL(1), rc.RTRL(block=3)):
        learner = rc.Online(network, rule, loss, FROZEN, batch_size=3)
        sums = np.zeros_like(gradient)
        losses: list[Any] = []
        for t in range(TIME):
            _, found = learner.step(x[:, t].copy(), target[:, t].copy())
            losses.append(found)
            sums += learner.gradient() / TIME
        assert_close(np.mean(losses), value, close_to(dtype))
        assert_close(sums, gradient, looser(dtype))
        whole = network.loss_and_gradient(x, target, loss, rule)
        assert_close(whole[0], value, close_to(dtype))
        assert_close(whole[1], gradient, looser(dtype))
        assert learner.report().guard_events == 0
    assert np.array_equal(network.flat, before)


def test_gradients_of_ragged_masked_and_taught_batches() -> None:
    network, rng = build("NARX"), np.random.default_rng(0)
    x, target = problem(network, batch=4)
    lengths, mask, teacher = (
        np.array([3, 0, TIME, 5]),
        rng.random((4, TIME)) < 0.6,
        rng.normal(size=target.shape),
    )
    for options in (
        {"lengths": lengths},
        {"mask": mask},
        {"teacher": teacher},
        {"lengths": lengths, "mask": mask, "teacher": teacher},
    ):
        expected = network.loss_and_gradient(x, target, **options)
        got = network.loss_and_gradient(x, target, rule=rc.RTRL(), **options)
        assert_close(got[0], expected[0])
        assert_close(got[1], expected[1], looser("float64"))
    single = network.loss_and_gradient(x[0], target[0], rule=rc.RTRL())
    assert_close(single[1], network.loss_and_gradient(x[0], target[0])[1], looser("float64"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CAUSAL)
def test_steps_are_those_of_a_stream(name: str, dtype: str) -> None:
    network = build(name, dtype)
    x, target = problem(network)
    stream, learner = network.stream(batch_size=3), rc.Online(network, optimizer=FROZEN, batch_size=3)
    single, alone = network.stream(), rc.Online(network, optimizer=FROZEN)
    assert learner.batch_size == 3
    assert alone.batch_size == 1
    for t in range(TIME):
        x_t, target_t = x[:, t].copy(), target[:, t].copy()
        expected = stream.step(x_t)
        state = learner.state
        assert_close(learner.predict(x_t), expected, close_to(dtype))
        assert learner.state == state
        y, loss = learner.step(x_t, target_t if t % 2 else None)
        assert (loss is not None) == bool(t % 2)
        assert_close(y, expected, close_to(dtype))
        assert y.dtype == network.dtype
        for block, values in stream.state.items():
            assert_close(learner.state[block], values, close_to(dtype))
        y, _ = alone.step(x_t[1], target_t[1])
        assert_close(y, single.step(x_t[1]), close_to(dtype))


@pytest.mark.parametrize(
    "name", [ELMAN, "LSTM", "GRU(reset=before)", "stack", "Feedback around cells", "Embedding"]
)
def test_influence_is_the_central_difference(name: str) -> None:
    """Of the state after some steps, by every parameter, while the weights rest."""
    network = build(name)
    x, target = problem(network, batch=2, time=5)
    learner = rc.Online(network, rc.RTRL(block=3), optimizer=FROZEN, batch_size=2)
    alone = rc.Online(network, rc.RTRL(1), optimizer=FROZEN)

    def states() -> Array:
        _, last = network(x, return_state=True)
        return np.concatenate(list(last.values()), axis=1)

    for t in range(5):
        learner.step(x[:, t].copy(), target[:, t].copy())
        alone.step(x[0, t].copy() if x.ndim == 3 else x[0, t], target[0, t].copy())
    h = 1e-6
    for parameter, values in network.parameters.items():
        influence = learner.influence(parameter)
        size = states().shape[1]
        assert influence.shape == (2, size, *values.shape)
        assert alone.influence(parameter).shape == (size, *values.shape)
        for place in list(np.ndindex(values.shape))[::3]:
            kept = values[place]
            values[place] = kept + h
            above = states()
            values[place] = kept - h
            difference = (above - states()) / (2 * h)
            values[place] = kept
            assert_close(influence[(slice(None), slice(None), *place)], difference, (1e-6, 1e-8))
            assert_close(alone.influence(parameter)[(slice(None), *place)], difference[0], (1e-6, 1e-8))


def test_the_network_learns_in_place() -> None:
    network = rc.Network([rc.LSTM(1, 8), rc.Linear(8, 1)], seed=0)
    view, before = network.parameters["0.weight_hh"], network.flat.copy()
    learner = rc.Online(network, optimizer=rc.Adam(1e-2))
    series = np.sin(np.arange(1500) * 0.3).astype("f4")[:, None]
    losses: list[Any] = [learner.step(now, then)[1] for now, then in pairwise(series)]
    assert np.mean(losses[-100:]) < np.mean(losses[:100]) / 30
    assert not np.array_equal(network.flat, before)
    assert np.array_equal(view, network.parameters["0.weight_hh"])
    report = learner.report()
    assert (report.steps, report.updates, report.guard_events) == (1499, 1499, 0)
    assert learner.network is network


def test_an_update_is_the_optimizers() -> None:
    network, twin = build("GRU(reset=after)"), build("GRU(reset=after)")
    x, target = problem(network)
    learner = rc.Online(network, optimizer=rc.Adam(0.1), batch_size=3, update_every=2, clip_norm=0.01)
    updater = rc.Adam(0.1).bind(twin)
    assert not learner.gradient().any()
    for t in range(6):
        learner.step(x[:, t].copy(), target[:, t].copy())
        if t % 2 == 0:
            assert np.array_equal(network.flat, twin.flat)
            continue
        gradient = learner.gradient()
        assert np.linalg.norm(gradient) > 0.01
        updater.update(gradient * (0.01 / np.linalg.norm(gradient)))
        assert_close(network.flat, twin.flat, (1e-10, 1e-12))
        twin.flat[:] = network.flat
    kept = learner.gradient()
    kept[:] = 0
    assert learner.gradient().any()


def test_rows_are_separate_runs_and_can_be_reset() -> None:
    """Row by row, the gradient of a batch is the mean of those of learners of their own."""
    network = build("LSTM")
    x, target = problem(network)
    learner = rc.Online(network, optimizer=FROZEN, batch_size=3)
    alone = [rc.Online(network, optimizer=FROZEN) for _ in range(3)]
    for t in range(TIME):
        if t == 4:
            learner.reset(1)
            alone[1].reset()
            assert np.array_equal(learner.state["0.h"][1], network.initial_state()["0.h"][0])
            assert not learner.influence("0.weight_hh")[1].any()
            assert learner.influence("0.weight_hh")[0].any()
        learner.step(x[:, t].copy(), target[:, t].copy())
        for row, one in enumerate(alone):
            one.step(x[row, t].copy(), target[row, t].copy())
            assert_close(learner.state["0.h"][row], one.state["0.h"][0])
        assert_close(learner.gradient(), np.mean([one.gradient() for one in alone], axis=0), (1e-10, 1e-13))
    learner.reset()
    assert learner.state == network.initial_state(3)


def test_weights_scale_losses_and_gradients() -> None:
    network = build("LSTM")
    x, target = problem(network, time=1)
    x, target = x[:, 0].copy(), target[:, 0].copy()

    def found(weight: Any, goal: Array = target) -> tuple[float, Array]:  # noqa: ANN401
        learner = rc.Online(network, optimizer=FROZEN, batch_size=3)
        _, loss = learner.step(x, goal, weight)
        assert loss is not None
        return loss, learner.gradient()

    loss, gradient = found(1.0)
    for twice in (2, 2.0, np.float32(2), np.full(3, 2.0)):
        assert found(twice)[0] == pytest.approx(2 * loss, rel=1e-12)
        assert_close(found(twice)[1], 2 * gradient)
    parts = [found(np.eye(3)[row]) for row in range(3)]
    assert sum(value for value, _ in parts) == pytest.approx(loss, rel=1e-12)
    assert_close(sum(part for _, part in parts), gradient)
    unknown = target.copy()
    unknown[1] = np.nan
    assert found(np.array([1.0, 0.0, 1.0]), unknown)[0] == pytest.approx(parts[0][0] + parts[2][0], rel=1e-12)
    assert found(0.0)[0] == 0
    assert not found(0.0)[1].any()


def test_a_teacher_is_fed_back() -> None:
    network, rng = build("NARX"), np.random.default_rng(0)
    x, target = problem(network)
    teacher = rng.normal(size=target.shape)
    learner = rc.Online(network, optimizer=FROZEN, batch_size=3)
    gradient = np.zeros_like(network.flat)
    for t in range(TIME):
        y, _ = learner.step(x[:, t].copy(), target[:, t].copy(), teacher=teacher[:, t].copy())
        assert_close(y, network(x, teacher=teacher)[:, t])
        gradient = gradient + learner.gradient() / TIME
    assert_close(gradient, network.loss_and_gradient(x, target, teacher=teacher)[1], looser("float64"))


def test_classes_and_ids_may_be_any_integers() -> None:
    network = build("Embedding")
    expected = rc.Online(network, loss="cross_entropy", optimizer=FROZEN).step(4, 1)
    for x, target in ((np.int64(4), np.int8(1)), (np.array(4), np.array(1)), (np.uint8(4), np.uint64(1))):
        y, loss = rc.Online(network, loss="cross_entropy", optimizer=FROZEN).step(x, target)
        assert np.array_equal(y, expected[0])
        assert loss == expected[1]
    y, loss = rc.Online(network, loss="cross_entropy", optimizer=FROZEN, batch_size=2).step([4, 4], [1, 1])
    assert_close(y, [expected[0]] * 2)
    assert loss == pytest.approx(expected[1], rel=1e-12)


def test_a_network_without_input() -> None:
    network = build("autoregressive")
    learner = rc.Online(network, optimizer=FROZEN)
    y, loss = learner.step(target=np.zeros(2))
    assert loss == pytest.approx(np.mean(y**2), rel=1e-12)
    assert learner.predict().shape == (2,)


def test_reload_takes_weights_changed_from_outside() -> None:
    network = build("LSTM")
    x, _ = problem(network)
    learner = rc.Online(network, optimizer=FROZEN)
    learner.step(x[0, 0].copy())
    old = learner.predict(x[0, 1].copy())
    network.flat[:] *= -0.5
    assert np.array_equal(learner.predict(x[0, 1].copy()), old)
    state = learner.state
    learner.reload()
    assert learner.state == state
    expected = network(x[:1, 1:2].copy(), state=state)[0, 0]
    assert_close(learner.predict(x[0, 1].copy()), expected)
    network.flat[0] = np.nan
    with pytest.raises(ValueError, match=r"reload: .*not finite"):
        learner.reload()


def test_outlives_its_network() -> None:
    learner = rc.Online(build("LSTM"))
    _ = [rc.Network([rc.LSTM(3, 64)]) for _ in range(20)]
    assert np.isfinite(learner.step(np.ones(3), np.ones(2))[0]).all()


@pytest.mark.parametrize("name", CAUSAL)
def test_a_plan_is_the_report_before_there_is_a_learner(name: str) -> None:
    network = build(name)
    for options in ({}, {"batch_size": 3, "rule": rc.RTRL(4)}, {"leak": 0.9}, {"update_every": 5}):
        plan = rc.Online.plan(network, **options)
        learner = rc.Online(network, **options)
        assert learner.report() == plan
        assert plan.exact == ("leak" not in options)
        assert plan.steps == plan.updates == plan.guard_events == 0
        assert plan.bytes > 0
        assert plan.flops_per_step > 0
        assert len(plan.dropped) == ("leak" in options)
        if "rule" in options:
            assert plan.block == 4
            assert plan.rule == "RTRL(block=4)"


def test_a_report_reads_well() -> None:
    network = rc.Network([rc.LSTM(32, 64), rc.Linear(64, 1)])
    report = rc.Online.plan(network, rc.RTRL(), leak=0.5)
    first, dropped, size, counts = str(report).splitlines()
    assert first == "RTRL(block=1): not exact"
    assert dropped.startswith("dropped: what leaked")
    assert "MB" in size
    assert "MFlop" in size
    assert counts == "0 steps, 0 updates, 0 guard events"
    assert report.bytes > 4 * 128 * 97 * 256  # J alone
    with pytest.raises(AttributeError):
        report.steps = 3  # type: ignore[misc]


def test_a_leak_forgets() -> None:
    network = build("LSTM")
    x, target = problem(network)
    exact = network.loss_and_gradient(x, target)[1]
    found = {}
    for leak in (0.0, 0.5, 1.0):
        learner = rc.Online(network, optimizer=FROZEN, batch_size=3, leak=leak)
        found[leak] = np.zeros_like(exact)
        for t in range(TIME):
            learner.step(x[:, t].copy(), target[:, t].copy())
            found[leak] = found[leak] + learner.gradient() / TIME
    assert_close(found[1.0], exact, looser("float64"))
    for leak in (0.0, 0.5):
        assert np.abs(found[leak] - exact).max() > 1e-3
    one = network.loss_and_gradient(x[:, :1].copy(), target[:, :1].copy())[1]
    learner = rc.Online(network, optimizer=FROZEN, batch_size=3, leak=0.0)
    learner.step(x[:, 0].copy(), target[:, 0].copy())
    assert_close(learner.gradient(), one, looser("float64"))


def test_a_guard_counts_what_exploded() -> None:
    network = rc.Network([rc.Elman(1, 4, activation="relu"), rc.Linear(4, 1)], dtype="float64", seed=0)
    network.parameters["0.weight_hh"][:] = 3 * np.eye(4)
    network.parameters["0.bias"][:] = 0
    network.parameters["0.weight_ih"][:] = 1
    learner = rc.Online(network, optimizer=rc.SGD(1e-9), guard=1e3)
    for t in range(40):
        learner.step(np.full(1, 1.0 if t == 0 else 0.0), np.zeros(1))
    assert learner.report().guard_events > 0
    assert np.isfinite(network.flat).all()


def test_cannot_be_copied_or_pickled() -> None:
    learner = rc.Online(build("LSTM"))
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"cannot be copied or pickled; save\(\) it"):
            attempt(learner)
    assert repr(learner).startswith("Online(Network([")


def test_rules_are_values() -> None:
    assert rc.RTRL() == rc.RTRL("auto") != rc.RTRL(1)
    assert repr(rc.RTRL(block=3)) == "RTRL(block=3, scope='network')"
    with pytest.raises(AttributeError):
        rc.RTRL().block = 2  # type: ignore[misc]


def test_frozen_parameters_rest() -> None:
    layers = [rc.Embedding(50, 4), rc.GRU(4, 5), rc.Linear(5, 2)]
    network = rc.Network(layers, dtype="float64", seed=1)
    before = {name: value.copy() for name, value in network.parameters.items()}
    options = {"optimizer": rc.SGD(1e-2, l2=0.1), "frozen": ["0", "1.weight_hh"]}
    learner = rc.Online(network, **options)  # type: ignore[arg-type]
    for t in range(TIME):
        learner.step(t, np.array([0.3, -0.2]))
    moved = {name for name, value in network.parameters.items() if not np.array_equal(value, before[name])}
    assert moved == {"1.weight_ih", "1.bias", "2.weight", "2.bias"}
    assert not learner.influence("0.weight").any()
    assert learner.influence("1.bias").any()
    assert rc.Online.plan(network, frozen=["0"]).bytes < rc.Online.plan(network).bytes
    with pytest.raises(ValueError, match=r"^Online: frozen: the network has no parameter '7'$"):
        rc.Online(network, frozen=["7"])
    with pytest.raises(TypeError, match=r"^Online: frozen is '0', expected a sequence of names$"):
        rc.Online(network, frozen="0")
