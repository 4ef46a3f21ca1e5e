"""Pictures of trees and graphs: where nodes stand, what is drawn, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st
from recurra._layouts import layers, spread

pytest.importorskip("matplotlib")
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

READ = rc.Forest.from_brackets(["(3 (2 It) (4 (2 works) (3 $)))", "(S (NP a) (VP b))"])
ROUTES = rc.Graphs([0, 1, 1, 2, 3, 4], [1, 0, 2, 2, 4, 3], [3, 2])


def discs(figure: Figure) -> list[PathCollection]:
    return [part for part in figure.axes[0].collections if isinstance(part, PathCollection)]


def places(part: PathCollection) -> npt.NDArray[np.float64]:
    return np.asarray(part.get_offsets())


def colour(part: PathCollection) -> tuple[float, ...]:
    first: list[float] = np.asarray(part.get_facecolor())[0].tolist()
    return tuple(first)


def arrows(figure: Figure) -> list[tuple[Any, Any, str]]:
    """From where to where, and with which heads."""
    return [
        (*part._posA_posB, type(part.get_arrowstyle()).__name__)  # type: ignore[attr-defined]
        for part in figure.axes[0].patches
        if isinstance(part, FancyArrowPatch)
    ]


# Where nodes stand


@given(st.data())
def test_a_tree_stands_in_layers(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 20))
    parents = np.array([data.draw(st.integers(-1, node - 1)) for node in range(size)])
    found = layers(size, np.flatnonzero(parents >= 0), parents[parents >= 0])
    for node, parent in enumerate(parents):
        assert found[node, 1] == (0 if parent < 0 else found[parent, 1] - 1)
        below = found[parents == node, 0]
        assert (np.diff(below) >= 1).all()  # in order, and apart
        if below.size:
            assert found[node, 0] == (below[0] + below[-1]) / 2
    for level in np.unique(found[:, 1]):
        assert (np.diff(np.sort(found[found[:, 1] == level, 0])) >= 1).all()
    leaves = np.setdiff1d(np.arange(size), parents)
    assert sorted(found[leaves, 0]) == list(range(leaves.size))


@given(st.data())
def test_an_acyclic_graph_stands_below_all_its_parents(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 8))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))))
    edges = np.array([pair for pair in pairs if pair[0] > pair[1]], np.int64).reshape(-1, 2)
    found = layers(size, edges[:, 0], edges[:, 1])
    for node in range(size):
        above = found[edges[edges[:, 0] == node, 1], 1]
        assert found[node, 1] == (above.min() - 1 if above.size else 0)
    assert len(np.unique(found, axis=0)) == size


def test_deep_trees_and_long_rows() -> None:
    nodes = np.arange(1, 50_000)
    assert layers(50_000, nodes, nodes - 1)[-1].tolist() == [0, -49_999]
    assert layers(50_000, nodes, 0 * nodes)[0].tolist() == [49_998 / 2, 0]


def test_neighbours_stand_near_each_other() -> None:
    """A grid can be drawn true to its distances along the axes; a path and a ring likewise."""
    node = np.arange(12).reshape(3, 4)
    source = np.concatenate([node[:, :-1].ravel(), node[:-1].ravel()])
    target = np.concatenate([node[:, 1:].ravel(), node[1:].ravel()])
    found = spread(12, source, target)
    apart = np.linalg.norm(found[:, None] - found, axis=2)
    away = apart + 10 * np.eye(12)
    away[source, target] = away[target, source] = 10
    assert apart[source, target].max() < away.min()
    path = spread(5, np.arange(4), np.arange(1, 5))
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 1, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(path[4] - path[0]), 4, atol=0.02)
    ring = spread(6, np.arange(6), (np.arange(6) + 1) % 6)
    radius = np.linalg.norm(ring - ring.mean(0), axis=1)
    np.testing.assert_allclose(radius, radius[0], rtol=0.02)


def test_what_does_not_hang_together_stands_apart() -> None:
    found = spread(5, np.array([0, 2]), np.array([1, 3]))
    apart = np.linalg.norm(found[:, None] - found, axis=2)
    assert max(apart[0, 1], apart[2, 3]) < apart[:2, 2:].min()


@pytest.mark.parametrize("size", [0, 1, 2, 3, 401, 5000])
def test_graphs_without_edges_stand_somewhere(size: int) -> None:
    nothing = np.zeros(0, np.int64)
    found = spread(size, nothing, nothing)
    assert found.shape == (size, 2)
    assert len(np.unique(found.round(6), axis=0)) == size
    np.testing.assert_array_equal(found, spread(size, nothing, nothing))


# What is drawn


def test_a_tree_with_states(tmp_path: Path) -> None:
    net = rc.Network([rc.Embedding(8, 4), rc.Tree(rc.LSTM(4, 4), arity=2)], seed=1)
    h = net(np.arange(8), READ.forest)[:, 0]
    path = tmp_path / "tree.png"
    figure = rc.draw(READ.forest, h, labels=READ.words, title="h", path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (hollow, filled) = discs(figure)
    assert len(places(hollow)) == 0
    np.testing.assert_array_equal(filled.get_array(), h[:5])
    np.testing.assert_array_equal(places(filled), [[0.75, 0], [0, -1], [1.5, -1], [1, -2], [2, -2]])
    (lines,) = (part for part in figure.axes[0].collections if isinstance(part, LineCollection))
    assert sorted(tuple(map(tuple, segment)) for segment in lines.get_segments()) == [
        ((0.75, 0), (0, -1)),
        ((0.75, 0), (1.5, -1)),
        ((1.5, -1), (1, -2)),
        ((1.5, -1), (2, -2)),
    ]
    assert [text.get_text() for text in figure.axes[0].texts] == ["", "It", "", "works", "$"]
    assert not any(text.get_parse_math() for text in figure.axes[0].texts)
    assert figure.axes[0].get_title() == "h"
    assert len(figure.axes) == 2  # with the colour bar


def test_children_stand_in_the_order_of_their_slots() -> None:
    forest = rc.Forest([-1, 0, 0, 0], [0, 2, 0, 1])
    (found,) = discs(rc.draw(forest))
    np.testing.assert_array_equal(places(found)[1:, 0], [2, 0, 1])


def test_the_second_tree_has_values_of_its_own() -> None:
    figure = rc.draw(READ.forest, np.arange(8.0), labels=READ.labels, structure=1)
    np.testing.assert_array_equal(discs(figure)[1].get_array(), [5, 6, 7])
    assert [text.get_text() for text in figure.axes[0].texts] == ["S", "NP", "VP"]
    (second,) = discs(rc.draw(ROUTES, structure=1))
    assert len(places(second)) == 2


def test_colours() -> None:
    filled = discs(rc.draw(READ.forest, np.arange(8) - 1.0))[1]
    assert (filled.get_clim(), filled.get_cmap().name) == ((-3, 3), "coolwarm")
    filled = discs(rc.draw(READ.forest, np.arange(8.0)))[1]
    assert (filled.get_clim(), filled.get_cmap().name) == ((0, 4), "viridis")
    filled = discs(rc.draw(READ.forest, np.arange(8.0), limits=(-1, 9)))[1]
    assert (filled.get_clim(), filled.get_cmap().name) == ((-1, 9), "viridis")
    hollow, filled = discs(rc.draw(READ.forest, [0, np.nan, 2, np.nan, 4, 5, 6, 7]))
    assert (len(places(hollow)), len(places(filled))) == (2, 3)
    rc.draw(READ.forest, np.full(8, np.nan)).draw_without_rendering()


@pytest.mark.parametrize("values", [[1, 0, 1, 2, 0, 5, 5, 5], list("babca") + list("zzz")])
def test_classes_have_a_legend(values: list[Any]) -> None:
    figure = rc.draw(READ.forest, values)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == sorted({str(value) for value in values[:5]})
    expected = layers(5, READ.forest.source[:4], READ.forest.target[:4])
    for name, part in zip(names, discs(figure), strict=True):
        np.testing.assert_array_equal(places(part), expected[[str(value) == name for value in values[:5]]])
    colours = {colour(part) for part in discs(figure)}
    assert len(colours) == 3


def test_many_classes_differ() -> None:
    forest = rc.Forest([-1] + [0] * 29)
    colours = {colour(part) for part in discs(rc.draw(forest, np.arange(30)))}
    assert len(colours) == 30


def test_arrows_of_a_graph() -> None:
    figure = rc.draw(ROUTES)
    (found,) = discs(figure)
    at = places(found)
    assert colour(found) == to_rgba("white")
    (both, there) = arrows(figure)
    assert both[2] == "CurveFilledAB"
    assert there[2] == "CurveFilledB"
    np.testing.assert_allclose(both[:2], at[[0, 1]])
    np.testing.assert_allclose(there[:2], at[[1, 2]])
    (ring,) = (part for part in figure.axes[0].patches if isinstance(part, Circle))
    assert np.hypot(*(ring.get_center() - at[2])) == pytest.approx(ring.radius)  # through the node
    figure.draw_without_rendering()


def test_several_parents_have_arrows() -> None:
    forest = rc.Forest.from_edges([0, 0], [1, 2], 3)
    figure = rc.draw(forest)
    assert [style for *_, style in arrows(figure)] == ["CurveFilledB"] * 2


def test_arrows_go_around_the_nodes_between() -> None:
    figure = rc.draw(rc.Forest.from_edges([0, 0, 1], [1, 2, 2], 3))  # 0 stands below 1 below 2
    bends = {
        tuple(np.abs(np.subtract(*part._posA_posB)).tolist()): part.get_connectionstyle().rad  # type: ignore[attr-defined]
        for part in figure.axes[0].patches
    }
    assert bends == {(0, 1): 0, (0, 2): 0.2}


def test_into_a_figure_there_is(tmp_path: Path) -> None:
    figure = Figure()
    first, second = figure.subplots(1, 2)
    assert rc.draw(READ.forest, np.arange(8.0), ax=first) is figure
    assert rc.draw(ROUTES, ax=second, path=tmp_path / "both.svg") is figure
    assert (tmp_path / "both.svg").stat().st_size > 0
    part = figure.add_subfigure(figure.add_gridspec(2, 1)[0])
    assert rc.draw(READ.forest, np.arange(8.0), ax=part.add_subplot()) is figure


@pytest.mark.parametrize("topology", [rc.Forest([-1]), rc.Graphs([], [], 1), rc.Graphs([], [], 0)])
def test_hardly_anything(topology: rc.Forest | rc.Graphs) -> None:
    rc.draw(topology, np.zeros(topology.num_nodes)).draw_without_rendering()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([3], {}, TypeError, "topology is a int, expected a Forest or Graphs"),
        ([READ], {}, TypeError, "topology is a Brackets, expected a Forest or Graphs"),
        ([ROUTES], {"structure": 2}, IndexError, r"structure is 2, expected 0 \.\. 1"),
        ([ROUTES], {"structure": -1}, ValueError, "structure is -1, expected at least 0"),
        ([rc.Forest([])], {}, IndexError, "structure is 0, but there is no tree"),
        ([ROUTES, np.zeros((5, 2))], {}, ValueError, r"values has shape \(5, 2\), expected \(nodes,\)"),
        ([ROUTES, np.zeros(4)], {}, ValueError, r"values has shape \(4,\), expected \(nodes,\) = \(5,\)"),
        ([ROUTES, [1j] * 5], {}, TypeError, "values has dtype complex128"),
        ([ROUTES, [None] * 5], {}, TypeError, "values has dtype object"),
        ([ROUTES, [0, 1, np.inf, 0, 0]], {}, ValueError, r"values\[2\] is inf, expected a finite"),
        ([ROUTES], {"labels": ["a"]}, ValueError, "labels has length 1, expected 5"),
        ([ROUTES], {"labels": "abcde"}, ValueError, "labels is 'abcde', expected a list"),
        ([ROUTES], {"limits": (0, 1)}, ValueError, "expected None unless values are real numbers"),
        ([ROUTES, np.arange(5)], {"limits": (0, 1)}, ValueError, "expected None unless values are real"),
        ([ROUTES, np.zeros(5)], {"limits": (1, 1)}, ValueError, r"limits is \(1, 1\), expected"),
        ([ROUTES, np.zeros(5)], {"limits": (np.nan, 1)}, ValueError, r"limits is \(nan, 1\), expected"),
        ([ROUTES, np.zeros(5)], {"limits": 3}, ValueError, "limits is 3, expected"),
        ([ROUTES, np.zeros(5)], {"limits": ("a", 1)}, TypeError, "limits is 'a', expected a number"),
    ],
)
def test_refusals(
    arguments: list[Any], options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        rc.draw(*arguments, **options, path=tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
