"""The page about networks: its examples run, and do what it says."""

from typing import Any

import pytest
from pages import run_page


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return run_page("networks.md")


def test_the_examples_run(names: dict[str, Any]) -> None:
    assert names["ar"].input_size == 0
    assert names["tdnn"](names["u"].astype("f4")).shape == (400, 1)
    assert names["ahead"].shape == (5, 1)
    assert names["best"].symbols.ndim == 1


def test_rare_classes_take_few_parameters(names: dict[str, Any]) -> None:
    assert names["surest"].shape == (4, 20)
    assert names["readout_size"] == 202 * 64 + 32 * 64 + 800 * 32 + 16 * 64 + 4000 * 16


def test_what_is_tied_and_frozen(names: dict[str, Any]) -> None:
    lm = names["lm"]
    assert names["one_matrix"]
    assert (lm.parameters["1.weight_ih"] == names["resting"]).all()
    assert lm.tied == (("1.weight_hh", "2.weight_hh"), ("3.weight", "0.weight"))
    assert lm.frozen == ("1.weight_ih",)
    assert not names["slope"][: lm.parameters["0.weight"].size].any()


def test_what_it_costs(names: dict[str, Any]) -> None:
    assert names["counts"].flops == {"step": 2 * 4 * 64 * 80 + 9 * 64, "sequence": 2 * 64 * 4}
    assert names["counts"].trained == names["sized"].flat.size
    assert names["cost"].samples == 5000
    assert names["cost"].seconds_per_epoch > names["cost"].seconds_per_batch


def test_the_plant_is_identified(names: dict[str, Any]) -> None:
    """The mean square of the outputs is about .1."""
    assert names["one_step"] < 1e-3
    assert names["simulated"] < 1e-2
