"""The pages about trees and graphs: their examples run, and do what they say."""

from typing import Any

import pytest
from pages import run_page


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return run_page("trees.md")


def test_the_examples_run(names: dict[str, Any]) -> None:
    assert names["forest"].num_trees == 2
    assert names["forest"].roots.tolist() == [4, 7]
    assert names["forest"].height == 3
    assert names["second"].num_nodes == 3
    assert names["shared"].num_trees == 1
    assert names["scores"].shape == (8, 5)
    assert names["at_roots"].shape == (2, 5)
    assert names["y"].shape == (9, 1)
    assert len(names["history"].loss) == 3
