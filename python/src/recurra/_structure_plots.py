"""A tree or a graph as a picture, with matplotlib: an extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray
from recurra._layouts import Places, layers, spread

try:
    from matplotlib import colormaps
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle, FancyArrowPatch
except ImportError as error:
    raise ImportError(
        "pictures need matplotlib, expected it installed: pip install recurra[plots]"
    ) from error

_DISC = 120.0  # points squared
_EDGE = {"color": "0.6", "zorder": 1}


def plot_structure(
    tree: bool,
    source: IntArray,
    target: IntArray,
    num_nodes: int,
    values: npt.NDArray[Any] | None,
    labels: Sequence[str] | None,
    limits: tuple[float, float] | None,
    title: str | None,
    ax: Axes | None,
) -> Figure:
    """Nodes, edges and labels of one structure; the edges of a tree in the order of the children."""
    places = (layers if tree else spread)(num_nodes, source, target)
    if ax is None:
        ax = Figure(figsize=_size(tree, places, labels), layout="constrained").add_subplot()
    figure = ax.figure.figure  # the one that holds the parts of a figure, too
    if tree and (np.bincount(source, minlength=num_nodes) < 2).all():
        ax.add_collection(LineCollection(np.stack([places[target], places[source]], axis=1), **_EDGE))  # type: ignore[arg-type]
    else:
        _arrows(ax, places, source, target, tree)
    if values is None:
        ax.scatter(places[:, 0], places[:, 1], s=_DISC, color="white", edgecolors="0.3", zorder=2)
    elif values.dtype.kind == "f":
        _scalars(ax, places, values, limits)
    else:
        _classes(ax, places, values)
    leaves = np.bincount(target, minlength=num_nodes) == 0
    for node, label in enumerate(labels or ()):
        _label(ax, places[node], label, below=tree and bool(leaves[node]))
    ax.set_axis_off()
    ax.margins(0.1)
    if not tree:
        ax.set_aspect("equal", adjustable="datalim")
    if title is not None:
        ax.set_title(title)
    return figure


def _size(tree: bool, places: Places, labels: Sequence[str] | None) -> tuple[float, float]:
    """Inches that suit what is shown, within what can be looked at."""
    if not tree:
        side = float(np.clip(1.2 * np.sqrt(len(places)), 4, 16))
        return side + 1, side
    width, height = np.ptp(places, axis=0) + 1
    longest = max((len(label) for label in labels or ()), default=0)
    return float(np.clip(width * max(0.5, 0.1 * longest) + 1, 4, 24)), float(
        np.clip(0.7 * height + 0.5, 3, 24)
    )


def _scalars(ax: Axes, places: Places, values: npt.NDArray[Any], limits: tuple[float, float] | None) -> None:
    """Diverging colours where zero is in the middle, as it is if there are values on both its sides."""
    known = values[np.isfinite(values)]
    low, high = limits or ((float(known.min()), float(known.max())) if known.size else (0.0, 1.0))
    if limits is None and low < 0 < high:
        low, high = -max(-low, high), max(-low, high)
    colours = "coolwarm" if low == -high else "viridis"
    x, y = places.T
    missing = np.isnan(values)
    ax.scatter(x[missing], y[missing], s=_DISC, color="white", edgecolors="0.3", zorder=2)
    x, y = places[~missing].T
    discs = ax.scatter(
        x, y, s=_DISC, c=values[~missing], cmap=colours, vmin=low, vmax=high, edgecolors="0.3", zorder=2
    )
    ax.figure.colorbar(discs, ax=ax, shrink=0.8)


def _classes(ax: Axes, places: Places, values: npt.NDArray[Any]) -> None:
    found = np.unique(values)
    name, steps = ("tab10", np.arange(10)) if found.size <= 10 else ("turbo", np.linspace(0, 1, found.size))
    for value, colour in zip(found, colormaps[name](steps), strict=False):
        x, y = places[values == value].T
        ax.scatter(x, y, s=_DISC, color=colour, edgecolors="0.3", zorder=2, label=str(value))
    ax.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))


def _arrows(ax: Axes, places: Places, source: IntArray, target: IntArray, layered: bool) -> None:
    """One for each pair of nodes that edges join, and a ring for edges from a node to itself.

    Arrows past a layer are bent, around nodes that may stand there.
    """
    pairs = set(zip(source.tolist(), target.tolist(), strict=True))
    radius = 0.04 * (float(np.ptp(places, axis=0).max()) or 1.0) if pairs else 0.0
    for u, v in sorted(pairs):
        if u == v:
            ax.add_patch(Circle((places[u, 0], places[u, 1] + radius), radius, fill=False, **_EDGE))
        elif (v, u) not in pairs or u < v:
            style = "<|-|>" if (v, u) in pairs else "-|>"
            bend = 0.2 if layered and abs(places[u, 1] - places[v, 1]) > 1 else 0
            ax.add_patch(
                FancyArrowPatch(
                    tuple(places[u]),
                    tuple(places[v]),
                    arrowstyle=style,
                    connectionstyle=f"arc3,rad={bend}",
                    mutation_scale=10,
                    shrinkA=6,
                    shrinkB=6,
                    **_EDGE,  # type: ignore[arg-type]
                )
            )


def _label(ax: Axes, place: npt.NDArray[np.float64], text: str, below: bool) -> None:
    """Words are no formulas, though there may be a dollar in them."""
    offset, across, along = ((0, -9), "center", "top") if below else ((5, 5), "left", "bottom")
    ax.annotate(
        text,
        tuple(place),
        xytext=offset,
        textcoords="offset points",
        ha=across,
        va=along,
        fontsize="small",
        parse_math=False,
    )
