"""Pictures, with matplotlib: an extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra._arrays import FloatArray

try:
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError("plots need matplotlib, expected it installed: pip install recurra[plots]") from error


def plot_diagnosis(
    signals: Mapping[str, FloatArray], radius: FloatArray | None, norms: FloatArray | None
) -> Figure:
    """One row of pixels per unit for every signal, then the spectral radius by step and the norms by lag."""
    curves = [("spectral radius of ds_t/ds_{t-1}", "step", radius), ("norm of dL/ds_k", "lag", norms)]
    shown = [(title, label, values) for title, label, values in curves if values is not None]
    rows = len(signals) + len(shown)
    figure = Figure(figsize=(8, 1.1 * len(signals) + 2.2 * len(shown) + 0.6), layout="constrained")
    heights = [1.0] * len(signals) + [2.0] * len(shown)
    axes = figure.subplots(rows, 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, (name, values) in zip(axes, signals.items(), strict=False):
        _plot_signal(axis, name, values)
    for axis, (title, label, curve) in zip(axes[len(signals) :], shown, strict=True):
        axis.plot(np.arange(len(curve)), curve)
        axis.set_title(title, fontsize="small")
        axis.set_xlabel(label)
        if label == "lag" and np.any(curve > 0):
            axis.set_yscale("log")
        else:
            axis.axhline(1.0, color="grey", linewidth=0.5)
    return figure


def _plot_signal(axis: Any, name: str, values: FloatArray) -> None:  # noqa: ANN401
    gate = bool(np.all((values >= 0) & (values <= 1)))
    bound = float(np.abs(values).max()) or 1.0
    low, high, colours = (0.0, 1.0, "viridis") if gate else (-bound, bound, "coolwarm")
    image = axis.imshow(values.T, aspect="auto", interpolation="nearest", vmin=low, vmax=high, cmap=colours)
    axis.set_ylabel(name, rotation=0, horizontalalignment="right", fontsize="small")
    axis.set_yticks([])
    axis.figure.colorbar(image, ax=axis, pad=0.01)
