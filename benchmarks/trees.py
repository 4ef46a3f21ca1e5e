"""Training steps of a child-sum Tree-LSTM beside two of PyTorch's, and beside our LSTM over as many steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.native import Native
from benchmarks.peers.tree_peers import Array, LevelByLevel, NodeByNode, Parents, TreeLSTM
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, repeated

SMALLEST, LARGEST = 20, 60
CHECKED_TREES = 25
COLUMNS = (
    "hidden",
    "trees",
    "shape",
    "nodes",
    "recurra",
    "by node",
    "/ ours",
    "by level",
    "/ ours",
    "sequences",
    "ours /",
)
WIDTHS = (6, 5, 9, 6, 9, 9, 7, 9, 7, 9, 7)


def recursive_tree(size: int, random: np.random.Generator) -> list[int]:
    """Hang every node under any of those before it."""
    return [-1, *(int(random.integers(node)) for node in range(1, size))]


def binary_tree(size: int, random: np.random.Generator) -> list[int]:
    """Join two neighbours of a row of leaves until one is left; an even size has a node less."""
    row = list(range((size + 1) // 2))
    parents = [-1] * (2 * len(row) - 1)
    for node in range(len(row), len(parents)):
        k = int(random.integers(len(row) - 1))
        parents[row[k]] = parents[row[k + 1]] = node
        row[k : k + 2] = [node]
    return parents


SHAPES = {"recursive": recursive_tree, "binary": binary_tree}


def draw(shape: str, trees: int) -> tuple[Parents, list[int]]:
    """Draw the parents in a forest, and the sizes of its trees, whose nodes follow each other."""
    random = np.random.default_rng(0)
    parents: list[int] = []
    sizes = []
    for size in random.integers(SMALLEST, LARGEST + 1, trees).tolist():
        tree = SHAPES[shape](size, random)
        parents += [-1 if above < 0 else above + len(parents) for above in tree]
        sizes.append(len(tree))
    return np.array(parents), sizes


class Case:
    """A forest, data on its nodes, our network, and the peers with its weights."""

    def __init__(self, shape: str, trees: int, hidden: int, dtype: str) -> None:
        parents, sizes = draw(shape, trees)
        self.forest = rc.Forest(parents)
        self.net = rc.Network([rc.Tree(rc.LSTM(hidden, hidden))], dtype=dtype, seed=1)
        random = np.random.default_rng(1)
        self.x, self.target = random.standard_normal((2, len(parents), hidden)).astype(dtype)
        weights = {name.removeprefix("0."): values for name, values in self.net.parameters.items()}
        self.peers: dict[str, TreeLSTM] = {
            "by_node": NodeByNode(weights, parents, sizes),
            "by_level": LevelByLevel(weights, parents),
        }
        self.chain = rc.Network([rc.LSTM(hidden, hidden)], dtype=dtype, seed=1)
        steps = round(len(parents) / trees)
        self.rows = random.standard_normal((2, trees, steps, hidden)).astype(dtype)

    def ours(self) -> tuple[float, Array]:
        """Compute our loss and gradient."""
        return self.net.loss_and_gradient(self.x, self.target, topology=self.forest)

    def require_equal(self, tolerance: float) -> None:
        """Find outputs, losses and gradients of all sides equal."""
        loss, gradient = self.ours()
        wanted = (self.net(self.x, self.forest), np.array(loss), gradient)
        x, target = (torch.from_numpy(a) for a in (self.x, self.target))
        for name, peer in self.peers.items():
            with torch.no_grad():
                outputs = peer(x).numpy()
            found = [outputs, np.array(peer.step(x, target))]
            by_name = peer.gradient()
            found.append(np.concatenate([by_name[n[2:]].ravel() for n in self.net.parameters]))
            for what, a, b in zip(("outputs", "losses", "gradients"), wanted, found, strict=True):
                if (error := np.linalg.norm(a - b) / np.linalg.norm(b)) > tolerance:
                    raise AssertionError(f"{name}: {what} differ by {error}")

    def runs(self) -> dict[str, Run]:
        """All sides' training steps."""
        x, target = (torch.from_numpy(a) for a in (self.x, self.target))
        calls: dict[str, Any] = {"recurra": self.ours}
        for name, peer in self.peers.items():
            calls[name] = lambda peer=peer: peer.step(x, target)
        calls["sequences"] = lambda: self.chain.loss_and_gradient(*self.rows)
        return {name: repeated(call) for name, call in calls.items()}


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, size by size."""
    torch.set_num_threads(1)
    rc.set_num_threads(1)
    print(
        "\nTraining steps of a child-sum Tree-LSTM, as many inputs as units, on random trees of "
        f"{SMALLEST} to {LARGEST} nodes. By node, by level: PyTorch.\nSequences: our LSTM on a batch of as "
        "many sequences as there are trees, as long as trees are large on average."
    )
    print(
        "One thread. Milliseconds, medians. / ours: PyTorch's time over ours; ours /: ours over sequences'."
    )
    for shape in SHAPES:
        Case(shape, CHECKED_TREES, 64, "float64").require_equal(1e-10)
    print_row(COLUMNS, WIDTHS)
    for hidden, trees, shape in (
        (hidden, trees, shape)
        for hidden in ((64,) if quick else (64, 150))
        for trees in ((25,) if quick else (1, 25, 256))
        for shape in (("recursive",) if quick else SHAPES)
    ):
        case = Case(shape, trees, hidden, "float32")
        case.require_equal(1e-3)
        timings = by_turns(case.runs(), 1.0 if quick else 8.0)
        row: dict[str, Any] = {"table": "trees", "hidden": hidden, "trees": trees, "shape": shape}
        row |= {"nodes": len(case.x), "threads": 1}
        row |= {name: timing.median for name, timing in timings.items()}
        ours = row["recurra"]
        texts = [str(hidden), str(trees), shape, str(len(case.x)), number(ours / 1e6, 2)]
        for peer in case.peers:
            texts += [number(row[peer] / 1e6, 2), ratio(row[peer] / ours)]
        print_row([*texts, number(row["sequences"] / 1e6, 2), ratio(ours / row["sequences"])], WIDTHS)
        yield row
