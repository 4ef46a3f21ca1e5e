"""The errors of the estimators for scikit-learn: what they say, and that nothing has changed."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from recurra.sklearn import NARXRegressor, RecurrentClassifier, RecurrentRegressor, SequenceTagger

X = np.arange(40.0).reshape(4, 5, 2)
LABELS = np.array([0, 1, 0, 1])
TAGS = np.tile([0, 1, 0, 1, 1], (4, 1))

INPUTS = [
    (None, "Expected 2D array, got scalar array instead"),
    ([], "Expected 2D array, got 1D array instead"),
    (X[:, :0], r"X has shape \(4, 0, 2\), expected \(sequences, time, features\) with at least 1 of each"),
    (X[np.newaxis], r"X has shape \(1, 4, 5, 2\), expected \(sequences, time, features\)"),
    ([[1, 2], [3]], "X is a list that is no array, expected one"),
    ([X[0], X[1, :, :1]], r"X\[1\] has shape \(5, 1\), expected \('time', 2\) as X\[0\]"),
    ([X[0], X[1, :0]], r"X\[1\] has 0 steps, expected at least 1"),
    ([X], r"X\[0\] has shape \(4, 5, 2\), expected \(time, features\) or \(time,\)"),
    ([X[0], X[1] * np.nan], r"Input X\[1\] contains NaN"),
    ([X[0], X[1] * 1j], "Complex data not supported"),
]

TARGETS = [
    (RecurrentClassifier, None, "requires y to be passed, but the target y is None"),
    (RecurrentClassifier, LABELS[:3], r"inconsistent numbers of samples: \[4, 3\]"),
    (RecurrentClassifier, LABELS + 0.5, "Unknown label type: continuous"),
    (RecurrentClassifier, 1, "y is 1, expected a list or an array of labels"),
    (RecurrentRegressor, None, "requires y to be passed, but the target y is None"),
    (RecurrentRegressor, LABELS[:3], r"inconsistent numbers of samples: \[4, 3\]"),
    (RecurrentRegressor, X, r"y has shape \(4, 5, 2\), expected \(sequences,\) or \(sequences, outputs\)"),
    (RecurrentRegressor, 1.0, r"y has shape \(\), expected \(sequences,\) or \(sequences, outputs\)"),
    (NARXRegressor, None, "requires y to be passed, but the target y is None"),
    (NARXRegressor, LABELS, r"y\[0\] has shape \(\), expected \(time, features\) or \(time,\)"),
    (NARXRegressor, 1.0, "y is 1.0, expected the outputs of 4 series"),
    (NARXRegressor, [], "y has 0 series, expected 4 as X"),
    (NARXRegressor, TAGS[:3], "y has 3 series, expected 4 as X"),
    (NARXRegressor, TAGS[:, :4], r"y\[0\] has 4 steps, expected 5 as X\[0\]"),
    (NARXRegressor, [TAGS[0], TAGS[1], TAGS[2], TAGS * np.nan], r"Input y\[3\] contains NaN"),
    (SequenceTagger, None, "requires y to be passed, but the target y is None"),
    (SequenceTagger, LABELS, r"y\[0\] is .*0.*, expected a list or an array of labels"),
    (SequenceTagger, 0, "y is 0, expected the labels of 4 sequences"),
    (SequenceTagger, [], "y has 0 sequences, expected 4 as X"),
    (SequenceTagger, TAGS[:3], "y has 3 sequences, expected 4 as X"),
    (SequenceTagger, TAGS[:, :4], r"y\[0\] has 4 steps, expected 5 as X\[0\]"),
]

SETTINGS = [
    (RecurrentClassifier, "cell", "tree", "cell is 'tree', expected one of 'elman', .*recurra.GRU"),
    (RecurrentClassifier, "cell", 3, "cell is 3, expected one of"),
    (RecurrentClassifier, "cell", max, "cell is .*max.*, which makes a int, expected a recurra.Layer"),
    (RecurrentClassifier, "pooling", "sum", "pooling is 'sum', expected one of 'last', 'mean', 'max'"),
    (RecurrentClassifier, "hidden_size", 0, "hidden_size is 0, expected at least 1"),
    (RecurrentClassifier, "num_layers", 0, "num_layers is 0, expected at least 1"),
    (RecurrentClassifier, "bidirectional", "yes", "bidirectional is 'yes', expected True or False"),
    (RecurrentClassifier, "dropout", 1.0, "probability is 1.0, expected 0 <= probability < 1"),
    (RecurrentClassifier, "class_weight", {2: 1.0}, "class_weight"),
    (RecurrentClassifier, "epochs", -1, "epochs is -1, expected at least 0"),
    (RecurrentClassifier, "standardize", 1, "standardize is 1, expected True or False"),
    (RecurrentClassifier, "early_stopping", 1, "early_stopping is 1, expected True or False"),
    (RecurrentClassifier, "dtype", "int", "dtype is 'int', expected 'float32' or 'float64'"),
    (RecurrentClassifier, "verbose", 2, "verbose is 2, expected True or False"),
    (RecurrentClassifier, "random_state", "x", "cannot be used to seed"),
    (RecurrentRegressor, "loss", "cross_entropy", "loss is 'cross_entropy', expected 'mse', 'mae', 'huber'"),
    (NARXRegressor, "input_delays", -1, "input_delays is -1, expected at least 0"),
    (NARXRegressor, "output_delays", 0, "output_delays is 0, expected at least 1"),
    (
        NARXRegressor,
        "output_delays",
        5,
        "X has 5 samples in its longest series, expected more than the 5 delays",
    ),
    (NARXRegressor, "present_input", None, "present_input is None, expected True or False"),
    (NARXRegressor, "hidden_sizes", 5, "hidden_sizes is 5, expected a list of sizes"),
    (NARXRegressor, "hidden_sizes", (3, 0), r"hidden_sizes\[1\] is 0, expected at least 1"),
    (NARXRegressor, "loss", "cross_entropy", "loss is 'cross_entropy', expected 'mse', 'mae', 'huber'"),
    (NARXRegressor, "window", 0, "window is 0, expected"),
    (SequenceTagger, "window", 0, "window is 0, expected"),
]


def target(kind: type[Any]) -> Any:  # noqa: ANN401
    return TAGS if kind in (NARXRegressor, SequenceTagger) else LABELS


def check_refused(kind: type[Any], x: object, y: object, settings: dict[str, Any], message: str) -> None:
    model = kind(epochs=0, random_state=0).fit(X[:, :, :1], target(kind))
    model.set_params(**settings)
    before = dict(vars(model))
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(x, y)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    model.predict(X[:, :, :1])


@pytest.mark.parametrize("kind", [NARXRegressor, RecurrentClassifier, RecurrentRegressor, SequenceTagger])
@pytest.mark.parametrize(("x", "message"), INPUTS)
def test_inputs(kind: type[Any], x: object, message: str) -> None:
    check_refused(kind, x, target(kind), {}, message)


@pytest.mark.parametrize(("kind", "y", "message"), TARGETS)
def test_targets(kind: type[Any], y: object, message: str) -> None:
    check_refused(kind, X, y, {}, message)


@pytest.mark.parametrize(("kind", "name", "value", "message"), SETTINGS)
def test_settings(kind: type[Any], name: str, value: object, message: str) -> None:
    check_refused(kind, X, target(kind), {name: value}, message)


def test_a_validation_fraction_leaves_sequences_on_both_sides() -> None:
    settings = {"early_stopping": True, "validation_fraction": 0.1}
    message = "validation_fraction is 0.1 of 4 sequences, expected at least one on each side"
    check_refused(RecurrentClassifier, X, LABELS, settings, message)


def test_a_window_needs_a_network_that_does_not_look_ahead() -> None:
    settings = {"window": 2, "bidirectional": True}
    check_refused(SequenceTagger, X, TAGS, settings, "the network looks ahead")


def test_delays_that_see_no_input() -> None:
    settings = {"input_delays": 0, "present_input": False}
    check_refused(
        NARXRegressor, X, TAGS, settings, "input_delays is 0 and present_input is False, expected at"
    )


def test_outputs_of_a_fitted_narx() -> None:
    model = NARXRegressor(epochs=0).fit(X[0], TAGS[0])
    with pytest.raises(ValueError, match=r"y has 5 steps, expected 1 .. 4: fewer than X"):
        model.forecast(X[0], TAGS[0])
    with pytest.raises(ValueError, match=r"y\[1\] has 6 steps, expected 1 .. 4: fewer than X\[1\]"):
        model.forecast(list(X[:2]), [TAGS[0, :2], np.ones(6)])
    with pytest.raises(ValueError, match="y has series of 2 to 3 steps, expected one length, since X is an"):
        model.forecast(X[:2], [TAGS[0, :2], TAGS[1, :3]])
    with pytest.raises(ValueError, match="y has 2 outputs, expected 1 as in fit"):
        model.forecast(X[0], X[0, :2])
    with pytest.raises(ValueError, match="y has 2 outputs, expected 1 as in fit"):
        model.predict_one_step(X[0], X[0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.predict_one_step(X[0], TAGS[0, :2])


def test_input_of_a_fitted_estimator() -> None:
    model = RecurrentClassifier(epochs=0).fit(X, LABELS)
    message = "X has 1 features, but RecurrentClassifier is expecting 2 features as input"
    for wrong in (list(X[:, :, :1]), X[:, :, :1], X[:, :, 0], list(X[:, :, 0])):
        with pytest.raises(ValueError, match=message):
            model.predict(wrong)


def test_without_scikit_learn_the_extra_is_named() -> None:
    script = "import sys; sys.modules['sklearn'] = None; import recurra; import recurra.sklearn"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: recurra.sklearn needs scikit-learn")
    assert "recurra[sklearn]" in last
