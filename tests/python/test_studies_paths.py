"""Graphs, their distances and their sequences against matrices, and the quick run."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from studies import graphs, paths
from studies.__main__ import main
from studies.graphs import Graph, colours, distances, draw_many, marks, outwards, read_out


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


GRAPHS = draw_many(300, seed=4)


def adjacency(graph: Graph) -> np.ndarray:
    matrix = np.zeros((graph.num_nodes, graph.num_nodes), int)
    for i, j in graph.edges:
        matrix[i, j] += 1
        matrix[j, i] += 1
    return matrix


def test_graphs_are_simple_connected_and_sparse() -> None:
    sizes = set()
    for graph in GRAPHS:
        matrix = adjacency(graph)
        assert matrix.max() == 1
        assert not matrix.diagonal().any()
        assert len(graph.edges) == graph.num_nodes - 1 + graph.num_nodes // 4
        reached = np.linalg.matrix_power(matrix + np.eye(graph.num_nodes, dtype=int), graph.num_nodes)
        assert reached.all()
        sizes.add(graph.num_nodes)
    assert sizes == set(range(graphs.FEWEST, graphs.MOST + 1))


def test_distances_are_the_powers_of_the_matrix_that_reach() -> None:
    for graph in GRAPHS:
        reach = np.arange(graph.num_nodes) == graph.source
        expected = np.full(graph.num_nodes, -1)
        for d in range(graph.num_nodes):
            expected[(expected < 0) & reach] = d
            reach = reach | (adjacency(graph) @ reach > 0)
        np.testing.assert_array_equal(distances(graph), expected)


def test_the_colour_flips_with_every_step_of_a_shortest_path() -> None:
    odd_cycles = 0
    for graph in GRAPHS:
        found, far = colours(graph), distances(graph)
        assert found[graph.source] == graph.colour
        for i, j in graph.edges:
            assert (found[i] == found[j]) == (far[i] == far[j])
        odd_cycles += any(far[i] == far[j] for i, j in graph.edges)
    assert odd_cycles > 100


def test_far_nodes_are_not_rare_and_half_of_each_distance_has_either_colour() -> None:
    many = draw_many(3000, seed=5)
    far = np.concatenate([distances(graph) for graph in many])
    found = np.concatenate([colours(graph) for graph in many])
    for d in range(10):
        assert (far == d).mean() > 0.01
        assert found[far == d].mean() == pytest.approx(0.5, abs=0.06)


def test_the_numbers_of_nodes_say_nothing() -> None:
    """Of neighbours they lie as far apart, and of the source as high, as numbers drawn at random."""
    apart = [abs(i - j) / (graph.num_nodes + 1) for graph in GRAPHS for i, j in graph.edges]
    assert np.mean(apart) == pytest.approx(1 / 3, abs=0.02)
    height = [graph.source / (graph.num_nodes - 1) for graph in GRAPHS]
    assert np.mean(height) == pytest.approx(0.5, abs=0.06)
    assert np.mean([i < j for graph in GRAPHS for i, j in graph.edges]) == pytest.approx(0.5, abs=0.03)


def test_marks_show_the_source_and_its_colour_alone() -> None:
    for graph in GRAPHS[:20]:
        x = marks(graph)
        assert x.shape == (graph.num_nodes, 1)
        assert np.flatnonzero(x).tolist() == [graph.source]
        assert x[graph.source] == (-1 if graph.colour else 1)


def test_sequences_tell_the_graph() -> None:
    for graph in GRAPHS[:50]:
        first, *rest = read_out(graph)
        edges, questions = rest[: len(graph.edges)], rest[len(graph.edges) :]
        assert np.flatnonzero(first).tolist() == [graph.source, graphs.SOURCE]
        assert first[graph.source] == (-1 if graph.colour else 1)
        for step, edge in zip(edges, graph.edges, strict=True):
            assert np.flatnonzero(step).tolist() == [*sorted(edge), graphs.EDGE]
        for node, step in enumerate(questions):
            assert np.flatnonzero(step).tolist() == [node, graphs.QUESTION]
        assert len(questions) == graph.num_nodes


def test_outwards_every_edge_touches_what_was_reached() -> None:
    for graph in GRAPHS[:50]:
        sorted_graph = outwards(graph)
        assert sorted(sorted_graph.edges) == sorted(graph.edges)
        assert sorted_graph.source == graph.source
        reached, far = {graph.source}, distances(graph)
        nearest = [min(far[i], far[j]) for i, j in sorted_graph.edges]
        assert nearest == sorted(nearest)
        for i, j in sorted_graph.edges:
            assert {i, j} & reached
            reached |= {i, j}


def test_joined_graphs_lead_both_ways_along_each_edge() -> None:
    some = GRAPHS[:7]
    data = paths.together(some)
    assert len(data.x) == len(data.y) == sum(graph.num_nodes for graph in some)
    joined = data.options["topology"]
    matrix = np.zeros((len(data.x), len(data.x)), int)
    np.add.at(matrix, (joined.source, joined.target), 1)
    first = 0
    for graph in some:
        block = slice(first, first + graph.num_nodes)
        np.testing.assert_array_equal(matrix[block, block], adjacency(graph))
        np.testing.assert_array_equal(data.x[block], marks(graph))
        np.testing.assert_array_equal(data.y[block], colours(graph))
        matrix[block, block] = 0
        first = block.stop
    assert not matrix.any()


def test_the_lstm_answers_the_questions_alone() -> None:
    data = paths.one_by_one(lambda graph: graph, GRAPHS[:5])
    for graph, x, y, asked in zip(GRAPHS, data.x, data.y, data.options["mask"], strict=False):
        assert len(x) == len(y) == len(asked)
        np.testing.assert_array_equal(x, paths.SCALE * read_out(graph))
        assert np.flatnonzero(asked).tolist() == list(range(len(x) - graph.num_nodes, len(x)))
        np.testing.assert_array_equal(y[asked], colours(graph))
    net = paths.lstm(5, seed=1)
    scores = paths.lstm_scores(net, data)
    last = sum(graph.num_nodes for graph in GRAPHS[:5]) - 1
    np.testing.assert_array_equal(scores[last], net(data.x[4])[-1])


def test_what_lies_further_away_than_there_are_rounds_has_no_effect() -> None:
    """A graph and the same with the other colour: only nodes within the rounds can tell them apart."""
    for rounds in (1, 3):
        net = paths.gated(rounds, seed=6)
        for graph in GRAPHS[:10]:
            other = Graph(graph.num_nodes, graph.edges, graph.source, 1 - graph.colour)
            one, two = (paths.graph_scores(net, paths.together([g])) for g in (graph, other))
            differs = (one != two).any(axis=1)
            np.testing.assert_array_equal(differs, distances(graph) <= rounds)


def test_lstms_have_at_most_as_many_parameters() -> None:
    sizes = [contender.network(0).flat.size for contender in paths.task(quick=True).contenders]
    assert sizes[0] == sizes[1]
    assert 0.9 * sizes[0] < sizes[2] == sizes[3] <= sizes[0]


def test_shares_by_distance() -> None:
    task = paths.task(quick=True)
    far = np.concatenate([distances(graph) for graph in task.test])
    outcomes = [paths.Outcome(0.0, far % 3 == k, 1.0, 9) for k in (0, 1, 0)]
    shares = paths.by_distance(outcomes, task)
    assert shares[:9] == [1, 0, 0] * 3
    assert shares[9] == np.mean(far[far >= 9] % 3 == 0)


@pytest.mark.once
def test_quick(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    figure = tmp_path / "paths.png"
    main(["paths", "--quick", "--plot", str(figure)])
    output = capsys.readouterr().out
    assert "`python -m studies paths --quick" in output
    assert figure.read_bytes().startswith(b"\x89PNG")
    for rounds in (1, 3):
        line = next(r for r in output.splitlines() if r.startswith(f"| graph network, R = {rounds} |"))
        shares = [int(share) for share in re.findall(r"\| (\d+)%", line)]
        assert len(shares) == 10
        assert min(shares[: rounds + 1]) > 95
        assert all(25 < share < 75 for share in shares[rounds + 1 :])
