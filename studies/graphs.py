"""Connected sparse graphs in which a colour flips along every edge of a shortest path from one node.

One node, the source, shows one of two colours. A node at an odd distance from it has the other colour, one at
an even distance the same. That is the parity of the distance, put in such a way that who has not heard of the
source knows nothing: half of any guesses are right, at every distance. Odd cycles make it a matter of
shortest paths and not of any path.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

FEWEST, MOST = 16, 24  # nodes
NEAR, SHORTCUT = (
    3,
    5,
)  # how far apart, in the order they are drawn, nodes of the tree and of further edges may be


@dataclass(frozen=True)
class Graph:
    """Edges without direction, each once; the numbers of the nodes say nothing."""

    num_nodes: int
    edges: list[tuple[int, int]]
    source: int
    colour: int  # of the source, 0 or 1


def draw(rng: random.Random) -> Graph:
    """A tree that is long rather than bushy, and a further edge for every fourth node."""
    n = rng.randint(FEWEST, MOST)
    edges = {(rng.randrange(max(0, i - NEAR), i), i) for i in range(1, n)}
    while len(edges) < n - 1 + n // 4:
        i = rng.randrange(1, n)
        edges.add((rng.randrange(max(0, i - SHORTCUT), i), i))
    names = rng.sample(range(n), n)
    shuffled = [
        (names[i], names[j]) if rng.random() < 0.5 else (names[j], names[i]) for i, j in sorted(edges)
    ]
    rng.shuffle(shuffled)
    return Graph(n, shuffled, rng.randrange(n), rng.randrange(2))


def draw_many(count: int, seed: int) -> list[Graph]:
    """So many graphs."""
    rng = random.Random(seed)
    return [draw(rng) for _ in range(count)]


def distances(graph: Graph) -> Ids:
    """Edges on a shortest path from the source to every node."""
    neighbours: list[list[int]] = [[] for _ in range(graph.num_nodes)]
    for i, j in graph.edges:
        neighbours[i].append(j)
        neighbours[j].append(i)
    found = np.full(graph.num_nodes, -1)
    found[graph.source] = 0
    reached = [graph.source]
    for node in reached:  # grows while it is walked
        for other in neighbours[node]:
            if found[other] < 0:
                found[other] = found[node] + 1
                reached.append(other)
    return found


def outwards(graph: Graph) -> Graph:
    """The same with its edges sorted by how far the ends are from the source, the nearer one first."""
    far = distances(graph)
    order = sorted(graph.edges, key=lambda edge: sorted(far[list(edge)].tolist()))
    return replace(graph, edges=order)


def colours(graph: Graph) -> Ids:
    """Of all nodes."""
    found: Ids = (graph.colour + distances(graph)) % 2
    return found


def marks(graph: Graph) -> Floats:
    """The feature of the nodes: 1 or -1 at the source, for its colour, and 0 elsewhere."""
    x = np.zeros((graph.num_nodes, 1), np.float32)
    x[graph.source] = 1 - 2 * graph.colour
    return x


def both_ways(graph: Graph) -> tuple[Ids, Ids]:
    """Sources and targets of directed edges."""
    i, j = np.array(graph.edges).T
    return np.concatenate([i, j]), np.concatenate([j, i])


STEP_FEATURES = MOST + 3  # the nodes of a step; whether it is the source, an edge or a question
SOURCE, EDGE, QUESTION = range(MOST, STEP_FEATURES)


def read_out(graph: Graph) -> Floats:
    """The graph as a sequence: its source, its edges, then a question for each node."""
    steps = np.zeros((1 + len(graph.edges) + graph.num_nodes, STEP_FEATURES), np.float32)
    steps[0, graph.source], steps[0, SOURCE] = 1 - 2 * graph.colour, 1
    for step, edge in enumerate(graph.edges, 1):
        steps[step, [*edge, EDGE]] = 1
    questions = steps[1 + len(graph.edges) :]
    questions[:, : graph.num_nodes] = np.eye(graph.num_nodes)
    questions[:, QUESTION] = 1
    return steps
