"""Pictures of trees and graphs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import check_shape, count, number
from recurra._edges import edges_between
from recurra._forest import Forest
from recurra._graphs import Graphs
from recurra._topology import Topology

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(
    topology: Topology,
    values: npt.ArrayLike | None = None,
    *,
    structure: int = 0,
    labels: Sequence[object] | npt.NDArray[Any] | None = None,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    path: str | os.PathLike[str] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """One of the trees or graphs, its nodes coloured by values.

    A tree has its root at the top and children in order. A graph has neighbours near each other; more than
    400 nodes stand on a circle. An edge is an arrow, two of opposite directions are one with two heads. Needs
    matplotlib (``pip install recurra[plots]``).

    Args:
        topology: A `Forest` or `Graphs`.
        values: (nodes,) of the whole topology. Real numbers have a colour bar, NaN is left white; integers,
            bools and strings are classes, with a legend.
        structure: The number of the tree or graph.
        labels: (nodes,) of the whole topology: text beside each node, such as words; None for none.
        limits: The least and the greatest value of the colour bar; default those shown.
        title: Above the picture.
        path: Where to write the picture; the suffix chooses the format.
        ax: Where to draw, into a figure there is.

    Returns:
        The figure.

    Raises:
        IndexError: there is no such tree or graph.
        ValueError: values or labels not one for each node, an infinite value, limits that are no range.
        TypeError: another topology, values of another kind.
    """
    if not isinstance(topology, Forest | Graphs):
        raise TypeError(f"draw: topology is a {type(topology).__name__}, expected a Forest or Graphs")
    total = topology.num_trees if isinstance(topology, Forest) else topology.num_graphs
    chosen = count("draw: structure", structure, 0)
    if total == 0:
        raise IndexError(f"draw: structure is {chosen}, but there is no tree or graph, expected some")
    if chosen >= total:
        raise IndexError(f"draw: structure is {chosen}, expected 0 .. {total - 1}")
    shown = None if values is None else _values(values, topology.num_nodes)
    texts = None if labels is None else _labels(labels, topology.num_nodes)
    bounds = None if limits is None else _limits(limits, shown)

    from recurra._structure_plots import plot_structure

    nodes = topology.nodes([chosen])
    edges, place = edges_between(topology.source, topology.target, nodes, topology.num_nodes)
    if isinstance(topology, Forest) and topology.slots is not None:
        edges = edges[np.argsort(topology.slots[edges], kind="stable")]
    figure = plot_structure(
        isinstance(topology, Forest),
        place[topology.source[edges]],
        place[topology.target[edges]],
        nodes.size,
        None if shown is None else shown[nodes],
        None if texts is None else [texts[node] for node in nodes],
        bounds,
        title,
        ax,
    )
    if path is not None:
        figure.savefig(os.fspath(path))
    return figure


def _values(values: npt.ArrayLike, num_nodes: int) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim == 2:
        raise ValueError(
            f"draw: values has shape {array.shape}, expected (nodes,): one column, such as values[:, 0]"
        )
    check_shape("draw: values", array, (num_nodes,), "(nodes,)")
    if array.dtype.kind not in "fiubU":
        raise TypeError(f"draw: values has dtype {array.dtype}, expected real numbers, bool or strings")
    if array.dtype.kind == "f" and np.isinf(array).any():
        node = int(np.argmax(np.isinf(array)))
        raise ValueError(f"draw: values[{node}] is {array[node]}, expected a finite number, or NaN for none")
    return array


def _labels(labels: Sequence[object] | npt.NDArray[Any], num_nodes: int) -> list[str]:
    if isinstance(labels, str):
        raise ValueError(f"draw: labels is {labels!r}, expected a list of {num_nodes}, one per node")
    if len(labels) != num_nodes:
        raise ValueError(f"draw: labels has length {len(labels)}, expected {num_nodes}, one per node")
    return ["" if label is None else str(label) for label in labels]


def _limits(limits: tuple[float, float], values: npt.NDArray[Any] | None) -> tuple[float, float]:
    if values is None or values.dtype.kind != "f":
        raise ValueError(f"draw: limits is {limits!r}, expected None unless values are real numbers")
    if not isinstance(limits, tuple) or len(limits) != 2:
        raise ValueError(f"draw: limits is {limits!r}, expected (least, greatest)")
    low, high = number("draw: limits", limits[0]), number("draw: limits", limits[1])
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"draw: limits is {limits!r}, expected (least, greatest)")
    return low, high
