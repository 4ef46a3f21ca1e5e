"""The CO2 forecasts: nothing of the held-out part leaks, AR is least squares, and the quick run."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import co2, forecast
from studies.__main__ import main


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


@pytest.fixture
def final() -> co2.Series:
    return co2.series(co2.TEST, None)


def test_parts(final: co2.Series) -> None:
    choice = co2.series(co2.VALIDATION, co2.TEST)
    assert (final.months[0], final.months[-1], len(final.months)) == ("1958-04", "2001-12", 525)
    assert choice.months[choice.end] == "1985-01"
    assert choice.months[choice.origins[0]] == "1984-12"
    assert choice.months[choice.origins[-1] + 12] == "1991-12"
    assert final.months[final.origins[0]] == "1991-12"
    assert final.months[final.origins[-1] + 12] == "2001-12"


def test_training_sees_nothing_of_what_is_forecast(final: co2.Series) -> None:
    changed = final.ppm.copy()
    changed[final.end :] += 100
    other = replace(final, ppm=changed)
    np.testing.assert_array_equal(other.training, final.training)
    before = final.origins[:1]
    np.testing.assert_array_equal(other.histories(before), final.histories(before))
    for name, ahead in co2.naive(other).items():
        np.testing.assert_array_equal(ahead[0], co2.naive(final)[name][0], err_msg=name)


def test_changes_add_up_to_the_levels(final: co2.Series) -> None:
    origins = final.origins
    truth = np.stack([final.change[t + 1 : t + 13] for t in origins])[..., np.newaxis]
    levels = final.levels(origins, truth)
    np.testing.assert_allclose(levels[3], final.ppm[origins[3] + 1 : origins[3] + 13])
    np.testing.assert_allclose(final.errors(levels), 0, atol=1e-10)
    np.testing.assert_allclose(final.errors(levels + 0.5), 0.5)
    np.testing.assert_array_equal(final.histories(origins)[7, -1, 0], final.change[origins[7]])


def test_naive_forecasts(final: co2.Series) -> None:
    t, ppm = int(final.origins[5]), final.ppm
    ahead = {name: values[5] for name, values in co2.naive(final).items()}
    np.testing.assert_array_equal(ahead["last value"], ppm[t])
    np.testing.assert_array_equal(ahead["seasonal naive"], ppm[t - 11 : t + 1])
    np.testing.assert_allclose(
        ahead["seasonal naive + last year's increase"], ppm[t - 11 : t + 1] + ppm[t] - ppm[t - 12]
    )
    month = int(final.months[t + 1][5:])
    changes = [ppm[i] - ppm[i - 1] for i in range(1, final.end) if int(final.months[i][5:]) == month]
    assert ahead["last value + mean change of the month"][0] == pytest.approx(ppm[t] + np.mean(changes))


@pytest.mark.parametrize("order", [1, 13, 36])
def test_ar_as_a_network_is_ar_in_numpy(final: co2.Series, order: int) -> None:
    model = forecast.ar(order, final)
    histories = final.histories(final.origins)
    ahead = forecast.as_network(model).forecast(histories, 12)
    np.testing.assert_allclose(ahead, model.forecast(histories, 12), atol=1e-10)


def test_ar_minimises_what_the_trained_network_minimises(final: co2.Series) -> None:
    """At the least squares the gradient of the masked loss is 0, its value the residuals' mean square."""
    order = 13
    model = forecast.ar(order, final)
    y = final.training
    mask = np.arange(y.shape[1])[np.newaxis] >= order
    loss, gradient = forecast.as_network(model).loss_and_gradient(None, y, teacher=y, mask=mask)
    np.testing.assert_allclose(gradient, 0, atol=1e-10)
    flat = y[0, :, 0]
    lags = np.stack([flat[order - k : -k] for k in range(1, order + 1)], axis=1)
    residuals = flat[order:] - lags @ model.outputs[:, 0, 0] - model.constant
    assert loss == pytest.approx(np.mean(residuals**2))


def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["forecast", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies forecast --quick`" in output
    year = {
        match[1]: float(match[2])
        for match in re.finditer(r"^\| ([^|]+) \|.*\*\*([\d.]+)\*\* \([^|]*\) \|[^|]*\|$", output, re.M)
    }
    assert year["AR, least squares in NumPy"] == year["the same AR as a network"]
    assert year["AR, least squares in NumPy"] < year["seasonal naive + last year's increase"]
    assert year["last value"] > 3
    assert float(re.search(r"as a network: ([\d.e+-]+) standardised", output)[1]) < 1e-10  # type: ignore[index]
