"""The page about machines: its examples run, and its table is the library's."""

import re
from typing import Any

import pytest
from pages import DOCS, run_page
from recurra._stack_code import StackCode


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return run_page("machines.md")


def test_the_examples_run(names: dict[str, Any]) -> None:
    assert names["bits"] == [0, 1, 1]
    assert names["y"].shape == (217, 4 + 5 + 2)
    assert names["sums"] == ["1100", "1000", "1"]


def test_the_stack_that_is_too_deep(names: dict[str, Any]) -> None:
    assert names["refused"].startswith("decode: at step 56 a stack became deeper than 26 symbols")


def test_the_table_of_depths() -> None:
    rows = re.findall(
        r"^\| ([\d, to]+) \| (\d+) \| (\d+) \|$", (DOCS / "machines.md").read_text(), re.MULTILINE
    )
    assert len(rows) == 4
    for symbols, base, depth in rows:
        ends = [int(number) for number in re.findall(r"\d+", symbols)]
        for number in range(ends[0], ends[-1] + 1):
            assert (StackCode(number).base, StackCode(number).depth) == (int(base), int(depth))
