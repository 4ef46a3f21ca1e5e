"""The time of a training step, from a short trial on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recurra import _core
from recurra._arrays import IntArray
from recurra._forest import Forest
from recurra._graphs import Graphs
from recurra._losses import Loss
from recurra._optimizers import Optimizer
from recurra._summary import summarize
from recurra._synthetic import draw_data

BUDGET = 0.4  # seconds of trials, of one shape
ROUGH_FLOPS = 5e7  # of the first one, whose cost nobody knows
MOST_DRAWN = 2_000_000  # numbers of x
POINTWISE = 200  # what a step costs beside its flops, as so many of them


@dataclass(frozen=True)
class Shape:
    """A batch: sequences of `time` steps, or so many structures of a topology."""

    sequences: int
    time: int
    target_time: int
    topology: Forest | Graphs | None = None

    @property
    def structures(self) -> IntArray:
        """Some of the topology, drawn at random, always the same ones."""
        if self.topology is None:
            return np.empty(0, np.int64)
        return np.random.default_rng(0).permutation(self.topology.num_structures)[: self.sequences]

    def of(self, sequences: int) -> Shape:
        """The same, with another number of sequences."""
        return replace(self, sequences=sequences)


def extents(shape: Shape) -> Mapping[str, float]:
    """How many steps, edges and so on a batch has; of a topology, on average."""
    if shape.topology is None:
        steps, written = shape.sequences * shape.time, shape.sequences * shape.target_time
        return {
            "step": steps,
            "read": steps,
            "written": written,
            "match": written * shape.time,
            "sequence": shape.sequences,
        }
    whole = _counted(shape.topology)
    share = shape.sequences / max(1, shape.topology.num_structures)
    return {unit: value * share for unit, value in whole.items()}


def _counted(topology: Forest | Graphs) -> dict[str, float]:
    return {
        "step": topology.num_nodes,
        "edge": topology.num_edges,
        "sequence": topology.num_structures,
        "below": np.unique(topology.target).size,
        "above": np.unique(topology.source).size,
    }


class Calibration:
    """Training steps of a network of the same layers, with numbers that stay small and finite."""

    def __init__(
        self,
        core: _core._Network,
        dtype: np.dtype[Any],
        loss: Loss,
        optimizer: Optimizer,
        taught: bool,
        window: int,
        segment: int,
    ) -> None:
        self._core = type(core)(core.layers, 0)
        for names in core.tied:
            self._core.tie(names)
        if core.frozen:
            self._core.freeze(core.frozen)
        self._core.flat()[:] *= 0.1
        self._dtype = dtype
        self._loss = loss
        self._optimizer = type(optimizer)(**(optimizer._settings | {"learning_rate": 1e-6}))
        self._taught = taught
        self._window = window
        self._segment = segment
        self._flops = summarize(core, dtype.itemsize).training_flops

    def seconds(self, batch: Shape, samples: int) -> tuple[float, float]:
        """Of a batch, and of an epoch of so many sequences or structures."""
        whole = self._batch(batch)
        full, rest = divmod(samples, batch.sequences)
        last = 0.0
        if rest:
            last = self._batch(batch.of(rest)) if full < 8 else whole * rest / batch.sequences
        return whole, full * whole + last

    def _batch(self, shape: Shape) -> float:
        """Of one batch; with windows as many times one window as there are."""
        windows = 1.0
        if 0 < self._window < shape.time:
            windows = shape.time / self._window
            shape = replace(shape, time=self._window)
        load = self._load(extents(shape))
        rough = self._scaled(shape, ROUGH_FLOPS / load)
        load_rough, seconds = self._trial(rough, 0.1 * BUDGET)
        if 3 * seconds * load / load_rough <= BUDGET or rough == shape:
            load_measured, seconds = self._trial(shape, BUDGET)
            return windows * seconds * load / load_measured
        # A straight line through two batches as large as there is time for.
        fraction = min(1.0, BUDGET * load_rough / (6 * seconds * load))
        high, low = self._scaled(shape, fraction), self._scaled(shape, fraction / 2)
        load_high, seconds_high = self._trial(high, 0.6 * BUDGET)
        load_low, seconds_low = self._trial(low, 0.3 * BUDGET)
        slope = seconds_high / load_high
        if load_high > load_low and seconds_high > seconds_low:
            slope = (seconds_high - seconds_low) / (load_high - load_low)
        return windows * (seconds_high + slope * (load - load_high))

    def _load(self, counts: Mapping[str, float]) -> float:
        """What the time grows with."""
        flops = sum(counts.get(unit, 0) * each for unit, each in self._flops.items())
        return flops + POINTWISE * (counts["step"] + counts.get("written", 0) + counts.get("edge", 0))

    def _scaled(self, shape: Shape, fraction: float) -> Shape:
        """About this fraction of a batch: shorter sequences first, then fewer of them."""
        if fraction >= 1:
            return shape
        if shape.topology is not None:
            return shape.of(max(1, round(shape.sequences * fraction)))
        time = max(min(shape.time, 16), round(shape.time * fraction))
        fraction *= shape.time / time
        sequences = min(shape.sequences, max(1, round(shape.sequences * fraction)))
        written = max(1, round(shape.target_time * time / shape.time)) if shape.target_time else 0
        return replace(shape, sequences=sequences, time=time, target_time=written)

    def _trial(self, shape: Shape, budget: float) -> tuple[float, float]:
        """The load and the seconds of a batch: means over as many as the budget allows.

        Not the median: where others want the processors too, a step has its share of waiting.
        """
        load, data = self._draw(shape, 1)
        seconds = self._epochs(data, shape.sequences, 2)  # the first one finds the memory
        steps = int((budget - sum(seconds)) / max(seconds[-1], 1e-7))
        if steps < 3:
            return load, seconds[-1]
        # Different batches come from memory, one that is repeated from the caches.
        batches = max(1, min(steps // 2, MOST_DRAWN // max(1, data[0].size)))
        if shape.topology is not None:
            batches = max(1, min(batches, shape.topology.num_structures // shape.sequences))
        load, data = self._draw(shape, batches)
        seconds = self._epochs(data, shape.sequences, max(2, steps // batches))
        return load, float(np.mean(seconds[1:])) / batches

    def _draw(self, shape: Shape, batches: int) -> tuple[float, _core.Data]:
        """The load of one of so many batches, and these."""
        core, loss, dtype = self._core, self._loss, self._dtype
        many = shape.of(shape.sequences * batches)
        if shape.topology is None:
            data = draw_data(core, loss, dtype, many.sequences, many.time, many.target_time, self._taught)
            return self._load(extents(shape)), data
        chosen = shape.topology.take(many.structures)
        data = draw_data(core, loss, dtype, 1, chosen.num_nodes, 0, False, chosen._core)
        return self._load(_counted(chosen)) / batches, data

    def _epochs(self, data: _core.Data, batch: int, epochs: int) -> list[float]:
        settings = _core.FitSettings(
            loss=self._loss._core(),
            optimizer=self._optimizer._core,
            schedule=_core.ConstantRate(),
            window=0,
            sampling=(0.0, 0.0, 1),
            epochs=epochs,
            batch_size=batch,
            clip_norm=0.0,
            clip_value=0.0,
            shuffle=True,  # rows in no order take longer to read
            seed=0,
            early_stopping=None,
            checkpoint="",
            checkpoint_every=0,
            resume=False,
            stateful=False,
            segment=self._segment,
        )
        result = _core.fit(self._core, data, None, settings, None, lambda *_: None)
        if result.interrupted:
            raise KeyboardInterrupt
        return [epoch.seconds for epoch in result.epochs]
