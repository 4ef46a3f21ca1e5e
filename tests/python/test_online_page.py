"""The page about online learning: its examples run, and do what it says."""

import re
import textwrap
from typing import Any

import numpy as np
import pytest
from pages import DOCS, run_page


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        left = run_page("online.md")
    return left


def test_it_learns_and_learns_anew(names: dict[str, Any]) -> None:
    losses = names["losses"]
    first, learned, changed, again = (
        np.mean(losses[i : i + 100]) for i in (0, 2900, 3000, len(losses) - 100)
    )
    assert learned < first / 20
    assert changed > 20 * learned
    assert again < changed / 20


def test_what_it_says_of_the_learners(names: dict[str, Any]) -> None:
    assert (names["report"].steps, names["report"].updates) == (800, 100)
    assert names["influence"].shape == (16, 48, 16)
    assert names["gradient"].shape == names["net"].flat.shape
    assert names["loss"] is None
    assert all(names["same"])
    assert len(names["same"]) == 100
    assert re.search(r"needs about \d{9,} bytes .*expected at most 100000000", names["refusal"])


def test_memory_is_what_it_says(names: dict[str, Any]) -> None:
    """The influence of an LSTM, as the page rounds it: of the state by W, R and the bias."""
    for units, megabytes in ((64, 13), (256, 606)):
        influence = 4 * (2 * units) * (4 * units) * (32 + units + 1) / 1e6
        assert influence == pytest.approx(megabytes, rel=0.03)
        assert influence < names["plans"][units].bytes / 1e6 < 8 * influence


def test_the_example_for_river(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("river")
    found = re.search(r"\n    from river.*?\n\n- ", (DOCS / "online.md").read_text(), flags=re.DOTALL)
    assert found is not None
    left: dict[str, Any] = {}
    exec(textwrap.dedent(found.group().removesuffix("- ")), left)
    assert left["model"]["RecurrentClassifier"].learner.report().steps == 1250
