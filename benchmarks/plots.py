"""Pictures of a run: ratios to the peers by size, latencies beside the reading of the weights, bandwidth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.ticker

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from benchmarks.summary import best_of

Rows = Sequence[dict[str, Any]]


def of_table(rows: Rows, name: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["table"] == name]


def panels(rows: Rows, title: str, draw: Callable[[Axes, Rows], None], path: Path) -> Path:
    """Draw one panel for each cell."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    figure, axes = plt.subplots(1, len(cells), figsize=(5 * len(cells), 4.5), sharey=True, squeeze=False)
    for axis, cell in zip(axes[0], cells, strict=True):
        mine = [row for row in rows if row["cell"] == cell]
        axis.set(title=cell, xlabel="hidden size", xscale="log", yscale="log")
        draw(axis, mine)
        sizes = sorted({row["hidden"] for row in mine})
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][-1].legend(fontsize="small")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def ratios(*peers: str) -> Callable[[Axes, Rows], None]:
    """Make what draws the best peer's time over ours, a line for each batch and number of threads."""
    over = best_of(*peers)

    def draw(axis: Axes, rows: Rows) -> None:
        axis.axhline(1, color="black", linewidth=0.8)
        for threads, batch in dict.fromkeys((row["threads"], row["batch"]) for row in rows):
            line = [row for row in rows if (row["threads"], row["batch"]) == (threads, batch)]
            label = f"batch {batch}, {threads} thread{'s' * (threads > 1)}"
            style = "o-" if threads == 1 else "s--"
            axis.plot(
                [row["hidden"] for row in line], [over(row) or np.nan for row in line], style, label=label
            )
        axis.set_ylabel("the best peer's time / ours")
        axis.set_yscale("log", base=2)
        axis.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))

    return draw


def latencies(axis: Axes, rows: Rows) -> None:
    for name, label in (
        ("torch", "PyTorch"),
        ("onnxruntime", "ONNX Runtime"),
        ("recurra", "ours, from Python"),
        ("cpp", "ours, C++"),
        ("cpp_bfloat16", "ours, bfloat16"),
        ("cpp_int8", "ours, int8"),
        ("cpp_threads2", "ours, two threads"),
        ("reference", "written by hand"),
        ("floor", "reading the weights"),
    ):
        found = [(row["hidden"], row[name]) for row in rows if row.get(name) is not None]
        if found:
            axis.plot(*zip(*found, strict=True), "k:" if name == "floor" else "o-", label=label, markersize=4)
    axis.set_ylabel("ns per step")


def reading(rows: Rows, path: Path) -> Path:
    """Draw the bandwidth by working-set size."""
    figure, axis = plt.subplots(figsize=(6, 4.5))
    for threads in dict.fromkeys(row["threads"] for row in rows):
        line = [row for row in rows if row["threads"] == threads]
        axis.plot(
            [row["bytes"] / 1024 for row in line],
            [row["gbs"] for row in line],
            "o-",
            label=f"threads {threads}",
        )
    axis.set(xscale="log", yscale="log", xlabel="KB read", ylabel="GB/s", title="Reading")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def draw(rows: Rows, folder: Path) -> list[Path]:
    """Draw what there are tables for; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, title, peers in (
        ("training", "A training step", ("torch", "jax")),
        ("inference", "Whole sequences forward", ("onnxruntime",)),
    ):
        if found := of_table(rows, name):
            paths.append(panels(found, title, ratios(*peers), folder / f"{name}.png"))
    square = [row for row in of_table(rows, "streaming") if row["input"] == row["hidden"]]
    if square:
        paths.append(panels(square, "One streaming step, batch 1", latencies, folder / "streaming.png"))
    if found := of_table(rows, "bandwidth"):
        paths.append(reading(found, folder / "bandwidth.png"))
    return paths
