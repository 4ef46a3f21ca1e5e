"""Many graphs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, IntArray, as_array, check_shape, flag
from recurra._edges import check_from_0, edges_between, read_only, vector
from recurra._topology import Topology

if TYPE_CHECKING:
    import networkx as nx  # type: ignore[import-untyped]
    from scipy import sparse  # type: ignore[import-untyped]
    from torch_geometric.data import Data  # type: ignore[import-untyped]


class Graphs(Topology):
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

    _name, _kind = "Graphs", "graphs"
    _core: _core.Graphs

    def __init__(
        self,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        num_nodes: int | Sequence[int] | IntArray,
        edge_features: npt.ArrayLike | None = None,
        edge_types: npt.ArrayLike | None = None,
        edge_weights: npt.ArrayLike | None = None,
    ) -> None:
        self._source, self._target = vector("Graphs", "source", source), vector("Graphs", "target", target)
        check_shape("Graphs: target", self._target, self._source.shape, "(edges,)")
        sizes = np.atleast_1d(as_array("Graphs: num_nodes", num_nodes))
        sizes = vector("Graphs", "num_nodes", sizes)
        check_from_0("Graphs: num_nodes", sizes)
        edges = self._source.size
        self._features = _numbers("edge_features", edge_features, edges, 2)
        self._weights = _numbers("edge_weights", edge_weights, edges, 1)
        self._types = None if edge_types is None else vector("Graphs", "edge_types", edge_types)
        if self._types is not None:
            check_shape("Graphs: edge_types", self._types, (edges,), "(edges,)")
            check_from_0("Graphs: edge_types", self._types)
        self._core = _core.Graphs(
            sizes, self._source, self._target, self._features, self._types, self._weights
        )

    @property
    def num_graphs(self) -> int:
        """As many as there are sizes."""
        return self.num_structures

    @property
    def graph_of(self) -> IntArray:
        """(nodes,) the number of each node's graph."""
        return self.structure_of

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

    def take(self, graphs: npt.ArrayLike) -> Graphs:
        """These graphs alone, each once: node i of the result is number i of ``nodes(graphs)``.

        Raises:
            IndexError: a graph that is not there.
            ValueError: one that is named twice.
        """
        chosen = self._chosen(graphs)
        core = self._core.take(chosen)
        edges, number = edges_between(self._source, self._target, self._core.nodes(chosen), self.num_nodes)
        part = Graphs.__new__(Graphs)
        part._source, part._target = (
            read_only(number[self._source[edges]]),
            read_only(number[self._target[edges]]),
        )
        part._features = None if self._features is None else read_only(self._features[edges])
        part._types = None if self._types is None else read_only(self._types[edges])
        part._weights = None if self._weights is None else read_only(self._weights[edges])
        part._core = core
        return part

    @classmethod
    def from_networkx(
        cls,
        graphs: nx.Graph | Sequence[nx.Graph],
        *,
        edge_features: str | Sequence[str] | None = None,
        edge_type: str | None = None,
        edge_weight: str | None = None,
    ) -> Graphs:
        """A graph of NetworkX or a list; an undirected edge becomes one in each direction, a loop one.

        Nodes are numbered in each graph's order, graph after graph, whatever they are named; their attributes
        are read by `networkx_features`. Needs networkx (``pip install recurra[networkx]``).

        Args:
            graphs: Of any kind that NetworkX has.
            edge_features: The attribute or attributes of edges that are features, numbers or vectors.
            edge_type: The attribute that is the edge's type, an integer.
            edge_weight: The attribute that is the edge's weight.

        Raises:
            ValueError: an edge has no such attribute; as `Graphs`.
            TypeError: something else than graphs, an attribute that is no number.
        """
        from recurra._networkx import graphs_from

        return graphs_from(graphs, edge_features, edge_type, edge_weight)

    def to_networkx(self, **attributes: npt.ArrayLike) -> list[nx.DiGraph]:
        """Each graph as a DiGraph, or MultiDiGraph where several edges join two nodes.

        Its nodes are 0, 1, .., its edges have the attributes ``features``, ``type`` and ``weight``, if any.

        Args:
            attributes: (nodes, ..) each an attribute of the nodes, such as ``h=net(x, graphs)``.

        Raises:
            ValueError: an attribute without a row for each node.
        """
        from recurra._networkx import graphs_to

        return graphs_to(self, attributes)

    @classmethod
    def from_scipy(
        cls, matrices: sparse.sparray | Sequence[sparse.sparray], *, weights: bool = True
    ) -> Graphs:
        """The adjacency matrix of a graph, sparse, or a list of them: [i, j] != 0 is an edge from i to j.

        Needs scipy (``pip install recurra[scipy]``).

        Args:
            matrices: (nodes, nodes) each. Entries that stand several times are summed, as SciPy does.
            weights: Whether entries are weights of the edges; those of bool matrices never are.

        Raises:
            ValueError: a matrix that is not square, an entry that is not finite.
            TypeError: something else than sparse matrices of real numbers; bool ones among others.
        """
        from recurra._scipy import graphs_from

        return graphs_from(matrices, flag("Graphs.from_scipy: weights", weights))

    def to_scipy(self) -> list[sparse.csr_array]:
        """Each graph's adjacency matrix: weights, or True. Features and types have no place in it.

        Raises:
            ValueError: several edges from one node to another.
        """
        from recurra._scipy import graphs_to

        return graphs_to(self)

    @classmethod
    def from_pyg(cls, data: Data | Sequence[Data]) -> GraphData:
        """A ``Data`` or ``Batch`` of PyTorch Geometric, or a list of such.

        Its ``edge_attr`` are features of edges, ``edge_type`` types and ``edge_weight`` weights; x and y keep
        their dtypes, a lone number is one row. Needs torch and torch_geometric
        (``pip install recurra[pyg]``).

        Returns:
            The graphs, x and y; None what the data have not.

        Raises:
            ValueError: no edges or no number of nodes, a tensor that some have and some do not.
            TypeError: something else than such data, such as heterogeneous ones.
        """
        from recurra._pyg import graphs_from

        return graphs_from(data)

    def to_pyg(self, x: npt.ArrayLike | None = None, y: npt.ArrayLike | None = None) -> list[Data]:
        """Each graph as a ``Data`` of PyTorch Geometric, values of edges in PyTorch's default dtype.

        Args:
            x: (nodes, features) of all graphs.
            y: A row for each graph; or, unless there are as many graphs as nodes, for each node.

        Raises:
            ValueError: x or y with another number of rows.
        """
        from recurra._pyg import graphs_to

        return graphs_to(self, x, y)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Graphs):
            return NotImplemented
        return self._core == other._core

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Graphs({self.num_graphs} graphs, {self.num_nodes} nodes, {self.num_edges} edges)"

    def __reduce__(self) -> tuple[object, ...]:
        return Graphs, (self._source, self._target, self.sizes, self._features, self._types, self._weights)


class GraphData(NamedTuple):
    """What `Graphs.from_pyg` gives.

    Attributes:
        graphs: The graphs, with what is known of their edges.
        x: (nodes, features) what is known of their nodes.
        y: The targets: a row for each graph, or each node.
    """

    graphs: Graphs
    x: npt.NDArray[Any] | None
    y: npt.NDArray[Any] | None


def _numbers(name: str, value: npt.ArrayLike | None, edges: int, axes: int) -> FloatArray | None:
    if value is None:
        return None
    array = as_array(f"Graphs: {name}", value)
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
    return read_only(np.ascontiguousarray(array))
