"""Graphs as SciPy's sparse adjacency matrices: an extra."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from recurra._graphs import Graphs

try:
    from scipy import sparse  # type: ignore[import-untyped]
except ImportError as error:
    raise ImportError(
        "sparse matrices need scipy, expected it installed: pip install recurra[scipy]"
    ) from error

_OWNER = "Graphs.from_scipy"


def _checked(number: int, matrix: object) -> Any:  # noqa: ANN401
    """A copy as CSR without zeros, in which each entry stands once."""
    if not sparse.issparse(matrix):
        raise TypeError(
            f"{_OWNER}: matrix {number} is a {type(matrix).__name__}, "
            "expected a sparse array or matrix of SciPy"
        )
    shape, dtype = matrix.shape, matrix.dtype  # type: ignore[attr-defined]
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ValueError(f"{_OWNER}: matrix {number} has shape {shape}, expected (nodes, nodes)")
    if dtype.kind not in "fiub":
        raise TypeError(f"{_OWNER}: matrix {number} has dtype {dtype}, expected real numbers or bool")
    rows = sparse.csr_array(matrix, copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    wrong = rows.data[~np.isfinite(rows.data)]
    if wrong.size:
        raise ValueError(f"{_OWNER}: matrix {number} has the value {wrong[0]}, expected finite numbers")
    return rows


def graphs_from(matrices: object, weights: bool) -> Graphs:
    """What `Graphs.from_scipy` gives."""
    several = isinstance(matrices, Iterable) and not sparse.issparse(matrices)
    listed: Iterable[object] = matrices if several else [matrices]  # type: ignore[assignment]
    rows = [_checked(number, matrix) for number, matrix in enumerate(listed)]
    kinds = {matrix.dtype == np.bool_ for matrix in rows}
    if weights and len(kinds) > 1:
        raise TypeError(f"{_OWNER}: some matrices are bool and others not, expected weights in all or none")
    sizes = np.array([matrix.shape[0] for matrix in rows], np.int64)
    entries = [matrix.tocoo() for matrix in rows]
    first = np.repeat(np.cumsum(sizes) - sizes, [each.nnz for each in entries])
    source, target = (
        np.concatenate([np.zeros(0, np.int64), *(each.coords[axis] for each in entries)]) + first
        for axis in (0, 1)
    )
    values = np.concatenate([np.zeros(0), *(each.data for each in entries)])
    return Graphs(source, target, sizes, edge_weights=values if weights and True not in kinds else None)


def graphs_to(graphs: Graphs) -> list[Any]:
    """What `Graphs.to_scipy` gives."""
    shape = (graphs.num_nodes, graphs.num_nodes)
    weights = np.ones(graphs.num_edges, np.bool_) if graphs.edge_weights is None else graphs.edge_weights
    pairs, counts = np.unique(np.stack([graphs.source, graphs.target]), axis=1, return_counts=True)
    if counts.size and counts.max() > 1:
        source, target = pairs[:, np.argmax(counts > 1)]
        raise ValueError(
            f"Graphs.to_scipy: several edges go from node {source} to {target}, expected one at most"
        )
    whole = sparse.csr_array((weights, (graphs.source, graphs.target)), shape=shape)
    ends = np.cumsum(graphs.sizes)
    return [whole[end - size : end, end - size : end] for size, end in zip(graphs.sizes, ends, strict=True)]
