"""NARXRegressor beside its equation in NumPy, and on systems that are known."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("sklearn")

from recurra.sklearn import NARXRegressor
from sklearn.base import clone  # type: ignore[import-untyped]
from sklearn.metrics import r2_score  # type: ignore[import-untyped]
from sklearn.model_selection import GridSearchCV  # type: ignore[import-untyped]

Array = npt.NDArray[Any]


def linear_system(steps: int, seed: int = 0) -> tuple[Array, Array]:
    """y_t = 0.5 x_t + 0.3 x_{t-1} + 0.6 y_{t-1} - 0.2 y_{t-2}."""
    x = np.random.default_rng(seed).normal(size=(steps, 1))
    y = np.zeros(steps)
    for t in range(steps):
        past = (x[t - 1, 0] if t > 0 else 0.0, y[t - 1] if t > 0 else 0.0, y[t - 2] if t > 1 else 0.0)
        y[t] = 0.5 * x[t, 0] + np.dot([0.3, 0.6, -0.2], past)
    return x, y


def nonlinear_system(steps: int, seed: int = 0) -> tuple[Array, Array]:
    """Two outputs of two inputs, the second far from 0."""
    x = np.random.default_rng(seed).uniform(-1, 1, size=(steps, 2))
    y = np.zeros((steps, 2))
    for t in range(1, steps):
        y[t, 0] = 0.5 * y[t - 1, 0] + np.sin(2 * x[t, 0]) * x[t - 1, 1]
        y[t, 1] = np.tanh(0.8 * y[t - 1, 1] + 2 * x[t, 1] ** 2 - 0.7)
    return x, y * [1, 100] + [0, 500]


def equation(model: NARXRegressor, x: Array, told: Array, steps_told: int) -> Array:
    """The model's equation, step by step, on true outputs for some steps and then on its own."""
    scale = {name: (getattr(model, name).mean, getattr(model, name).scale) for name in ("_input", "_target")}
    x = (x - scale["_input"][0]) / scale["_input"][1]
    told = (told - scale["_target"][0]) / scale["_target"][1]
    weights = list(model.network_.parameters.values())
    y: list[Array] = []
    for t in range(len(x)):
        first = 0 if model.present_input else 1
        taps = [x[t - d] if t >= d else np.zeros(x.shape[1]) for d in range(first, model.input_delays + 1)]
        for d in range(1, model.output_delays + 1):
            known = told[t - d] if d <= t <= steps_told + d - 1 else y[t - d] if t >= d else None
            taps.append(np.zeros(told.shape[1]) if known is None else known)
        value = np.concatenate(taps)
        for i in range(0, len(weights), 2):
            value = (np.tanh(value) if i > 0 else value) @ weights[i].T + weights[i + 1]
        y.append(value)
    outputs: Array = np.array(y) * scale["_target"][1] + scale["_target"][0]
    return outputs


@pytest.mark.parametrize("hidden_sizes", [(), (5,), (4, 3)])
@pytest.mark.parametrize(("input_delays", "present_input"), [(0, True), (2, True), (3, False)])
@pytest.mark.parametrize("output_delays", [1, 3])
def test_it_computes_its_equation(
    hidden_sizes: tuple[int, ...], input_delays: int, present_input: bool, output_delays: int
) -> None:
    x, y = nonlinear_system(40)
    model = NARXRegressor(
        hidden_sizes=hidden_sizes,
        input_delays=input_delays,
        present_input=present_input,
        output_delays=output_delays,
        epochs=2,
        dtype="float64",
        random_state=0,
    ).fit(x, y)
    assert model.predict(x) == pytest.approx(equation(model, x, y, 0), rel=1e-9)
    assert model.predict_one_step(x, y) == pytest.approx(equation(model, x, y, 40), rel=1e-9)
    assert model.forecast(x, y[:30]) == pytest.approx(equation(model, x, y, 30)[30:], rel=1e-9)
    assert model.score(x, y) == pytest.approx(r2_score(y, equation(model, x, y, 0)))


@pytest.mark.parametrize(("input_delays", "output_delays"), [(1, 4), (4, 1)])
def test_the_first_steps_do_not_count_in_training(input_delays: int, output_delays: int) -> None:
    x, y = nonlinear_system(30)
    model = NARXRegressor(
        input_delays=input_delays, output_delays=output_delays, window=None, dtype="float64", random_state=0
    )
    start = clone(model).set_params(epochs=0).fit(x, y)
    errors = (start.predict_one_step(x, y) - y) / y.std(axis=0)
    assert model.fit(x, y).history_.loss[0] == pytest.approx(np.mean(errors[4:] ** 2), rel=1e-9)


def test_held_out_series_keep_their_steps() -> None:
    series = [nonlinear_system(steps, seed) for seed, steps in enumerate((8, 40))]
    xs, ys = [x for x, _ in series], [y for _, y in series]
    for seed in range(4):  # of the order, among other things
        model = NARXRegressor(window=None, dtype="float64", random_state=seed).set_params(
            early_stopping=True, validation_fraction=0.5, learning_rate=0.0, epochs=1
        )
        history, scale = model.fit(xs, ys).history_, np.concatenate(ys).std(axis=0)
        errors = [(found - y) / scale for found, y in zip(model.predict_one_step(xs, ys), ys, strict=True)]
        expected = sorted(np.mean(error[2:] ** 2) for error in errors)
        assert sorted([history.loss[0], history.validation_loss[0]]) == pytest.approx(expected, rel=1e-9)


def test_both_sides_of_a_split_need_a_step_that_counts() -> None:
    series = [linear_system(steps, seed) for seed, steps in enumerate((2, 40))]
    xs, ys = [x for x, _ in series], [y for _, y in series]
    said = set()
    for seed in range(8):
        model = NARXRegressor(early_stopping=True, validation_fraction=0.5, epochs=1, random_state=seed)
        with pytest.raises(ValueError, match=r"no step of the 1 .* series counts") as caught:
            model.fit(xs, ys)
        said.add("held-out" in str(caught.value))
    assert said == {True, False}


def test_it_recovers_a_linear_system() -> None:
    x, y = linear_system(1000)
    model = NARXRegressor(
        hidden_sizes=(), input_delays=1, output_delays=2, standardize=False, epochs=60, random_state=0
    ).fit(x, y)
    weight, bias = model.network_.parameters.values()
    assert weight[0] == pytest.approx([0.5, 0.3, 0.6, -0.2], abs=2e-3)
    assert bias == pytest.approx(0, abs=2e-3)
    test_x, test_y = linear_system(300, seed=1)
    assert model.score(test_x, test_y) > 0.9999
    assert model.forecast(test_x, test_y[:100]) == pytest.approx(test_y[100:], abs=0.02)


def test_it_learns_a_nonlinear_system_in_its_units() -> None:
    x, y = nonlinear_system(2000)
    test_x, test_y = nonlinear_system(500, seed=1)
    model = NARXRegressor(input_delays=1, output_delays=1, random_state=0).fit(x, y)
    linear = clone(model).set_params(hidden_sizes=()).fit(x, y)
    assert model.score(test_x, test_y) > 0.9 > 0.5 > linear.score(test_x, test_y)
    closed, opened = model.predict(test_x), model.predict_one_step(test_x, test_y)
    assert r2_score(test_y, opened) > r2_score(test_y, closed)


def test_the_layouts_agree() -> None:
    series = [nonlinear_system(steps, seed) for seed, steps in enumerate((30, 12, 21))]
    xs, ys = [x for x, _ in series], [y[:, 1] for _, y in series]
    model = NARXRegressor(epochs=3, random_state=0).fit(xs, ys)
    assert model.n_features_in_ == 2
    for x, y, closed, opened, ahead in zip(
        xs,
        ys,
        model.predict(xs),
        model.predict_one_step(xs, ys),
        model.forecast(xs, [y[: 5 + i] for i, y in enumerate(ys)]),
        strict=True,
    ):
        assert closed.shape == y.shape
        assert closed == pytest.approx(model.predict(x), rel=1e-5)
        assert opened == pytest.approx(model.predict_one_step(x, y), rel=1e-5)
        assert ahead == pytest.approx(model.forecast(x, y[: len(y) - len(ahead)]), rel=1e-5)
    cut = np.stack([x[:12] for x in xs]), np.stack([y[:12] for y in ys])
    array, listed = clone(model).fit(*cut), clone(model).fit(list(cut[0]), list(cut[1]))
    assert np.array_equal(array.predict(cut[0]), np.stack(listed.predict(list(cut[0]))))
    assert array.forecast(cut[0], cut[1][:, :5]).shape == (3, 7)
    column = clone(model).fit(cut[0], cut[1][:, :, np.newaxis])
    assert np.array_equal(column.predict(cut[0])[:, :, 0], array.predict(cut[0]))
    one, alone = clone(model).fit(xs[0], ys[0]), clone(model).fit([xs[0]], [ys[0]])
    assert np.array_equal(one.network_.flat, alone.network_.flat)


def test_searches_over_lists_of_series() -> None:
    series = [linear_system(100, seed) for seed in range(4)]
    xs, ys = [x for x, _ in series], [y for _, y in series]
    model = NARXRegressor(hidden_sizes=(), epochs=60, random_state=0)
    search = GridSearchCV(model, {"input_delays": [1], "output_delays": [1, 2]}, cv=2).fit(xs, ys)
    assert search.best_params_["output_delays"] == 2
    assert search.best_score_ > 0.99
    noise = [np.random.default_rng(9).normal(size=100) for _ in ys]
    model.set_params(hidden_sizes=(16,), early_stopping=True, validation_fraction=0.25, epochs=500)
    assert model.fit(xs, noise).history_.stopped_early
