"""Vanishing and exploding gradients: what gates, clipping, weight decay and the residual form change.

Y. Bengio, P. Simard and P. Frasconi, IEEE Transactions on Neural Networks 5 (1994); S. Hochreiter, diploma
thesis (1991); R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013. The norm of dL_T/ds_k by lag T - k, by
`recurra.Diagnosis`: of untrained networks, and of networks that learned the adding problem with and without
clipping and weight decay.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import recurra as rc

from studies import report
from studies.adding import sequences

UNITS = 32


@dataclass(frozen=True)
class Case:
    """An untrained network: its cell, and how its weights are drawn."""

    name: str
    layer: Callable[[], rc.Layer]
    init: rc.Init

    def network(self, seed: int) -> rc.Network:
        """The cell, read out by a Linear layer from its last state."""
        return rc.Network(
            [self.layer(), rc.Last(), rc.Linear(UNITS, 1)], dtype="float64", seed=seed, init=self.init
        )


def orthogonal(scale: float) -> rc.Init:
    """R = scale times an orthogonal matrix, b = 0."""
    return rc.Init(recurrent="orthogonal", recurrent_scale=scale, bias="zeros")


def opened(bias: float) -> rc.Init:
    """This bias of the forget gate, the others 0."""
    return rc.Init(bias="zeros", forget_bias=bias)


UNTRAINED = (
    Case("Elman (tanh), R orthogonal x 0.5", lambda: rc.Elman(2, UNITS), orthogonal(0.5)),
    Case("Elman (tanh), R orthogonal", lambda: rc.Elman(2, UNITS), orthogonal(1.0)),
    Case("Elman (tanh), R orthogonal x 1.5", lambda: rc.Elman(2, UNITS), orthogonal(1.5)),
    Case("Elman (relu), R orthogonal x 2", lambda: rc.Elman(2, UNITS, "relu"), orthogonal(2.0)),
    Case(
        "IRNN: Elman (relu), R = 1",
        lambda: rc.Elman(2, UNITS, "relu"),
        rc.Init(recurrent="identity", bias="zeros"),
    ),
    Case("LSTM, forget bias 0", lambda: rc.LSTM(2, UNITS), opened(0.0)),
    Case("LSTM, forget bias 1", lambda: rc.LSTM(2, UNITS), opened(1.0)),
    Case("LSTM, forget bias 4", lambda: rc.LSTM(2, UNITS), opened(4.0)),
    Case("LSTM without forget gate", lambda: rc.LSTM(2, UNITS, forget_gate=False), opened(0.0)),
    Case("GRU", lambda: rc.GRU(2, UNITS), rc.Init(bias="zeros")),
    Case("ResidualRNN (tanh)", lambda: rc.ResidualRNN(2, UNITS), orthogonal(0.5)),
    Case("ResidualRNN, linear form", lambda: rc.ResidualRNN(2, UNITS, recurrent=False), rc.Init()),
)


def by_lag(network: rc.Network, time: int, count: int = 8) -> np.ndarray:
    """Norms by lag relative to lag 0, the geometric mean over some sequences."""
    x, target = sequences(count, time, seed=5)
    logarithms = []
    for sequence, wanted in zip(x, target, strict=True):
        diagnosis = rc.Diagnosis(network, sequence.astype(network.dtype))
        norms = diagnosis.gradient_norms(wanted.astype(network.dtype))
        logarithms.append(np.log(np.maximum(norms, 1e-300)) - np.log(max(norms[0], 1e-300)))
    relative: np.ndarray = np.exp(np.mean(logarithms, axis=0))
    return relative


def radius(network: rc.Network, time: int) -> float:
    """The median spectral radius of the steps' Jacobians, without the readout."""
    alone = rc.Network(network.layers[:1], dtype=network.dtype)
    alone.flat[:] = network.flat[: alone.flat.size]
    x, _ = sequences(1, time, seed=5)
    return float(np.median(rc.Diagnosis(alone, x[0].astype(network.dtype)).spectral_radius()))


@dataclass(frozen=True)
class Trial:
    """What training changed."""

    loss: float
    epochs: int
    largest: float  # norm of a batch's gradient, at the end
    radius: float
    far: float  # the gradient's norm at the largest lag, relative to lag 0


def train(time: int, seed: int, scale: float, clip_norm: float | None, l2: float, epochs: int) -> Trial:
    """An Elman network (relu) on the adding problem; it ends where the loss or gradient overflows."""
    network = rc.Network(
        [rc.Elman(2, UNITS, "relu"), rc.Last(), rc.Linear(UNITS, 1)], seed=seed, init=orthogonal(scale)
    )
    x, y = sequences(1600, time, seed=10 + seed)
    done, loss = 0, float("nan")
    for epoch in range(epochs):
        try:
            history = rc.fit(
                network, x, y, optimizer=rc.SGD(1e-2, momentum=0.9, l2=l2), epochs=1, batch_size=32,
                clip_norm=clip_norm, seed=1000 * seed + epoch, progress=False,
            )  # fmt: skip
        except OverflowError:
            loss = float("inf")
            break
        done, loss = epoch + 1, history.loss[-1]
    finite = bool(np.isfinite(network.flat).all())
    largest = _gradient_norm(network, x[:256], y[:256]) if finite else float("inf")
    if not np.isfinite(largest):
        return Trial(loss, done, largest, float("inf"), float("inf"))
    copy = rc.Network(network.layers, dtype="float64")
    copy.flat[:] = network.flat
    return Trial(loss, done, largest, radius(copy, time), float(by_lag(copy, time)[-1]))


def _gradient_norm(network: rc.Network, x: np.ndarray, y: np.ndarray) -> float:
    try:
        return float(np.linalg.norm(network.loss_and_gradient(x, y)[1].astype(np.float64)))
    except OverflowError:
        return float("inf")


def untrained(time: int, seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Print how the gradient changes with the lag before anything is learned."""
    lags = sorted({1, time // 10, time // 2, time - 1})
    rows, curves = [], {}
    for case in UNTRAINED:
        networks = [case.network(seed) for seed in seeds]
        norms = np.array([by_lag(network, time) for network in networks])
        curves[case.name] = np.exp(np.mean(np.log(np.maximum(norms, 1e-300)), axis=0))
        middle = np.median(norms, axis=0)
        rho = statistics.median(radius(network, time) for network in networks)
        rows.append([case.name, f"{rho:.2f}", *(f"{middle[lag]:.1e}" for lag in lags)])
    columns = ("untrained network", "spectral radius", *(f"lag {lag}" for lag in lags))
    report.print_table(columns, rows)
    return curves


def trained(time: int, seeds: tuple[int, ...], epochs: int) -> None:
    """Print what clipping and weight decay change."""
    rows = []
    for scale, (clip, l2) in itertools.product(
        (1.0, 1.3), ((None, 0.0), (1.0, 0.0), (None, 3e-3), (1.0, 3e-3))
    ):
        trials = [train(time, seed, scale, clip, l2, epochs) for seed in seeds]
        overflowed = sum(trial.epochs < epochs for trial in trials)
        rows.append(
            [
                f"{scale:g}",
                "-" if clip is None else f"{clip:g}",
                f"{l2:g}",
                f"{overflowed} of {len(trials)}",
                *(
                    "-" if not np.isfinite(middle) else f"{middle:.2g}"
                    for middle in (
                        statistics.median(getattr(trial, name) for trial in trials)
                        for name in ("loss", "largest", "radius", "far")
                    )
                ),
            ]
        )
    report.print_table(
        (
            "scale of R", "clip_norm", "l2", "overflowed", "loss", "gradient norm", "spectral radius",
            f"dL/ds at lag {time - 1}",
        ),
        rows,
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, np.ndarray]:
    """Print the study."""
    time, epochs = (20, 2) if options.quick else (100, 20)
    seeds = (0,) if options.quick else (0, 1, 2)
    report.print_header(
        f"Vanishing and exploding gradients, T = {time}",
        options.command,
        f"Medians over {len(seeds)} seeds, {UNITS} units, inputs of the adding problem",
        "Untrained: the norm of dL_T/ds by lag, all states together, relative to lag 0 (geometric mean over "
        "8 sequences), and the median spectral radius of ds_t/ds_{t-1}",
    )
    curves = untrained(time, seeds)
    print(
        f"Trained: an Elman network (relu, R orthogonal times a scale) on the adding problem for {epochs} "
        "epochs of 50 updates, SGD 0.01 with momentum 0.9. Loss (of the mean: 0.167), and the norm of a "
        "batch's gradient, at the end.\n"
    )
    trained(time, seeds, epochs)
    if options.plot:
        _plot(options, curves, time)
    return curves


def _plot(options: argparse.Namespace, curves: dict[str, np.ndarray], time: int) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, norms in curves.items():
        axes.plot(np.arange(len(norms)), np.maximum(norms, 1e-20), label=name)
    axes.set(
        title=f"Untrained networks, T = {time}", xlabel="lag", ylabel="norm of dL/ds, relative", yscale="log"
    )
    axes.legend(fontsize="small", loc="lower left", bbox_to_anchor=(1.0, 0.0))
    figure.savefig(options.plot)
