"""The studies' problems against what they should be, and their quick runs."""

from __future__ import annotations

import math
import re
import statistics
from pathlib import Path

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from studies import adding, digits, gradients, report
from studies.__main__ import main
from studies.cells import ENTRIES, Entry
from studies.runs import Outcome, Problem, Run, error, study, train


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


@pytest.mark.parametrize("time", [2, 10, 101])
def test_adding_targets_are_the_sums_of_the_marked_values(time: int) -> None:
    x, y = adding.sequences(500, time, seed=4)
    assert x.shape == (500, time, 2)
    assert y.shape == (500, 1)
    assert x.dtype == y.dtype == np.float32
    for sequence, target in zip(x, y, strict=True):
        marked = [float(value) for value, mark in sequence if mark]
        assert len(marked) == 2
        assert target[0] == pytest.approx(math.fsum(marked), rel=1e-6)


def test_adding_marks_lie_in_both_halves_and_everywhere() -> None:
    x, _ = adding.sequences(2000, 10, seed=0)
    marks = x[:, :, 1]
    np.testing.assert_array_equal(marks[:, :5].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 5:].sum(axis=1), 1)
    assert marks.sum(axis=0).min() > 300  # of 400 expected at each step, 18 the standard deviation


def test_adding_mean_baseline() -> None:
    _, y = adding.sequences(20000, 10, seed=0)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert y.var() == pytest.approx(adding.MEAN_BASELINE, rel=0.03)


def test_adding_parts_differ() -> None:
    problem = adding.problem(quick=True)
    parts = [problem.training, problem.validation, problem.test]
    rows = {row.tobytes() for x, _ in parts for row in x}
    assert len(rows) == sum(len(x) for x, _ in parts)


def test_digits_split_is_disjoint_whole_and_fixed() -> None:
    parts = digits.split(1797)
    assert [len(part) for part in parts] == [1197, 300, 300]
    assert set(np.concatenate(parts)) == set(range(1797))
    np.testing.assert_array_equal(np.concatenate(digits.split(1797)), np.concatenate(parts))


def test_digits_are_the_pictures_read_in_order() -> None:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    bunch = load_digits()
    for rows, pixels, part in zip(
        digits.pictures(pixels=False), digits.pictures(pixels=True), digits.split(1797), strict=True
    ):
        assert rows[0].shape[1:] == (8, 8)
        assert pixels[0].shape[1:] == (64, 1)
        for k in (0, 7, -1):
            picture = bunch.images[part[k]]
            np.testing.assert_array_equal(rows[0][k] * 16, picture)
            assert [int(step[0] * 16) for step in pixels[0][k]] == [int(v) for line in picture for v in line]
            assert rows[1][k] == pixels[1][k] == bunch.target[part[k]]


def test_digits_baselines() -> None:
    training, _, test = digits.pictures(pixels=False)
    errors = digits.baselines(training, test)
    assert errors["logistic regression, whole picture"] < 0.05
    commonest = statistics.mode(training[1].tolist())
    wrong = sum(label != commonest for label in test[1].tolist())
    assert errors["always the commonest class"] == pytest.approx(wrong / len(test[1]))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_networks_have_as_many_parameters_as_they_may(entry: Entry) -> None:
    units = entry.units(2, 1, 4513)
    sizes = [entry.network(2, n, 1, 0).flat.size for n in (units, units + 1)]
    assert 0.9 * 4513 < sizes[0] <= 4513 < sizes[1]


@pytest.mark.parametrize("entry", digits.POOLED, ids=lambda entry: entry.name)
def test_pooled_networks_differ_in_what_is_read_out_of_the_same_states(entry: Entry) -> None:
    net, steps = entry.network(8, 5, 10, seed=3), rc.Network([rc.GRU(8, 5)], seed=3)
    x = np.random.default_rng(0).standard_normal((7, 8)).astype(np.float32)
    pool = {"Last": lambda s: s[-1], "Mean": lambda s: s.mean(axis=0), "Max": lambda s: s.max(axis=0)}
    states = pool[entry.name.removeprefix("GRU, ")](steps(x))
    readout = net.parameters["2.weight"] @ states + net.parameters["2.bias"]
    np.testing.assert_allclose(net(x), readout, rtol=1e-5, atol=1e-6)


def test_irnn_starts_as_its_paper_says() -> None:
    irnn = next(entry for entry in ENTRIES if entry.name == "IRNN")
    net = irnn.network(2, 5, 1, seed=3)
    np.testing.assert_array_equal(net.parameters["0.weight_hh"], np.eye(5))
    np.testing.assert_array_equal(net.parameters["0.bias"], 0)
    assert net.layers[0].options["activation"] == "relu"


def test_forget_bias() -> None:
    lstm = ENTRIES[0].network(2, 5, 1, seed=3)
    np.testing.assert_array_equal(lstm.parameters["0.bias"][5:10], 1)


def problem_of(loss: str) -> Problem:
    return adding.problem(quick=True) if loss == "mse" else digits.problem(quick=True, pixels=False)


def test_error_of_regression_is_the_mean_square() -> None:
    problem = problem_of("mse")
    net = ENTRIES[0].network(2, 4, 1, seed=0)
    x, y = problem.test
    assert error(net, problem, problem.test) == pytest.approx(float(np.mean((net(x) - y) ** 2)), rel=1e-5)


def test_error_of_classification_is_the_share_of_wrong_classes() -> None:
    problem = problem_of("cross_entropy")
    net = ENTRIES[0].network(8, 4, 10, seed=0)
    x, y = problem.test
    wrong = sum(int(np.argmax(net(row)) != label) for row, label in zip(x, y, strict=True))
    assert error(net, problem, problem.test) == pytest.approx(wrong / len(x))


def test_a_run_that_diverges_is_infinitely_bad() -> None:
    irnn = next(entry for entry in ENTRIES if entry.name == "IRNN")
    run = train(irnn, 8, 1e30, 0, problem_of("mse"))
    assert run.test == math.inf
    assert run.final > (1e9, 0.0)
    outcome = Outcome("IRNN", 8, 99, 1e30, {1e30: math.inf}, [run] * 3)
    assert adding.row(outcome, problem_of("mse"))[4:] == ["**inf** (inf, inf, inf)", "**-** (-, -, -)", "-"]


def test_updates_to_a_loss() -> None:
    run = Run([0.5, 0.02, 0.009, 0.02, 0.001], (0.0, 0.0), 0.0, 0.0)
    assert run.updates_to(0.01, 300) == 900
    assert run.updates_to(1e-4, 300) is None


def test_the_search_takes_the_rate_with_the_least_validation_error() -> None:
    for outcome in study(problem_of("mse")):
        assert outcome.searched[outcome.rate] == min(outcome.searched.values())
        assert set(outcome.searched) == {1e-2, 3e-2}


def test_quick_adding(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "adding.png"
    main(["adding", "--quick", "--plot", str(figure)])
    output = capsys.readouterr().out
    assert "`python -m studies adding --quick" in output
    errors = {
        name: float(re.search(rf"^\| {re.escape(name)} \|.*\*\*(0\.\d+)\*\* \(", output, re.M)[1])  # type: ignore[index]
        for name in ("LSTM", "GRU", "ELSTM", "Elman (tanh)", "IRNN")
    }
    assert all(value < 0.05 for name, value in errors.items() if name != "Elman (tanh)")  # the mean has 0.167
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.once
@pytest.mark.parametrize("options", [[], ["--pixels"]])
def test_quick_digits(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    main(["digits", "--quick", *options])
    output = capsys.readouterr().out
    errors = [float(value) for value in re.findall(r"\*\*([\d.]+)%\*\*", output)]
    assert len(errors) == len(ENTRIES) + (0 if options else len(digits.POOLED))
    assert errors[0] < (60 if options else 30)  # the LSTM's; chance has 90
    assert all(error < 50 for error in errors[len(ENTRIES) :])


def test_tables_show_medians_and_all_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.median([3.0, 1.0, 2.0], ".1f") == "**2.0** (3.0, 1.0, 2.0)"
    runs = [Run(losses, (0, 0), 0.25, 2.0) for losses in ([0.5, 0.005], [0.005, 0.001], [0.5, 0.5])]
    outcome = Outcome("cell", 7, 99, 0.003, {0.003: 0.1}, runs)
    row = adding.row(outcome, adding.problem(quick=True))
    assert row[:4] == ["cell", "7", "99", "0.003"]
    assert row[5:] == ["**100** (100, 50, -)", "2.0"]
    report.print_table(["a", "b"], [["1", "2"]])
    assert capsys.readouterr().out == "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n"


def test_gradients_quick(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["gradients", "--quick", "--plot", str(tmp_path / "lags.png")])
    text = capsys.readouterr().out
    assert (tmp_path / "lags.png").read_bytes().startswith(b"\x89PNG")
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("|")}
    far = {
        name: float(line.split("|")[-2]) for name, line in rows.items() if name.startswith(("E", "L", "R"))
    }
    assert far["ResidualRNN, linear form"] == 1
    assert far["Elman (tanh), R orthogonal x 0.5"] < 1e-4 < far["LSTM, forget bias 1"]
    assert far["LSTM, forget bias 0"] < far["LSTM, forget bias 1"] < far["LSTM, forget bias 4"]
    assert far["Elman (relu), R orthogonal x 2"] > 100


def test_gradients_of_a_network_that_only_remembers() -> None:
    """The linear residual form carries a gradient unchanged; half an identity halves it."""
    case = next(c for c in gradients.UNTRAINED if c.name == "ResidualRNN, linear form")
    network = case.network(0)
    np.testing.assert_allclose(gradients.by_lag(network, 12), 1)
    assert gradients.radius(network, 12) == pytest.approx(1)
    halving = rc.Network([rc.Elman(2, 4, "relu"), rc.Last(), rc.Linear(4, 1)], dtype="float64")
    halving.parameters["0.weight_hh"][:] = np.eye(4) / 2
    halving.parameters["0.weight_ih"][:] = 1
    halving.parameters["0.bias"][:] = 1
    np.testing.assert_allclose(gradients.by_lag(halving, 12), 0.5 ** np.arange(12))
