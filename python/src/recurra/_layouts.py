"""Where the nodes of a picture stand: each time at the same places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray

Places = npt.NDArray[np.float64]

_MOST_SPREAD = 400  # nodes: distances are a matrix, and made by as many steps over it


def layers(num_nodes: int, source: IntArray, target: IntArray) -> Places:
    """(nodes, 2) of a forest, whose edges are in the order of the slots: a level below the parent's.

    Leaves stand side by side, a parent above the middle of its children. A node with several parents counts
    as the child of the first of the lowest.
    """
    children: list[list[int]] = [[] for _ in range(num_nodes)]
    waiting = np.bincount(source, minlength=num_nodes)
    for edge in range(source.size):
        children[target[edge]].append(int(source[edge]))
    depth, above = np.zeros(num_nodes, np.int64), np.full(num_nodes, -1, np.int64)
    order = np.flatnonzero(waiting == 0).tolist()
    roots = list(order)
    for node in order:  # parents before children; it grows on the way
        for child in children[node]:
            if above[child] < 0 or depth[node] + 1 > depth[child]:
                depth[child], above[child] = depth[node] + 1, node
            waiting[child] -= 1
            if not waiting[child]:
                order.append(child)
    tree = [
        [child for child in dict.fromkeys(below) if above[child] == node]
        for node, below in enumerate(children)
    ]
    x, leaves = np.zeros(num_nodes), 0
    left, visited = roots[::-1], []
    while left:
        node = left.pop()
        visited.append(node)
        left.extend(reversed(tree[node]))
        if not tree[node]:
            x[node], leaves = leaves, leaves + 1
    for node in reversed(visited):
        if tree[node]:
            x[node] = (x[tree[node][0]] + x[tree[node][-1]]) / 2
    return np.stack([x, -depth], axis=1).astype(np.float64)


def circle(num_nodes: int) -> Places:
    """(nodes, 2) one after the other, from the top clockwise."""
    angle = 2 * np.pi * np.arange(num_nodes) / max(num_nodes, 1)
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def spread(num_nodes: int, source: IntArray, target: IntArray, steps: int = 150) -> Places:
    """(nodes, 2) as far from each other as there are edges between them, as well as that goes.

    Stress majorisation (E. R. Gansner, Y. Koren and S. North, Graph Drawing 2004), from the two main axes of
    classical scaling, bent a little, for a balance is no minimum. More than 400 nodes stand on a circle.
    """
    if not 2 < num_nodes <= _MOST_SPREAD:
        return circle(num_nodes)
    distance = _distances(num_nodes, source, target)
    squares = distance**2
    squares -= squares.mean(0) + squares.mean(1)[:, None] - squares.mean()
    size, axes = np.linalg.eigh(-squares / 2)
    places: Places = axes[:, :-3:-1] * np.sqrt(np.maximum(size[:-3:-1], 0))
    places += np.random.default_rng(0).normal(0, 0.1, places.shape)
    weight = 1 / np.where(distance > 0, distance, np.inf) ** 2
    laplacian = np.diag(weight.sum(1)) - weight
    inverse = np.linalg.pinv(laplacian)
    for _ in range(steps):
        apart = places[:, None] - places
        length = np.sqrt((apart**2).sum(2))
        ratio = weight * distance / np.where(length > 1e-9, length, np.inf)
        places = inverse @ (ratio.sum(1)[:, None] * places - ratio @ places)
    return places


def _distances(num_nodes: int, source: IntArray, target: IntArray) -> Places:
    """Edges between each two nodes, in any direction; beyond the farthest where there is no path."""
    distance: Places = np.full((num_nodes, num_nodes), np.inf)
    distance[source, target] = distance[target, source] = 1
    np.fill_diagonal(distance, 0)
    for through in range(num_nodes):
        np.minimum(distance, distance[:, through, None] + distance[through], out=distance)
    found = np.isfinite(distance)
    distance[~found] = distance[found].max() + 1
    return distance
