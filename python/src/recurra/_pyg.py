"""Graphs of PyTorch Geometric: an extra."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray
from recurra._graphs import GraphData, Graphs

try:
    import torch
    from torch_geometric.data import Data  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError(
        "graphs of PyTorch Geometric need torch and torch_geometric, expected them installed: "
        "pip install recurra[pyg]"
    ) from error

_FROM, _TO = "Graphs.from_pyg", "Graphs.to_pyg"
_Array = npt.NDArray[Any]


def _read(item: str, data: object, name: str) -> _Array | None:
    """One of its tensors, from wherever it is kept."""
    value = getattr(data, name, None)
    if value is None:
        return None
    try:
        tensor = torch.as_tensor(value).detach().cpu()
        array: _Array = tensor.numpy()
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(
            f"{_FROM}: {name} of {item} is a {type(value).__name__}, expected a dense tensor"
        ) from None
    return array.reshape(1) if array.ndim == 0 else array


def _sizes(item: str, data: object) -> IntArray:
    """Nodes of each graph: a batch has several."""
    bounds = _read(item, data, "ptr")
    if bounds is not None:
        return np.diff(bounds)
    nodes = data.num_nodes  # type: ignore[attr-defined]
    if nodes is None:
        raise ValueError(f"{_FROM}: {item} does not tell how many nodes it has, expected num_nodes or x")
    return np.array([nodes], np.int64)


def _edges(item: str, data: object) -> _Array:
    edges = _read(item, data, "edge_index")
    if edges is None:
        raise ValueError(f"{_FROM}: {item} has no edge_index, expected one")
    if edges.ndim != 2 or edges.shape[0] != 2:
        raise ValueError(f"{_FROM}: edge_index of {item} has shape {edges.shape}, expected (2, edges)")
    return edges


def _joined(items: list[Any], name: str) -> _Array | None:
    """A tensor that all have, one behind the other; None if none has it."""
    found = [_read(f"graph {number}", data, name) for number, data in enumerate(items)]
    present = [array for array in found if array is not None]
    if not present:
        return None
    if len(present) < len(found):
        number = next(number for number, array in enumerate(found) if array is None)
        raise ValueError(f"{_FROM}: graph {number} has no {name}, expected it in all or none")
    shapes = {array.shape[1:] for array in present}
    if len(shapes) > 1:
        raise ValueError(f"{_FROM}: {name} has rows of shapes {sorted(shapes)}, expected one")
    return np.concatenate(present)


def graphs_from(data: object) -> GraphData:
    """What `Graphs.from_pyg` gives."""
    items = [data] if isinstance(data, Data) or not isinstance(data, Iterable) else list(data)
    for number, item in enumerate(items):
        if not isinstance(item, Data):
            raise TypeError(
                f"{_FROM}: graph {number} is a {type(item).__name__}, "
                "expected a Data or Batch of PyTorch Geometric"
            )
    sizes = [_sizes(f"graph {number}", item) for number, item in enumerate(items)]
    first = np.cumsum([0, *(part.sum() for part in sizes)])
    edges = [_edges(f"graph {number}", item) + first[number] for number, item in enumerate(items)]
    source, target = np.concatenate([np.zeros((2, 0), np.int64), *edges], axis=1)
    features = _joined(items, "edge_attr")
    if features is not None and features.ndim == 1:
        features = features[:, None]
    graphs = Graphs(
        source,
        target,
        np.concatenate([np.zeros(0, np.int64), *sizes]),
        features,
        _joined(items, "edge_type"),
        _joined(items, "edge_weight"),
    )
    return GraphData(graphs, _joined(items, "x"), _joined(items, "y"))


def graphs_to(graphs: Graphs, x: npt.ArrayLike | None, y: npt.ArrayLike | None) -> list[Data]:
    """What `Graphs.to_pyg` gives."""
    nodes, values = (
        _checked("x", x, (graphs.num_nodes,)),
        _checked("y", y, (graphs.num_graphs, graphs.num_nodes)),
    )
    per_graph = values is not None and values.shape[0] == graphs.num_graphs
    ends = np.cumsum(graphs.sizes)
    graph_of = graphs.graph_of[graphs.source]
    order = np.argsort(graph_of, kind="stable")
    bounds = np.searchsorted(graph_of[order], np.arange(graphs.num_graphs + 1))
    made = []
    for number, (size, end) in enumerate(zip(graphs.sizes.tolist(), ends.tolist(), strict=True)):
        edges, rows = order[bounds[number] : bounds[number + 1]], slice(end - size, end)
        index = np.stack([graphs.source[edges], graphs.target[edges]]) - (end - size)
        one = Data(edge_index=torch.from_numpy(index), num_nodes=size)
        if graphs.edge_features is not None:
            one.edge_attr = torch.tensor(graphs.edge_features[edges], dtype=torch.get_default_dtype())
        if graphs.edge_types is not None:
            one.edge_type = torch.tensor(graphs.edge_types[edges])
        if graphs.edge_weights is not None:
            one.edge_weight = torch.tensor(graphs.edge_weights[edges], dtype=torch.get_default_dtype())
        if nodes is not None:
            one.x = torch.tensor(nodes[rows])
        if values is not None:
            one.y = torch.tensor(values[number : number + 1] if per_graph else values[rows])
        made.append(one)
    return made


def _checked(name: str, value: npt.ArrayLike | None, rows: tuple[int, ...]) -> _Array | None:
    if value is None:
        return None
    array = np.asarray(value)
    if array.ndim == 0 or array.shape[0] not in rows:
        expected = " or ".join(map(str, rows))
        raise ValueError(f"{_TO}: {name} has shape {array.shape}, expected {expected} rows")
    return array
