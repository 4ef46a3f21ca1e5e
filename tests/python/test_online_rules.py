"""The rules of online learning: where each is exact, what it keeps elsewhere, and that all of them go on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, assert_close, randomize
from recurra._rules import OnlineRule
from rtrl_references import EPROP, SNAP, Learner, Rule, elman, gru_after, lstm

INPUT, UNITS, OUTPUT, TIME = 3, 5, 2, 9
FROZEN = rc.SGD(0.0)
AnyRule = OnlineRule | rc.BPTT
RULES: tuple[AnyRule, ...] = (
    rc.RTRL(),
    rc.RTRL(scope="layer"),
    rc.SnAp(1),
    rc.EProp(),
    rc.UORO(3),
    rc.KFRTRL(3),
    rc.BPTT(4),
)


def network(*layers: rc.Layer, dtype: str = "float64", scale: float = 1.0) -> rc.Network:
    made = rc.Network([*layers, rc.Linear(rc.Network(layers).output_size, OUTPUT)], dtype=dtype)
    randomize(made, 1)
    made.flat[:] *= scale
    return made


def data(time: int = TIME, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(time, INPUT)), rng.normal(size=(time, OUTPUT))


def summed(net: rc.Network, rule: AnyRule, time: int = TIME) -> Array:
    """The sum of the steps' gradients over a sequence, the weights at rest."""
    learner, total = rc.Online(net, rule, optimizer=FROZEN), np.zeros_like(net.flat)
    for x, target in zip(*data(time), strict=True):
        learner.step(x, target)
        total += learner.gradient()
    return total


def exact(net: rc.Network, time: int = TIME) -> Array:
    x, target = data(time)
    return net.loss_and_gradient(x, target)[1] * time


def part(net: rc.Network, gradient: Array, layer: int) -> Array:
    """The gradient of one layer's parameters."""
    sizes = [(name, values.size) for name, values in net.parameters.items()]
    ends = np.cumsum([size for _, size in sizes])
    kept = [
        gradient[end - size : end]
        for (name, size), end in zip(sizes, ends, strict=True)
        if name.startswith(f"{layer}.")
    ]
    return np.concatenate(kept)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_biased_rules_differ_from_the_exact_one_on_a_dense_stack(rule: AnyRule) -> None:
    """And say so; whole sequences give the sum of the steps."""
    net = network(rc.LSTM(INPUT, 4), rc.GRU(4, UNITS))
    report = rc.Online.plan(net, rule)
    assert report.exact == (rule == rc.RTRL())
    assert (len(report.dropped) > 0) == (not report.exact)
    assert ("unbiased estimate" in str(report)) == isinstance(rule, rc.UORO)
    assert report.rule.startswith(repr(rule).split("(")[0])
    difference = np.abs(summed(net, rule) - exact(net)).max()
    assert difference < 1e-10 if report.exact else difference > 1e-3
    if isinstance(rule, OnlineRule):
        x, target = data()
        assert_close(net.loss_and_gradient(x, target, rule=rule)[1] * TIME, summed(net, rule), (1e-9, 1e-11))


def test_a_window_as_long_as_the_sequence_is_exact() -> None:
    net = network(rc.LSTM(INPUT, 4), rc.GRU(4, UNITS))
    assert_close(summed(net, rc.BPTT(TIME)), exact(net), (1e-9, 1e-11))
    x, target = data()
    windows = net.loss_and_gradient(x, target, rule=rc.BPTT(4))[1] * TIME
    assert np.abs(summed(net, rc.BPTT(4)) - windows).max() > 1e-3  # not one window after the other


@pytest.mark.parametrize("cell", [rc.IndRNN, rc.SRU, rc.MinGRU, rc.MinLSTM, rc.LRU, rc.ELSTM])
def test_cells_whose_units_are_apart_are_exact_at_the_cost_of_a_trace(cell: Any) -> None:  # noqa: ANN401
    net = network(cell(INPUT, UNITS), scale=0.6)
    for rule in (rc.RTRL(), rc.SnAp(), rc.RTRL(block=3)):
        assert_close(summed(net, rule), exact(net), (1e-9, 1e-11))
    assert rc.Online.plan(net).rule == "RTRL (diagonal, O(p))"
    large = rc.Network([cell(64, 256)])
    cheap, blocked = rc.Online.plan(large), rc.Online.plan(large, rc.RTRL(block=8))
    assert cheap.exact
    assert blocked.exact
    assert cheap.bytes < blocked.bytes / 20


def test_per_layer_the_top_is_exact_and_what_lies_below_is_not() -> None:
    net = network(rc.LSTM(INPUT, 4), rc.GRU(4, UNITS))
    found, expected = summed(net, rc.RTRL(scope="layer")), exact(net)
    assert_close(part(net, found, 1), part(net, expected, 1), (1e-9, 1e-11))
    assert np.abs(part(net, found, 0) - part(net, expected, 0)).max() > 1e-3
    alone = network(rc.GRU(INPUT, UNITS))
    assert rc.Online.plan(alone, rc.RTRL(scope="layer")).exact
    assert_close(summed(alone, rc.RTRL(scope="layer")), exact(alone), (1e-9, 1e-11))


def test_e_prop_is_exact_without_recurrent_weights() -> None:
    net = network(rc.LSTM(INPUT, UNITS))
    net.parameters["0.weight_hh"][:] = 0
    found, expected = summed(net, rc.EProp()), exact(net)
    recurrent = [name == "0.weight_hh" for name, values in net.parameters.items() for _ in range(values.size)]
    assert_close(found, expected, (1e-9, 1e-11))
    assert np.abs(expected[recurrent]).max() > 1e-3


KEPT: dict[str, tuple[AnyRule, Rule]] = {
    "SnAp": (rc.SnAp(), SNAP),
    "EProp": (rc.EProp(), EPROP),
    "BPTT(1)": (rc.BPTT(1), Rule(window=1)),
    "BPTT(6)": (rc.BPTT(6), Rule(window=6)),
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("cell", ["Elman", "LSTM", "GRU"])
def test_what_a_rule_keeps_is_that_part_of_plain_rtrl(cell: str, name: str) -> None:
    """While the weights move at every step."""
    rule, reference = KEPT[name]
    layer, function, states = {
        "Elman": (rc.Elman(INPUT, UNITS), elman, UNITS),
        "LSTM": (rc.LSTM(INPUT, UNITS), lstm, 2 * UNITS),
        "GRU": (rc.GRU(INPUT, UNITS), gru_after, UNITS),
    }[cell]
    net = network(layer)
    plain = Learner(function, dict(net.parameters), states, 2, 0.2, reference)
    dense = Learner(function, dict(net.parameters), states, 2, 0.2)
    learner = rc.Online(net, rule, optimizer=rc.SGD(0.2), batch_size=2)
    rng = np.random.default_rng(3)
    for t in range(50):
        if t == 20:
            learner.reset(1)
            plain.reset(1)
            dense.reset(1)
        x, target = rng.normal(size=(2, INPUT)), rng.normal(size=(2, OUTPUT))
        y, _ = learner.step(x, target)
        assert_close(y, plain.step(x, target), (1e-10, 1e-10))
        dense.step(x, target)
    for parameter, values in plain.p.items():
        assert_close(net.parameters[f"0.{parameter}"], values, (1e-10, 1e-10), parameter)
        if isinstance(rule, rc.BPTT):  # keeps none
            continue
        influence = learner.influence(f"0.{parameter}")
        for row in range(2):
            assert_close(influence[row], plain.rows[row].J[parameter], (1e-9, 1e-10), parameter)
    assert np.abs(net.parameters["0.weight_hh"] - dense.p["weight_hh"]).max() > 1e-3


@pytest.mark.parametrize("rule", [rc.UORO, rc.KFRTRL])
def test_random_rules_are_exact_on_average(rule: type[rc.UORO] | type[rc.KFRTRL]) -> None:
    net = network(rc.GRU(INPUT, UNITS), scale=0.7)
    expected = exact(net, 4)
    draws = np.stack([summed(net, rule(seed), 4) for seed in range(1500)])
    assert np.array_equal(draws[7], summed(net, rule(7), 4))
    assert not np.array_equal(draws[7], draws[8])
    error = draws.mean(axis=0) - expected
    standard = draws.std(axis=0, ddof=1) / np.sqrt(len(draws))
    noisy = standard > 1e-12
    assert noisy.any()
    assert (np.abs(error) <= 4.5 * standard + 1e-10).all()  # of about 200 entries, each with its own noise
    one = network(rc.GRU(INPUT, UNITS), scale=0.7)
    assert np.abs(summed(one, rc.EProp(), 4) - expected)[noisy].max() > 4.5 * standard[noisy].max()


def test_rflo_brings_the_output_error_back_by_a_fixed_random_matrix() -> None:
    """With one output, the gradient of a bias is B_i times the output's error times the trace of phi'."""
    leak, rule = 0.3, rc.RFLO(seed=5)
    net = rc.Network([rc.LeakyElman(INPUT, UNITS, leak=leak), rc.Linear(UNITS, 1)], dtype="float64")
    randomize(net, 1)
    learner = rc.Online(net, rule, optimizer=FROZEN)
    p = net.parameters
    h, trace, e = np.zeros(UNITS), np.zeros((UNITS, INPUT)), np.zeros(UNITS)
    found: list[Array] = []
    for x in data()[0]:
        y, _ = learner.step(x, np.zeros(1))
        phi = np.tanh(p["0.weight_ih"] @ x + p["0.weight_hh"] @ h + p["0.bias"])
        h = (1 - leak) * h + leak * phi
        e = (1 - leak) * e + leak * (1 - phi**2)
        trace = (1 - leak) * trace + leak * np.outer(1 - phi**2, x)
        gradient = dict(
            zip(p, np.split(learner.gradient(), np.cumsum([v.size for v in p.values()])[:-1]), strict=True)
        )
        B = gradient["0.bias"] / (2 * y[0] * e)
        assert_close(
            gradient["0.weight_ih"].reshape(UNITS, INPUT), 2 * y[0] * B[:, None] * trace, (1e-9, 1e-12)
        )
        assert_close(gradient["1.bias"], 2 * y)
        assert (np.abs(B) <= 1 / np.sqrt(UNITS)).all()
        found.append(B)
    assert_close(found, [found[0]] * TIME, (1e-9, 1e-12))
    assert np.abs(found[0] - p["1.weight"][0]).max() > 0.1
    other = rc.Online(net, rc.RFLO(seed=6), optimizer=FROZEN)
    other.step(x, np.zeros(1))
    assert not np.allclose(other.gradient()[: UNITS * INPUT], 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", [*RULES, rc.RFLO(2)], ids=repr)
def test_every_rule_learns_and_goes_on_from_its_file(rule: AnyRule, dtype: str, tmp_path: Path) -> None:
    cell = rc.LeakyElman(INPUT, UNITS, leak=0.4) if isinstance(rule, rc.RFLO) else rc.LSTM(INPUT, UNITS)
    x, _ = data(600)
    x = x.astype(dtype)
    target = np.concatenate([x[:1, :OUTPUT], x[:-1, :OUTPUT]])  # what was seen a step ago

    def make() -> rc.Online:
        net = network(cell, dtype=dtype, scale=0.5)
        return rc.Online(net, rule, optimizer=rc.Adam(5e-3), clip_norm=1.0)

    def run(learner: rc.Online, first: int, last: int) -> list[Any]:
        return [learner.step(x[t], target[t])[1] for t in range(first, last)]

    learner, other = make(), make()
    losses = run(learner, 0, 301)
    learner.save(tmp_path / "learner")
    losses += run(learner, 301, 600)
    run(other, 5, 12)
    other.load(tmp_path / "learner")
    assert run(other, 301, 600) == losses[301:]
    assert np.array_equal(learner.network.flat, other.network.flat)
    assert learner.report() == other.report()
    assert np.mean(losses[-100:]) < 0.9 * np.mean(losses[:100])
    assert learner.report().guard_events == 0
