"""The page about external memory: its examples run, and do what it says."""

from typing import Any

import pytest
from pages import run_page


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return run_page("memory.md")


def test_the_state_is_the_memory(names: dict[str, Any]) -> None:
    assert names["shapes"] == {
        "0.y": 20,
        "0.0.h": 64,
        "0.0.c": 64,
        "0.1.memory": 2560,
        "0.1.read_weighting": 128,
        "0.1.write_weighting": 128,
    }
    assert names["y_t"].shape == (8,)


def test_actions_are_weights(names: dict[str, Any]) -> None:
    assert names["actions"].shape == (4, 3)
    assert names["actions"].sum(axis=1) == pytest.approx([1, 1, 1, 1], abs=1e-6)


def test_a_stack_is_learned(names: dict[str, Any]) -> None:
    scores = names["words"](names["x"])
    assert (scores.argmax(axis=2) == names["target"]).mean() > 0.98
