"""Many trees at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import IntArray, check_shape, count, flag
from recurra._edges import MOST, edges_between, read_only, vector
from recurra._topology import Topology

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped]

    from recurra._brackets import Brackets

Compiled = _core.Forest  # a class with an attribute `_core` cannot name it


class Forest(Topology):
    """Many trees at once, or acyclic graphs; validated and compiled once, immutable.

    Args:
        parents: (nodes,) the node above each node, -1 for the root of a tree. Nodes may lie in any order.
        slots: (nodes,) the place of each node among its parent's children, 0, 1, ..; a root's is not read.
            Each place is taken once, and may stay empty. None: children stand in the order of their numbers.

    Trees are numbered by their roots. Two forests are equal if their edges and slots are.

    Raises:
        ValueError: a number out of range, a cycle, two children in one slot.
        TypeError: something else than integers.
    """

    _name, _kind = "Forest", "trees"
    _core: Compiled

    def __init__(self, parents: npt.ArrayLike, slots: npt.ArrayLike | None = None) -> None:
        above = vector("Forest", "parents", parents)
        places = None if slots is None else vector("Forest", "slots", slots)
        if places is not None:
            check_shape("Forest: slots", places, above.shape, "(nodes,)")
        children = np.flatnonzero(above >= 0)
        self._setup(
            _core.Forest(above, places),
            children,
            above[children],
            None if places is None else places[children],
        )

    def _setup(self, core: Compiled, source: IntArray, target: IntArray, slots: IntArray | None) -> None:
        self._core = core
        self._source, self._target = read_only(source), read_only(target)
        self._slots = None if slots is None else read_only(slots)

    @classmethod
    def from_edges(
        cls,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        num_nodes: int,
        slots: npt.ArrayLike | None = None,
    ) -> Forest:
        """Acyclic graphs, in which a node may be the child of several.

        What hangs together is one structure, which counts as a tree.

        Args:
            source: (edges,) the children.
            target: (edges,) the node above each of them.
            num_nodes: How many nodes there are.
            slots: (edges,) the place of each child; None: in the order of the edges.
        """
        below, above = vector("Forest", "source", source), vector("Forest", "target", target)
        check_shape("Forest: target", above, below.shape, "(edges,)")
        places = None if slots is None else vector("Forest", "slots", slots)
        if places is not None:
            check_shape("Forest: slots", places, below.shape, "(edges,)")
        nodes = count("Forest: num_nodes", num_nodes, 0, MOST)
        forest = cls.__new__(cls)
        forest._setup(_core.Forest.graph(nodes, below, above, places), below, above, places)
        return forest

    @property
    def num_trees(self) -> int:
        """What hangs together is one."""
        return self.num_structures

    @property
    def height(self) -> int:
        """Levels: a lone node has 1."""
        return self._core.height

    @property
    def max_children(self) -> int:
        """The most that a node has; with slots one more than the highest slot."""
        return self._core.max_children

    @property
    def has_slots(self) -> bool:
        """Whether children stand in slots."""
        return self._core.has_slots

    @property
    def roots(self) -> IntArray:
        """The nodes that are nobody's child: in a forest of trees that of tree 0, 1, .."""
        return self._core.roots

    @property
    def tree_of(self) -> IntArray:
        """(nodes,) the number of each node's tree."""
        return self.structure_of

    @property
    def slots(self) -> IntArray | None:
        """(edges,) the place of each of `source` among its siblings, if they have any."""
        return self._slots

    @property
    def parents(self) -> IntArray:
        """(nodes,) the node above each, -1 for a root.

        Raises:
            ValueError: a node has several.
        """
        parents = np.full(self.num_nodes, -1, np.int64)
        twice = np.flatnonzero(np.bincount(self._source, minlength=self.num_nodes) > 1)
        if twice.size:
            raise ValueError(f"Forest: node {twice[0]} has several parents, expected trees")
        parents[self._source] = self._target
        return parents

    def take(self, trees: npt.ArrayLike) -> Forest:
        """These trees alone, each once: node i of the result is number i of ``nodes(trees)``.

        Raises:
            IndexError: a tree that is not there.
            ValueError: one that is named twice.
        """
        chosen = self._chosen(trees)
        edges, number = edges_between(self._source, self._target, self._core.nodes(chosen), self.num_nodes)
        forest = Forest.__new__(Forest)
        slots = None if self._slots is None else self._slots[edges]
        forest._setup(
            self._core.take(chosen), number[self._source[edges]], number[self._target[edges]], slots
        )
        return forest

    @classmethod
    def from_brackets(cls, text: str | Sequence[str]) -> Brackets:
        """A tree in brackets, ``"(3 (2 It) (4 works))"``, or a list of such, each one tree.

        A node is a label and then a word, children or nothing; a label may be missing before children. The
        Stanford Sentiment Treebank and the Penn Treebank are written so.

        Returns:
            The forest, with slots in the order of the children, and the labels and words of its nodes.

        Raises:
            ValueError: no tree, brackets that do not match or are empty, a word too many, more than one tree
                in a text; with the position, counted from 0.
            TypeError: something else than strings.
        """
        from recurra._brackets import read_brackets

        return read_brackets(text)

    def to_brackets(
        self, labels: Sequence[object] | npt.NDArray[Any], words: Sequence[str | None] | None = None
    ) -> list[str]:
        """Each tree as text, children in order; what `from_brackets` reads.

        Args:
            labels: (nodes,) what follows the opening bracket, such as a class; "" for nothing.
            words: (nodes,) the words of the leaves, None where there is none.

        Raises:
            ValueError: a node has several parents, or an empty slot before a child; a label or a word does
                not fit: with a space or a bracket, a word of a node with children, nothing in the brackets.
        """
        from recurra._brackets import write_brackets

        return write_brackets(self, labels, words)

    @classmethod
    def from_networkx(
        cls, graph: nx.DiGraph | Sequence[nx.DiGraph], *, slot: str | None = None, dag: bool = False
    ) -> Forest:
        """Trees of NetworkX, edges from parent to child, as an arborescence has them; one graph or many.

        Nodes are numbered in each graph's order, graph after graph, whatever they are named. Needs networkx
        (``pip install recurra[networkx]``).

        Args:
            graph: Directed; each may hold several trees.
            slot: The attribute of edges that is the child's slot; None: children in the order of the edges.
            dag: Whether a node may have several parents.

        Raises:
            ValueError: a cycle, several parents, an edge without slot.
            TypeError: no graph, or an undirected one.
        """
        from recurra._networkx import forest_from

        return forest_from(graph, slot, flag("Forest.from_networkx: dag", dag))

    def to_networkx(self, **attributes: npt.ArrayLike) -> nx.DiGraph:
        """All trees in one directed graph of NetworkX: edges from parent to child, with ``slot`` if there is.

        Args:
            attributes: (nodes, ..) each an attribute of the nodes, such as ``h=net(x, forest)``.

        Raises:
            ValueError: an attribute without a row for each node.
        """
        from recurra._networkx import forest_to

        return forest_to(self, attributes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Forest):
            return NotImplemented
        return self._core == other._core

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Forest({self.num_trees} trees, {self.num_nodes} nodes, height {self.height})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_forest, (self._source, self._target, self.num_nodes, self._slots)


def _restore_forest(source: IntArray, target: IntArray, num_nodes: int, slots: IntArray | None) -> Forest:
    return Forest.from_edges(source, target, num_nodes, slots)
