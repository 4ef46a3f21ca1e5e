"""Trees and graphs of NetworkX: an extra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray
from recurra._forest import Forest
from recurra._graphs import Graphs

try:
    import networkx as nx  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError(
        "graphs of NetworkX need networkx, expected it installed: pip install recurra[networkx]"
    ) from error

Names = str | Sequence[str]
Attributes = Mapping[str, npt.ArrayLike]


def listed(owner: str, graphs: object) -> list[Any]:
    """One graph or many, as a list."""
    found = [graphs] if isinstance(graphs, nx.Graph) or not isinstance(graphs, Iterable) else list(graphs)
    for number, graph in enumerate(found):
        if not isinstance(graph, nx.Graph):
            raise TypeError(f"{owner}: graph {number} is a {type(graph).__name__}, expected one of NetworkX")
    return found


def _joined(graphs: Iterable[Any]) -> tuple[IntArray, IntArray, IntArray, list[tuple[str, dict[str, Any]]]]:
    """Sizes, sources and targets of directed graphs, and each edge's name for errors and attributes."""
    sizes, source, target, edges = [], [], [], []
    first = 0
    for number, graph in enumerate(graphs):
        place = {node: first + i for i, node in enumerate(graph)}
        for u, v, attributes in graph.edges(data=True):
            source.append(place[u])
            target.append(place[v])
            edges.append((f"edge {u!r} -> {v!r} of graph {number}", attributes))
        sizes.append(len(place))
        first += len(place)
    return np.array(sizes, np.int64), np.array(source, np.int64), np.array(target, np.int64), edges


def _values(owner: str, name: str, items: Sequence[tuple[str, Mapping[str, Any]]]) -> npt.NDArray[Any]:
    """An attribute of all nodes or edges, stacked."""
    for item, attributes in items:
        if name not in attributes:
            known = ", ".join(repr(key) for key in attributes) or "none at all"
            raise ValueError(f"{owner}: {item} has no attribute {name!r}, expected that beside {known}")
    try:
        array = np.array([attributes[name] for _, attributes in items])
    except ValueError:  # rows of different lengths
        array = np.array(None)
    if array.dtype.kind not in "fiub" or array.ndim > 2:
        raise TypeError(
            f"{owner}: the attribute {name!r} is not a number or a vector everywhere, expected that"
        )
    return array


def _columns(owner: str, names: Names, items: Sequence[tuple[str, Mapping[str, Any]]]) -> npt.NDArray[Any]:
    """Attributes side by side: (items, features)."""
    listed_names = [names] if isinstance(names, str) else list(names)
    if not items or not listed_names:
        return np.zeros((len(items), len(listed_names)))
    columns = [_values(owner, name, items).astype(np.float64) for name in listed_names]
    return np.concatenate([column.reshape(len(items), -1) for column in columns], axis=1)


def node_features(graphs: object, names: Names) -> npt.NDArray[np.float64]:
    """What `recurra.networkx_features` gives."""
    owner = "networkx_features"
    items = [
        (f"node {node!r} of graph {number}", attributes)
        for number, graph in enumerate(listed(owner, graphs))
        for node, attributes in graph.nodes(data=True)
    ]
    return _columns(owner, names, items)


def graphs_from(
    graphs: object, edge_features: Names | None, edge_type: str | None, edge_weight: str | None
) -> Graphs:
    """What `Graphs.from_networkx` gives."""
    owner = "Graphs.from_networkx"
    directed = [graph.to_directed(as_view=True) for graph in listed(owner, graphs)]
    sizes, source, target, edges = _joined(directed)
    features = None if edge_features is None else _columns(owner, edge_features, edges)
    types, weights = (
        None if name is None else _values(owner, name, edges) if edges else np.zeros(0, np.int64)
        for name in (edge_type, edge_weight)
    )
    return Graphs(source, target, sizes, features, types, weights)


def forest_from(graphs: object, slot: str | None, dag: bool) -> Forest:
    """What `Forest.from_networkx` gives."""
    owner = "Forest.from_networkx"
    found = listed(owner, graphs)
    for number, graph in enumerate(found):
        if not graph.is_directed():
            raise TypeError(f"{owner}: graph {number} is undirected, expected edges from parent to child")
        if not nx.is_directed_acyclic_graph(graph):
            cycle = " -> ".join(repr(edge[0]) for edge in nx.find_cycle(graph))
            raise ValueError(f"{owner}: graph {number} has the cycle {cycle}, expected none")
        for node, parents in graph.in_degree() if not dag else ():
            if parents > 1:
                raise ValueError(
                    f"{owner}: node {node!r} of graph {number} has {parents} parents, expected trees, with "
                    "edges from parent to child, or dag=True"
                )
    sizes, above, below, edges = _joined(found)
    slots = None if slot is None else _values(owner, slot, edges) if edges else np.zeros(0, np.int64)
    return Forest.from_edges(below, above, int(sizes.sum()), slots)


def forest_to(forest: Forest, attributes: Attributes) -> Any:  # noqa: ANN401
    """What `Forest.to_networkx` gives."""
    slots = None if forest.slots is None else {"slot": forest.slots}
    graph = _graph(np.arange(forest.num_nodes), forest.target, forest.source, slots or {})
    _set_nodes("Forest.to_networkx", [graph], forest.num_nodes, attributes)
    return graph


def graphs_to(graphs: Graphs, attributes: Attributes) -> list[Any]:
    """What `Graphs.to_networkx` gives."""
    values = {"features": graphs.edge_features, "type": graphs.edge_types, "weight": graphs.edge_weights}
    present = {name: value for name, value in values.items() if value is not None}
    first, graph_of = np.cumsum(graphs.sizes) - graphs.sizes, graphs.graph_of[graphs.source]
    order = np.argsort(graph_of, kind="stable")
    ends = np.searchsorted(graph_of[order], np.arange(graphs.num_graphs + 1))
    made = []
    for number, size in enumerate(graphs.sizes):
        edges = order[ends[number] : ends[number + 1]]
        source, target = (side[edges] - first[number] for side in (graphs.source, graphs.target))
        made.append(
            _graph(np.arange(size), source, target, {name: value[edges] for name, value in present.items()})
        )
    _set_nodes("Graphs.to_networkx", made, graphs.num_nodes, attributes)
    return made


def _graph(
    nodes: IntArray, source: IntArray, target: IntArray, values: Mapping[str, npt.NDArray[Any]]
) -> Any:  # noqa: ANN401
    """A DiGraph, or a MultiDiGraph where several edges join two nodes."""
    pairs = list(zip(source.tolist(), target.tolist(), strict=True))
    graph = nx.DiGraph() if len(set(pairs)) == len(pairs) else nx.MultiDiGraph()
    graph.add_nodes_from(nodes.tolist())
    columns = {name: value.tolist() for name, value in values.items()}
    graph.add_edges_from(
        (u, v, {name: column[edge] for name, column in columns.items()}) for edge, (u, v) in enumerate(pairs)
    )
    return graph


def _set_nodes(owner: str, graphs: Sequence[Any], num_nodes: int, attributes: Attributes) -> None:
    for name, values in attributes.items():
        array = np.asarray(values)
        if array.ndim == 0 or array.shape[0] != num_nodes:
            raise ValueError(
                f"{owner}: {name} has shape {array.shape}, expected a row for each of {num_nodes} nodes"
            )
        rows = iter(array.tolist())
        for graph in graphs:
            for node in graph:
                graph.nodes[node][name] = next(rows)
