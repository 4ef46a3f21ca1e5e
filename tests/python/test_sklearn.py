"""The estimators for scikit-learn: its own checks, its tools, and what they compute and learn."""

import copy
import functools
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from recurra.sklearn import NARXRegressor, RecurrentClassifier, RecurrentRegressor, SequenceTagger
from sklearn.base import clone  # type: ignore[import-untyped]
from sklearn.exceptions import NotFittedError  # type: ignore[import-untyped]
from sklearn.model_selection import GridSearchCV, cross_val_predict  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # type: ignore[import-untyped]
from sklearn.utils.estimator_checks import parametrize_with_checks  # type: ignore[import-untyped]

Series = list[npt.NDArray[Any]]

STEPS_IN_ORDER = "a 2-D X is one series, and what a step gives depends on the steps before it"
EXPECTED_FAILURES = {
    kind: {
        "check_methods_sample_order_invariance": STEPS_IN_ORDER,
        "check_methods_subset_invariance": STEPS_IN_ORDER,
    }
    for kind in ("NARXRegressor", "SequenceTagger")
}


def expected_failures(estimator: object) -> dict[str, str]:
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


ESTIMATORS = [NARXRegressor(), RecurrentClassifier(), RecurrentRegressor(), SequenceTagger()]


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)  # type: ignore[untyped-decorator]
def test_scikit_learns_checks(estimator: object, check: Callable[[object], None]) -> None:
    check(estimator)


def ragged(count: int = 80, seed: int = 0) -> tuple[Series, npt.NDArray[Any]]:
    """Sequences of 3 to 8 steps, and a word for the sign of the first step's first feature."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(rng.integers(3, 9), 2)) for _ in range(count)]
    return x, np.array(["minus", "plus"])[[int(row[0, 0] > 0) for row in x]]


def signs_so_far(x: Series) -> Series:
    """For every step, the sign of the sum so far: it cannot be told from the step alone."""
    return [np.sign(np.cumsum(row[:, 0])).astype(int) for row in x]


def padded(x: Series) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    lengths = np.array([len(row) for row in x])
    array = np.full((len(x), lengths.max(), x[0].shape[1]), np.nan, np.float32)  # must never be read
    for row, values in zip(array, x, strict=True):
        row[: len(values)] = values
    return array, lengths


def test_a_classifier_learns_from_lists() -> None:
    x, y = ragged()
    test_x, test_y = ragged(seed=1)
    model = RecurrentClassifier(random_state=0).fit(x, y)
    assert list(model.classes_) == ["minus", "plus"]
    assert model.n_features_in_ == 2
    assert model.score(test_x, test_y) > 0.9
    probabilities = model.predict_proba(test_x)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(test_x)))
    assert np.array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(test_x))
    assert np.log(probabilities) == pytest.approx(model.predict_log_proba(test_x))
    assert RecurrentClassifier(epochs=0, random_state=0).fit(x, y).score(test_x, test_y) < 0.8


def test_predictions_are_the_networks() -> None:
    x, y = ragged()
    model = RecurrentClassifier(hidden_size=5, pooling="mean", epochs=2, random_state=0).fit(x, y)
    assert [layer.type for layer in model.network_.layers] == ["LSTM", "Mean", "Linear"]
    steps = np.concatenate(x)
    scaled = [(row - steps.mean(axis=0)) / steps.std(axis=0) for row in x]
    values, lengths = padded(scaled)
    logits = model.network_(values, lengths=lengths)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert model.predict_proba(x) == pytest.approx(expected, abs=1e-5)


def test_a_constant_feature_becomes_zero_and_not_noise() -> None:
    x, y = ragged()
    constant = [np.concatenate([row, np.full((len(row), 1), 0.1)], axis=1) for row in x]
    model = RecurrentRegressor(epochs=1, random_state=0).fit(constant, y == "plus")
    moved = [row + np.array([0, 0, 1e-9]) for row in constant]
    assert model.predict(moved) == pytest.approx(model.predict(constant), abs=1e-6)


def test_probabilities_of_large_logits() -> None:
    x, y = ragged()
    model = RecurrentClassifier(epochs=0, random_state=0).fit(x, y)
    model.network_.parameters["2.bias"][:] = [1000, 0]
    assert model.predict_proba(x) == pytest.approx(np.tile([1.0, 0.0], (80, 1)))
    assert model.predict_log_proba(x)[:, 1] == pytest.approx(np.full(80, -1000), abs=2)


def test_the_names_of_features_are_those_of_the_last_fit() -> None:
    x, y = ragged()
    model = RecurrentClassifier(epochs=0)
    model.feature_names_in_ = np.array(["a", "b"], object)  # as fitting a data frame leaves it
    assert not hasattr(model.fit(x, y), "feature_names_in_")


@pytest.mark.parametrize("kind", [RecurrentClassifier, RecurrentRegressor, SequenceTagger])
def test_the_three_layouts_agree(kind: type[Any]) -> None:
    x = np.random.default_rng(0).normal(size=(20, 6, 1))
    steps = (x[:, :, 0].cumsum(axis=1) > 0).astype(int)
    tagger = kind is SequenceTagger
    y: Any = steps if tagger else steps[:, -1]
    model = kind(epochs=5, random_state=0)
    array, rows = clone(model).fit(x, y), clone(model).fit(list(x), list(y) if tagger else y)
    found, listed = array.predict(x), rows.predict(list(x))
    assert isinstance(listed, list) == tagger
    assert np.array_equal(np.stack(listed) if tagger else listed, found)
    assert np.array_equal(rows.predict(x), found)
    if tagger:
        assert np.array_equal(array.predict(x[0]), found[0])
        assert array.predict_proba(x).shape == (20, 6, 2)
        assert array.predict_proba(x[0]) == pytest.approx(array.predict_proba(x)[0], abs=1e-6)
    else:
        matrix = clone(model).fit(x[:, :, 0], y)
        assert (array.n_features_in_, matrix.n_features_in_) == (1, 6)
        for other in (x[:, :, 0], x, list(x), list(x[:, :, 0])):
            assert np.array_equal(matrix.predict(other), found)
        assert np.array_equal(rows.predict(x[:, :4, 0]), rows.predict([row[:4] for row in x]))
        with pytest.raises(ValueError, match="X has 4 features, but"):
            matrix.predict(x[:, :4, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_order_of_a_list_never_matters(dtype: str) -> None:
    x, y = ragged(400)  # more than are predicted at once
    order = np.random.default_rng(1).permutation(len(x))
    shuffled = [x[i] for i in order]
    classifier = RecurrentClassifier(epochs=1, dtype=dtype, random_state=0).fit(x, y)
    assert np.array_equal(classifier.predict_proba(shuffled), classifier.predict_proba(x)[order])
    tagger = SequenceTagger(bidirectional=True, epochs=1, dtype=dtype, random_state=0).fit(x, signs_so_far(x))
    found, expected = tagger.predict_proba(shuffled), tagger.predict_proba(x)
    assert all(np.array_equal(row, expected[i]) for row, i in zip(found, order, strict=True))


def test_a_regressor_learns_values_in_their_units() -> None:
    rng = np.random.default_rng(0)
    x = [rng.normal(50, 10, size=(rng.integers(2, 7), 1)) for _ in range(150)]
    y = np.array([[row.mean() * 1000, row[-1, 0] - 1e4] for row in x])
    model = RecurrentRegressor(pooling="mean", cell="gru", epochs=100, random_state=0).fit(x[:100], y[:100])
    assert model.predict(x[100:]).shape == (50, 2)
    assert model.predict(x[100:]).dtype == np.float64
    assert model.score(x[100:], y[100:]) > 0.75
    one = RecurrentRegressor(epochs=1, random_state=0).fit(x, y[:, 0])
    assert one.predict(x).shape == (150,)
    plain = RecurrentRegressor(epochs=0, standardize=False, random_state=0).fit(x, y)
    raw, lengths = padded(x)
    assert np.array_equal(plain.predict(x), plain.network_(raw, lengths=lengths).astype(np.float64))


def test_many_steps_in_float32_are_scaled() -> None:
    x = np.random.default_rng(0).normal(0.01, 0.001, size=(50, 2000, 1)).astype("float32")
    y = np.arange(50.0)
    model = RecurrentRegressor(epochs=0, random_state=0).fit(x, y)
    scaled = (x - x.mean(dtype="float64")) / x.std(dtype="float64")
    expected = model.network_(scaled.astype("float32"))[:, 0] * y.std() + y.mean()
    assert model.predict(x) == pytest.approx(expected, rel=1e-5)


def test_a_tagger_learns_what_a_step_alone_does_not_tell() -> None:
    x, _ = ragged(200)
    y = signs_so_far(x)
    model = SequenceTagger(random_state=0).fit(x[:150], y[:150])
    assert list(model.classes_) == [-1, 1]
    score = model.score(x[150:], y[150:])
    assert score > 0.9
    found = model.predict(x[150:])
    right = [np.mean(a == b) for a, b in zip(found, y[150:], strict=True)]
    assert score == pytest.approx(np.average(right, weights=[len(row) for row in x[150:]]))


def test_a_window_updates_within_one_series() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 1))
    y = (x[:, 0] * np.roll(x[:, 0], 1) > 0).astype(int)
    whole, cut = (SequenceTagger(window=window, epochs=20, random_state=0) for window in (None, 20))
    scores = [model.fit(x[:500], y[:500]).score(x[500:], y[500:]) for model in (whole, cut)]
    assert scores[0] < 0.75 < 0.85 < scores[1]


def test_class_weights_are_scikit_learns() -> None:
    x, y = ragged()
    few = [i for i in range(len(x)) if y[i] == "plus" or i % 4 == 0]
    x, y = [x[i] for i in few], y[few]
    balanced = RecurrentClassifier(class_weight="balanced", epochs=3, random_state=0).fit(x, y)
    weights = {name: len(y) / (2 * np.sum(y == name)) for name in ("minus", "plus")}
    explicit = RecurrentClassifier(class_weight=weights, epochs=3, random_state=0).fit(x, y)
    unweighted = RecurrentClassifier(epochs=3, random_state=0).fit(x, y)
    assert np.array_equal(balanced.predict_proba(x), explicit.predict_proba(x))
    assert balanced.predict_proba(x)[:, 0].mean() > unweighted.predict_proba(x)[:, 0].mean()


def test_early_stopping_keeps_the_best() -> None:
    x, y = ragged(200)
    noise = np.random.default_rng(2).permutation(y)
    model = RecurrentClassifier(early_stopping=True, n_iter_no_change=3, epochs=100, random_state=0)
    history = model.fit(x, noise).history_
    assert history.stopped_early
    assert len(history) < 100
    assert history.best_epoch == int(np.argmin(history.validation_loss))
    with pytest.raises(ValueError, match=r"validation_fraction is 0.1 of 3 sequences, expected at least one"):
        model.fit(x[:3], y[:3])


def test_what_is_held_out_is_not_simply_the_end() -> None:
    x, y = ragged(200)
    order = [*np.flatnonzero(y == "minus")[:80], *np.flatnonzero(y == "plus")[:20]]
    x, y = [x[i] for i in order], y[order]
    model = RecurrentClassifier(early_stopping=True, validation_fraction=0.2, random_state=0).fit(x, y)
    assert model.score(x[80:], y[80:]) > 0.5


def test_searches_over_lists() -> None:
    x, y = ragged()
    search = GridSearchCV(
        RecurrentClassifier(hidden_size=8, epochs=20, random_state=0),
        {"cell": ["gru", rc.Elman, functools.partial(rc.LSTM, peephole=True)], "learning_rate": [1e-5, 1e-2]},
        cv=3,
    ).fit(x, y)
    assert search.best_params_["learning_rate"] == 1e-2
    assert search.best_score_ > 0.8
    tags = signs_so_far(x)
    tagger = GridSearchCV(SequenceTagger(epochs=5, random_state=0), {"hidden_size": [1, 16]}, cv=3).fit(
        x, tags
    )
    assert tagger.best_params_ == {"hidden_size": 16}
    assert cross_val_predict(RecurrentClassifier(epochs=1), x, y, cv=3).shape == y.shape


def test_pipelines() -> None:
    x, y = ragged()
    rows = np.stack([row[:3, 0] for row in x])
    scaled = make_pipeline(
        StandardScaler(), RecurrentClassifier(epochs=20, standardize=False, random_state=0)
    )
    assert scaled.fit(rows * [1, 1000, 1], y).score(rows * [1, 1000, 1], y) > 0.9
    signs = make_pipeline(FunctionTransformer(lambda x: [np.sign(row) for row in x]), RecurrentClassifier())
    assert signs.set_params(recurrentclassifier__random_state=0).fit(x, y).score(x, y) > 0.9


@pytest.mark.parametrize("kind", [RecurrentClassifier, RecurrentRegressor, SequenceTagger])
def test_pickles_and_clones(kind: type[Any]) -> None:
    x, _ = ragged(30)
    y: Any = signs_so_far(x) if kind is SequenceTagger else [float(row[0, 0] > 0) for row in x]
    model = kind(cell=rc.GRU, hidden_size=4, epochs=2, random_state=3).fit(x, y)
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), clone(model).fit(x, y)):
        for found, expected in zip(copied.predict(x), model.predict(x), strict=True):
            assert np.array_equal(found, expected)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        clone(model).predict(x)
    other = clone(model).set_params(random_state=4).fit(x, y)
    assert not np.array_equal(other.network_.flat, model.network_.flat)


def test_an_architecture_of_every_setting() -> None:
    x, y = ragged(10)
    settings: dict[str, Any] = {"hidden_size": 3, "num_layers": 2, "bidirectional": True, "dropout": 0.5}
    model = RecurrentClassifier(cell="lru", epochs=1, dtype="float64", **settings).fit(x, y)
    assert [layer.type for layer in model.network_.layers] == [
        "Bidirectional", "Dropout", "Bidirectional", "Dropout", "Last", "Linear",
    ]  # fmt: skip
    assert model.network_.dtype == np.float64
    assert model.network_.parameters["5.weight"].shape == (2, 12)  # an LRU gives two numbers per unit


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru"},
        {"hidden_size": 3},
        {"num_layers": 2},
        {"bidirectional": True},
        {"pooling": "mean"},
        {"pooling": "max"},
        {"dropout": 0.5},
        {"class_weight": "balanced"},
        {"epochs": 3},
        {"batch_size": 7},
        {"learning_rate": 1e-3},
        {"weight_decay": 0.5},
        {"clip_norm": 1e-6},
        {"standardize": False},
        {"early_stopping": True},
        {"early_stopping": True, "validation_fraction": 0.5},
        {"dtype": "float64"},
        {"random_state": 1},
        {"loss": "mae"},
    ],
    ids=str,
)
def test_every_setting_matters(settings: dict[str, Any]) -> None:
    x, y = ragged(25)
    kind = RecurrentRegressor if "loss" in settings else RecurrentClassifier
    target = (y == "plus").astype(float) if "loss" in settings else y
    plain, other = (kind(**{"epochs": 2, "random_state": 0} | s).fit(x, target) for s in ({}, settings))
    assert not np.array_equal(plain.network_.flat, other.network_.flat)


def test_verbose_shows_the_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = ragged(10)
    RecurrentClassifier(epochs=2).fit(x, y)
    assert capsys.readouterr().err == ""
    RecurrentClassifier(epochs=2, verbose=True).fit(x, y)
    assert "epoch 2/2" in capsys.readouterr().err


DOCUMENTATION = Path(__file__).parents[2] / "docs" / "sklearn.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rpartition("import ")[2].split()[0])
def test_the_documentation_runs(example: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(example, str(DOCUMENTATION), "exec"), names)
    assert names["score"] > 0.9


def test_every_estimator_has_an_example() -> None:
    assert len(EXAMPLES) == len(ESTIMATORS)
