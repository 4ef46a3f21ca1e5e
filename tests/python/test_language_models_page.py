"""The page about language models: its examples run, and do what it says."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from pages import DOCS, run_page
from recurra.__main__ import main


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        left = run_page("language_models.md")
        left["commands"] = run_commands(Path("corpus.txt"))
    return left


def run_commands(corpus: Path) -> list[int]:
    """The page's shell commands, in its order."""
    assert corpus.is_file()
    page = (DOCS / "language_models.md").read_text()
    lines = re.findall(r"^    python -m recurra (lm .*)$", page, flags=re.MULTILINE)
    assert len(lines) >= 5
    return [main(shlex.split(line)) for line in lines]


def test_the_commands_run(names: dict[str, Any]) -> None:
    assert names["commands"] == [0] * len(names["commands"])


def test_tokenizers(names: dict[str, Any]) -> None:
    assert names["words"].decode(names["ids"]) == "the dog\nsleeps <unk>"
    assert names["again"] == names["words"]


def test_it_learns(names: dict[str, Any]) -> None:
    assert names["after"] < 0.3 * names["before"]
    assert names["after"] == pytest.approx(names["all_at_once"], rel=1e-5)


def test_it_writes(names: dict[str, Any]) -> None:
    assert len(names["written"]) == 12
    assert names["greedy"].shape == (2, 8)


def test_online(names: dict[str, Any]) -> None:
    assert names["dynamic"] < names["still"]
    assert names["first"].network.tied == (("0.weight", "2.weight"),)
    assert np.isfinite(names["learned"])
    assert isinstance(names["first"], rc.Online)
