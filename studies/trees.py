"""Trees as lists of nodes, and many of them as one forest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]


@dataclass
class Tree:
    """Nodes in an order where each stands behind its parent, the root first."""

    labels: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)  # numbers of nodes; the root's is -1
    slots: list[int] = field(default_factory=list)  # places among the parent's children

    def add(self, label: int, parent: int = -1, slot: int = 0) -> int:
        """The number of a new node."""
        self.labels.append(label)
        self.parents.append(parent)
        self.slots.append(slot)
        return len(self.labels) - 1


def join(trees: Sequence[Tree]) -> tuple[Ids, Ids, Ids]:
    """Labels, parents and slots of all trees' nodes, tree after tree."""
    sizes = np.array([len(tree.labels) for tree in trees])
    before = np.repeat(np.cumsum(sizes) - sizes, sizes)
    labels, parents, slots = (
        np.concatenate([getattr(tree, name) for tree in trees]) for name in ("labels", "parents", "slots")
    )
    return labels, np.where(parents < 0, -1, parents + before), slots
