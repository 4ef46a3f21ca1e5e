"""What a network runs over instead of sequences: the trees of a `Forest`, or `Graphs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, IntArray, check_shape, count, integers

_MOST = 2**40  # nodes, and types of edges

_Array = TypeVar("_Array", bound=npt.NDArray[Any])


def _vector(owner: str, name: str, value: npt.ArrayLike) -> IntArray:
    array = np.asarray(value)
    if array.size == 0 and array.ndim == 1:  # NumPy makes floats of an empty list
        return np.zeros(0, np.int64)
    array = integers(f"{owner}: {name}", value)
    if array.ndim != 1:
        raise ValueError(f"{owner}: {name} has shape {array.shape}, expected one axis")
    return _read_only(array)


def _read_only(array: _Array) -> _Array:
    array.flags.writeable = False
    return array


def _check_from_0(name: str, values: IntArray) -> None:
    wrong = np.flatnonzero((values < 0) | (values > _MOST))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {values[wrong[0]]}, expected 0 .. {_MOST}")


def _chosen(owner: str, value: npt.ArrayLike, total: int) -> IntArray:
    chosen = _vector(owner, "numbers", value)
    wrong = np.flatnonzero((chosen < 0) | (chosen >= total))
    if wrong.size:
        raise IndexError(f"{owner}: number {chosen[wrong[0]]} is not there, expected 0 .. {total - 1}")
    return chosen


class Forest:
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

    def __init__(self, parents: npt.ArrayLike, slots: npt.ArrayLike | None = None) -> None:
        above = _vector("Forest", "parents", parents)
        places = None if slots is None else _vector("Forest", "slots", slots)
        if places is not None:
            check_shape("Forest: slots", places, above.shape, "(nodes,)")
        children = np.flatnonzero(above >= 0)
        self._setup(
            _core.Forest(above, places),
            children,
            above[children],
            None if places is None else places[children],
        )

    def _setup(self, core: _core.Forest, source: IntArray, target: IntArray, slots: IntArray | None) -> None:
        self._core = core
        self._source, self._target = _read_only(source), _read_only(target)
        self._slots = None if slots is None else _read_only(slots)

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
        below, above = _vector("Forest", "source", source), _vector("Forest", "target", target)
        check_shape("Forest: target", above, below.shape, "(edges,)")
        places = None if slots is None else _vector("Forest", "slots", slots)
        if places is not None:
            check_shape("Forest: slots", places, below.shape, "(edges,)")
        nodes = count("Forest: num_nodes", num_nodes, 0, _MOST)
        forest = cls.__new__(cls)
        forest._setup(_core.Forest.graph(nodes, below, above, places), below, above, places)
        return forest

    @property
    def num_nodes(self) -> int:
        """Of all trees."""
        return self._core.num_nodes

    @property
    def num_trees(self) -> int:
        """What hangs together is one."""
        return self._core.num_structures

    @property
    def num_edges(self) -> int:
        """Children that have a parent."""
        return self._core.num_edges

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
        return self._core.structure_of

    @property
    def sizes(self) -> IntArray:
        """(trees,) nodes of each tree."""
        return self._core.sizes

    @property
    def source(self) -> IntArray:
        """(edges,) the children."""
        return self._source

    @property
    def target(self) -> IntArray:
        """(edges,) the node above each of `source`."""
        return self._target

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

    def nodes(self, trees: npt.ArrayLike) -> IntArray:
        """The nodes of these trees, tree after tree, within one by number.

        Raises:
            IndexError: a tree that is not there.
        """
        return self._core.nodes(_chosen("Forest", trees, self.num_trees))

    def take(self, trees: npt.ArrayLike) -> Forest:
        """These trees alone, each once: node i of the result is number i of ``nodes(trees)``.

        Raises:
            IndexError: a tree that is not there.
            ValueError: one that is named twice.
        """
        chosen = _chosen("Forest", trees, self.num_trees)
        edges, number = _edges_of(self, self._core.nodes(chosen))
        forest = Forest.__new__(Forest)
        slots = None if self._slots is None else self._slots[edges]
        forest._setup(
            self._core.take(chosen), number[self._source[edges]], number[self._target[edges]], slots
        )
        return forest

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Forest):
            return NotImplemented
        return self._core == other._core

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Forest({self.num_trees} trees, {self.num_nodes} nodes, height {self.height})"

    def __reduce__(self) -> tuple[object, ...]:
        return _restore_forest, (self._source, self._target, self.num_nodes, self._slots)


class Graphs:
    """Graphs whose nodes send each other messages along edges, many in one batch; immutable.

    Args:
        source: (edges,) the node that sends.
        target: (edges,) the node that receives. Several edges may join two nodes, and one a node to itself.
        num_nodes: How many nodes there are: of one graph, or a list, of each of many graphs, whose nodes
            follow each other. Edges stay within a graph; a graph may be without nodes.
        edge_features: (edges, features) numbers, for `EdgeNet`, `MLP` and attention.
        edge_types: (edges,) integers from 0, for `ByType`.
        edge_weights: (edges,) factors of the messages.

    Raises:
        ValueError: a number out of range, an edge between two graphs, a value that is not finite.
        TypeError: something else than integers, or than numbers.
    """

    def __init__(
        self,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        num_nodes: int | Sequence[int] | IntArray,
        edge_features: npt.ArrayLike | None = None,
        edge_types: npt.ArrayLike | None = None,
        edge_weights: npt.ArrayLike | None = None,
    ) -> None:
        self._source, self._target = _vector("Graphs", "source", source), _vector("Graphs", "target", target)
        check_shape("Graphs: target", self._target, self._source.shape, "(edges,)")
        sizes = np.atleast_1d(np.asarray(num_nodes))
        self._sizes = _vector("Graphs", "num_nodes", sizes)
        _check_from_0("Graphs: num_nodes", self._sizes)
        edges = self._source.size
        self._features = _numbers("edge_features", edge_features, edges, 2)
        self._weights = _numbers("edge_weights", edge_weights, edges, 1)
        self._types = None if edge_types is None else _vector("Graphs", "edge_types", edge_types)
        if self._types is not None:
            check_shape("Graphs: edge_types", self._types, (edges,), "(edges,)")
            _check_from_0("Graphs: edge_types", self._types)
        self._core = _core.Graphs(
            self._sizes, self._source, self._target, self._features, self._types, self._weights
        )

    @property
    def num_nodes(self) -> int:
        """Of all graphs."""
        return self._core.num_nodes

    @property
    def num_graphs(self) -> int:
        """As many as there are sizes."""
        return self._core.num_structures

    @property
    def num_edges(self) -> int:
        """Of all graphs."""
        return self._core.num_edges

    @property
    def sizes(self) -> IntArray:
        """(graphs,) nodes of each graph."""
        return self._sizes

    @property
    def graph_of(self) -> IntArray:
        """(nodes,) the number of each node's graph."""
        return self._core.structure_of

    @property
    def source(self) -> IntArray:
        """(edges,) the nodes that send."""
        return self._source

    @property
    def target(self) -> IntArray:
        """(edges,) the nodes that receive."""
        return self._target

    @property
    def edge_features(self) -> FloatArray | None:
        """(edges, features), if edges have any."""
        return self._features

    @property
    def edge_types(self) -> IntArray | None:
        """(edges,), if edges have any."""
        return self._types

    @property
    def edge_weights(self) -> FloatArray | None:
        """(edges,), if edges have any."""
        return self._weights

    def nodes(self, graphs: npt.ArrayLike) -> IntArray:
        """The nodes of these graphs, graph after graph.

        Raises:
            IndexError: a graph that is not there.
        """
        return self._core.nodes(_chosen("Graphs", graphs, self.num_graphs))

    def take(self, graphs: npt.ArrayLike) -> Graphs:
        """These graphs alone, each once: node i of the result is number i of ``nodes(graphs)``.

        Raises:
            IndexError: a graph that is not there.
            ValueError: one that is named twice.
        """
        chosen = _chosen("Graphs", graphs, self.num_graphs)
        core = self._core.take(chosen)
        edges, number = _edges_of(self, self._core.nodes(chosen))
        part = Graphs.__new__(Graphs)
        part._source, part._target = (
            _read_only(number[self._source[edges]]),
            _read_only(number[self._target[edges]]),
        )
        part._sizes = _read_only(self._sizes[chosen])
        part._features = None if self._features is None else _read_only(self._features[edges])
        part._types = None if self._types is None else _read_only(self._types[edges])
        part._weights = None if self._weights is None else _read_only(self._weights[edges])
        part._core = core
        return part

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graphs):
            return NotImplemented
        return self._core == other._core

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Graphs({self.num_graphs} graphs, {self.num_nodes} nodes, {self.num_edges} edges)"

    def __reduce__(self) -> tuple[object, ...]:
        return Graphs, (self._source, self._target, self._sizes, self._features, self._types, self._weights)


Topology: TypeAlias = Forest | Graphs


def _numbers(name: str, value: npt.ArrayLike | None, edges: int, axes: int) -> FloatArray | None:
    if value is None:
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"Graphs: {name} has dtype {array.dtype}, expected numbers")
    array = array.astype(np.float64)
    if array.ndim != axes or array.shape[0] != edges:
        expected = f"({edges}, features)" if axes == 2 else f"({edges},)"
        raise ValueError(f"Graphs: {name} has shape {array.shape}, expected {expected}")
    wrong = np.argwhere(~np.isfinite(array))
    if wrong.size:
        value, edge = array[tuple(wrong[0])], wrong[0][0]
        raise ValueError(
            f"Graphs: {name} has the non-finite value {value} at edge {edge}, expected finite values"
        )
    return _read_only(np.ascontiguousarray(array))


def _edges_of(topology: Topology, nodes: IntArray) -> tuple[IntArray, IntArray]:
    """The edges between these nodes, and each node's number among them."""
    number = np.full(topology.num_nodes, -1, np.int64)
    number[nodes] = np.arange(nodes.size)
    return np.flatnonzero(number[topology.source] >= 0), number


def _restore_forest(source: IntArray, target: IntArray, num_nodes: int, slots: IntArray | None) -> Forest:
    return Forest.from_edges(source, target, num_nodes, slots)
