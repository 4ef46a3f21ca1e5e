"""What a network runs over instead of sequences."""

from __future__ import annotations

from typing import ClassVar

import numpy.typing as npt

from recurra import _core
from recurra._arrays import IntArray
from recurra._edges import chosen_structures


class Topology:
    """What the trees of a `Forest` and `Graphs` share: structures of nodes, and edges between these."""

    _name: ClassVar[str]  # for errors
    _kind: ClassVar[str]  # "trees" or "graphs"
    _core: _core.Forest | _core.Graphs
    _source: IntArray
    _target: IntArray

    @property
    def num_nodes(self) -> int:
        """Of all structures."""
        return self._core.num_nodes

    @property
    def num_structures(self) -> int:
        """Trees, or graphs."""
        return self._core.num_structures

    @property
    def num_edges(self) -> int:
        """Of all structures."""
        return self._core.num_edges

    @property
    def sizes(self) -> IntArray:
        """(structures,) nodes of each."""
        return self._core.sizes

    @property
    def structure_of(self) -> IntArray:
        """(nodes,) the number of each node's structure."""
        return self._core.structure_of

    @property
    def source(self) -> IntArray:
        """(edges,) the node that each leads from: the child, or the one that sends."""
        return self._source

    @property
    def target(self) -> IntArray:
        """(edges,) the node that each leads to: the one above, or the one that receives."""
        return self._target

    def nodes(self, structures: npt.ArrayLike) -> IntArray:
        """The nodes of these trees or graphs, one after the other, within one by number.

        Raises:
            IndexError: one that is not there.
        """
        return self._core.nodes(self._chosen(structures))

    def _chosen(self, structures: npt.ArrayLike) -> IntArray:
        return chosen_structures(self._name, self._kind, structures, self.num_structures)
