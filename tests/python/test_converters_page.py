"""The page about converters and pictures: its examples run, and do what it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import run_page

for name in ("torch_geometric.nn", "networkx", "scipy.sparse", "matplotlib"):
    pytest.importorskip(name)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        left = run_page("converters.md")
        left["written"] = sorted(path.name for path in Path.cwd().iterdir())
    return left


def test_what_was_read(names: dict[str, Any]) -> None:
    assert repr(names["read"].forest) == "Forest(2 trees, 12 nodes, height 4)"
    assert names["read"].words[:4] == [None, "It", None, "works"]
    assert names["molecules"].sizes.tolist() == [3, 3]
    np.testing.assert_allclose(names["first"].nodes[0]["h"], names["h"][0])
    assert names["first"].edges[0, 1] == {"features": [0.96], "type": 0}
    assert names["sentence"].parents.tolist() == [-1, 0, 0, 1, 1]
    assert names["ring"].edge_weights.tolist() == [0.5, 1, 2]
    assert repr(names["graphs"]) == "Graphs(2 graphs, 6 nodes, 6 edges)"
    assert len(names["back"]) == 2


def test_the_sentences_are_learned(names: dict[str, Any]) -> None:
    assert (names["predicted"] == names["classes"]).all()
    np.testing.assert_allclose(
        names["states"] @ names["net"].parameters["2.weight"].T + names["net"].parameters["2.bias"],
        names["net"](names["ids"], names["read"].forest),
        atol=1e-5,
    )


def test_the_pictures_are_there(names: dict[str, Any]) -> None:
    assert names["written"] == ["both.png", "classes.png", "score.png", "states.png", "water.svg"]
