"""Estimators for river: in its pipelines, by its own checks, and beside the learner they are made of."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("river")
from recurra.river import RecurrentClassifier, RecurrentRegressor
from river import base, checks, compose, evaluate, linear_model, metrics, preprocessing

Samples = list[tuple[dict[Any, Any], Any]]
accuracy: Any = metrics.Accuracy  # untyped
squared: Any = metrics.MSE
ESTIMATORS = (RecurrentRegressor, RecurrentClassifier)


def layers(features: int, outputs: int) -> list[rc.Layer]:
    return [rc.GRU(features, 8), rc.Linear(8, outputs)]


def remembered(steps: int, classes: bool = False) -> Samples:
    """Targets that are told by the input of two steps ago."""
    x = np.random.default_rng(0).normal(size=(steps, 2))
    y = np.concatenate([[0, 0], x[:-2, 0]])
    return [
        (
            {"b": float(b) * 10 + 3, "a": float(a)},
            ("up" if target > 0 else "down") if classes else float(target),
        )
        for (a, b), target in zip(x, y, strict=True)
    ]


CHECKS = [
    pytest.param(cls, check, id=f"{cls.__name__}-{i}-{check.__name__}")
    for cls in ESTIMATORS
    for i, check in enumerate(checks.yield_checks(cls(strict=False)))
]


@pytest.mark.parametrize(("cls", "check"), CHECKS)
def test_rivers_own_checks(cls: Any, check: Any) -> None:  # noqa: ANN401
    check(cls(strict=False).clone())


def test_a_regressor_in_a_pipeline_remembers() -> None:
    data = remembered(3000)
    errors = []
    for last in (RecurrentRegressor(layers), linear_model.LinearRegression()):
        model = preprocessing.StandardScaler() | preprocessing.TargetStandardScaler(last)
        evaluate.progressive_val_score(data[:2000], model, squared())
        errors.append(evaluate.progressive_val_score(data[2000:], model, squared()).get())
    assert errors[0] < 0.25 < 0.8 < errors[1]


def test_a_classifier_in_a_pipeline_remembers() -> None:
    data = remembered(3000, classes=True)
    rates = []
    for last in (RecurrentClassifier(layers, max_classes=2), linear_model.LogisticRegression()):
        model = compose.Pipeline(preprocessing.StandardScaler(), last)
        flags = [(x, y == "up") for x, y in data]
        evaluate.progressive_val_score(flags[:2000], model, accuracy())
        rates.append(evaluate.progressive_val_score(flags[2000:], model, accuracy()).get())
    assert rates[0] > 0.85 > 0.6 > rates[1]


def test_the_regressor_is_the_learner() -> None:
    """Features in the order of their names, a step by learn_one alone."""
    data = remembered(60)
    model = RecurrentRegressor(
        layers, rc.RTRL(3), rc.SGD(0.05), "huber", update_every=2, dtype="float64", seed=5
    )
    network = rc.Network(layers(2, 1), "float64", seed=5)
    learner = rc.Online(network, rc.RTRL(3), "huber", rc.SGD(0.05), update_every=2, clip_norm=1.0)
    assert model.predict_one(data[0][0]) == 0.0
    assert model.learner is None
    for t, (x, y) in enumerate(data):
        vector = np.array([x["a"], x["b"]])
        if t > 0:
            assert model.learner is not None
            state = model.learner.state
            assert model.predict_one(x) == model.predict_one(x) == learner.predict(vector)[0]
            assert model.learner.state == state
        weight = 0.5 if t % 3 else 1.0
        model.learn_one(x, y, weight)
        learner.step(vector, np.array([y]), weight)
        if t == 30:
            model.reset()
            learner.reset()
    assert model.learner is not None
    assert np.array_equal(model.learner.network.flat, network.flat)


def test_classes_are_added_as_they_come() -> None:
    model: Any = RecurrentClassifier(max_classes=3, dtype="float64")
    x: Any = {"a": 1.0}
    assert model.predict_proba_one(x) == {}
    assert model.predict_one(x) is None
    for known, y in enumerate(("red", 2, True), start=1):
        model.learn_one(x, y)
        assert model.classes == ["red", 2, True][:known]
        probabilities = model.predict_proba_one(x)
        assert list(probabilities) == model.classes
        assert math.isclose(sum(probabilities.values()), 1)
    assert model.learner is not None
    logits = model.learner.predict(np.ones(1))
    expected = np.exp(logits) / np.exp(logits).sum()
    assert list(model.predict_proba_one(x).values()) == pytest.approx(expected, rel=1e-12)
    assert model.predict_one(x) == model.classes[int(np.argmax(logits))]
    state = model.learner.state
    with pytest.raises(
        ValueError, match=r"y is 'blue', expected one of the max_classes=3 of \['red', 2, True\]"
    ):
        model.learn_one(x, "blue")
    assert model.learner.state == state
    assert len(model.classes) == 3


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_features_that_come_and_go(cls: Any) -> None:  # noqa: ANN401
    strict, lenient, given = cls(), cls(strict=False), cls()
    first = {"b": 1.0, "a": 2.0}
    for model in (strict, lenient, given):
        model.learn_one(first, 1)
    with pytest.raises(
        ValueError, match=r"learn_one: x lacks the features \['b'\] and has the new ones \['c'\]"
    ):
        strict.learn_one({"a": 1.0, "c": 1.0}, 1)
    with pytest.raises(ValueError, match=r"predict_one|predict_proba_one: x lacks"):
        strict.predict_one({"a": 1.0})
    assert strict.learner.report().steps == 1
    lenient.learn_one({"a": 1.0, "c": 7.0}, 0)
    given.learn_one({"b": 0.0, "a": 1.0}, 0)
    assert np.array_equal(lenient.learner.network.flat, given.learner.network.flat)
    assert lenient.predict_one({}) == given.predict_one({"a": 0, "b": 0})


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_refusals(cls: Any) -> None:  # noqa: ANN401
    model = cls()
    for x, error, message in (
        ([1.0], TypeError, r"x is a list, expected a dict of features by name"),
        ({}, ValueError, r"learn_one: x has no features"),
        ({"a": "red"}, TypeError, r"learn_one: x\['a'\] is 'red', expected a number"),
        ({"a": None}, TypeError, r"learn_one: x\['a'\] is None, expected a number"),
        ({"a": math.nan}, ValueError, r"learn_one: x\['a'\] is nan, expected a finite number"),
        ({"a": 1e300}, ValueError, r"x has the non-finite value inf"),
    ):
        with pytest.raises(error, match=message):
            model.learn_one(x, 1)
        assert model.learner is None
    with pytest.raises(ValueError, match=r"the weight of row 0 is -1"):
        model.learn_one({"a": 1}, 1, w=-1.0)
    assert model.learner is None
    model.learn_one({"a": np.float32(1)}, 1)
    with pytest.raises(TypeError, match=r"predict_(proba_)?one: x\['a'\] is '1', expected a number"):
        model.predict_one({"a": "1"})


def test_refused_settings() -> None:
    x = {"a": 1.0}
    model: Any
    for model, error, message in (
        (RecurrentRegressor(network=lambda m, _: [rc.LSTM(m, 2)]), ValueError, "2 outputs, expected 1"),
        (RecurrentClassifier(max_classes=1), ValueError, "max_classes is 1, expected at least 2"),
        (RecurrentRegressor(loss="squared"), ValueError, "loss is 'squared'"),  # type: ignore[arg-type]
        (RecurrentRegressor(strict=1), TypeError, "strict is 1, expected True or False"),  # type: ignore[arg-type]
        (RecurrentRegressor(dtype="int8"), ValueError, "dtype is 'int8'"),
    ):
        with pytest.raises(error, match=message):
            model.learn_one(x, 1.0)
    for y, refusal in (("1", TypeError), (True, TypeError), (math.inf, ValueError)):
        with pytest.raises(refusal):
            RecurrentRegressor().learn_one(x, y)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_clone_is_untaught_and_a_copy_goes_on(cls: Any) -> None:  # noqa: ANN401
    data = remembered(40, classes=cls is RecurrentClassifier)
    settings = {
        "network": layers,
        "rule": rc.RTRL(5),
        "optimizer": rc.Adam(1e-3),
        "update_every": 3,
        "seed": 7,
    }
    model = cls(**settings)
    for x, y in data[:17]:
        model.learn_one(x, y)
    clone: Any = model.clone()
    assert issubclass(type(clone), base.Estimator)
    assert clone.learner is None
    assert {name: clone._get_params()[name] for name in ("network", "rule", "update_every", "seed")} == {
        name: settings[name] for name in ("network", "rule", "update_every", "seed")
    }
    assert repr(clone._get_params()["optimizer"]) == repr(settings["optimizer"])
    assert cls().clone({"seed": 3}).seed == 3
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for x, y in data[17:]:
        for other in (model, *copies):
            other.learn_one(x, y)
    for other in copies:
        assert np.array_equal(other.learner.network.flat, model.learner.network.flat)
        assert other.predict_one(data[0][0]) == model.predict_one(data[0][0])
        assert other.learner.report() == model.learner.report()
    for x, y in data[:17]:
        clone.learn_one(x, y)
    learner: Any = clone.learner
    assert learner.report().steps == 17
