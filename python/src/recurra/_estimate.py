"""What training will cost, before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recurra import _core
from recurra._arrays import count, flag
from recurra._batch import check_topology
from recurra._calibration import Calibration, Shape, extents
from recurra._forest import Forest
from recurra._graphs import Graphs
from recurra._losses import Loss, LossName, read_loss
from recurra._network import Network
from recurra._optimizers import Adam, Optimizer
from recurra._rules import BPTT, check_rule
from recurra._summary import summarize


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a training step keeps, beside the parameters and the data.

    Args:
        weights: The parameters as the products read them.
        activations: What the way forward keeps for the way back.
        cotangents: What the way back adds to that.
        gradients: One of each thread.
        optimizer: What it remembers.
    """

    weights: int
    activations: int
    cotangents: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.activations + self.cotangents + self.gradients + self.optimizer


@dataclass(frozen=True)
class Estimate:
    """What `estimate` returns. A step is one of a sequence, or a node of a tree or graph.

    Args:
        batch_size: Sequences, trees or graphs per update.
        steps: In a batch; over a topology the mean over batches.
        samples: Sequences, trees or graphs per epoch.
        threads: That share a batch.
        parameters: That learn or rest; copies do not count.
        flops_per_step: Of the way forward, see `Summary.flops`; what is done per edge, sequence and so on is
            shared out over the steps.
        training_flops_per_step: Of forward, back and gradient.
        bytes_per_step: Moved on the way forward. Each weight is read once per level of what its layer runs
            over: a step of sequences side by side, a height of trees, a round of a `GraphNet`; elsewhere over
            graphs and behind a pooling once; of an embedding, its row for each symbol. So in each part that a
            batch is cut into, for threads and caches. Each activation is written once.
        state_bytes: That one sequence carries from step to step.
        memory: Of a training step.
        seconds_per_step: Of training, measured: those per batch shared out over the steps.
        seconds_per_batch: Of a whole batch, with its updates.
        seconds_per_epoch: Of all samples.
    """

    batch_size: int
    steps: int
    samples: int
    threads: int
    parameters: int
    flops_per_step: float
    training_flops_per_step: float
    bytes_per_step: float
    state_bytes: int
    memory: TrainingMemory
    seconds_per_step: float
    seconds_per_batch: float
    seconds_per_epoch: float

    def __str__(self) -> str:
        memory = self.memory
        parts = (f"{name} {_bytes(value)}" for name, value in vars(memory).items())
        return "\n".join(
            (
                f"batch of {self.batch_size:,}, {self.steps:,} steps; {self.samples:,} samples; "
                f"threads {self.threads}",
                f"parameters      {self.parameters:,}",
                f"flops per step  {self.flops_per_step:,.0f} forward, "
                f"{self.training_flops_per_step:,.0f} in training",
                f"bytes per step  {self.bytes_per_step:,.0f} forward",
                f"state           {_bytes(self.state_bytes)} per sequence",
                f"memory          {_bytes(memory.total)}: {', '.join(parts)}",
                f"time            {_seconds(self.seconds_per_step)} per step, "
                f"{_seconds(self.seconds_per_batch)} per batch, {_seconds(self.seconds_per_epoch)} per epoch",
            )
        )


def estimate(
    network: Network,
    shape: int | tuple[int, ...],
    *,
    samples: int | None = None,
    target_time: int | None = None,
    topology: Forest | Graphs | None = None,
    loss: LossName | Loss = "mse",
    optimizer: Optimizer | None = None,
    rule: BPTT | None = None,
    teacher: bool = False,
    threads: int | None = None,
) -> Estimate:
    """What a training step and an epoch of `fit` cost: memory, counted, and time, from a trial.

    The trial takes about half a second: training steps of a network with these layers, whose numbers are
    drawn afresh, on random data. Batches that would take longer are made smaller, and the time goes on from
    there along a straight line. The network itself, and every random state, stay as they are.

    Args:
        network: What is to be trained.
        shape: A batch: (batch_size, time), or x's shape (batch_size, time, features); over a topology the
            number of trees or graphs per batch.
        samples: Sequences per epoch; default one batch. Over a topology all of its trees or graphs.
        target_time: Steps that an EncoderDecoder writes; default `time`.
        topology: What the network runs over, a `Forest` or `Graphs`, if it has layers that do.
        loss: As for `fit`.
        optimizer: As for `fit`; default ``Adam()``.
        rule: `BPTT()`, with a window for an update after every window, or checkpointed.
        teacher: Whether a Feedback layer is fed targets, and not its own outputs.
        threads: That may share a batch. None: `num_threads()`. While the trial runs, it is the number for
            the whole process.

    Raises:
        ValueError, TypeError: the shape or a setting does not fit the network.
    """
    if not isinstance(network, Network):
        raise TypeError(f"estimate: network is a {type(network).__name__}, expected a recurra.Network")
    core = network._core
    check_topology(topology, core)
    objective = read_loss(loss)
    optimizer = Adam() if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"estimate: optimizer is {optimizer!r}, expected a recurra.Optimizer")
    bptt = check_rule(rule if rule is not None else BPTT())
    window, segment = bptt.window or 0, bptt._segment()
    if window and (core.pools or core.looks_ahead or topology is not None):
        raise ValueError(
            f"estimate: rule has window {window}, expected none: the network pools, looks ahead or runs over "
            "trees or graphs"
        )
    taught = flag("estimate: teacher", teacher)
    if taught and (core.teacher_size == 0 or core.decodes):
        raise ValueError(
            "estimate: teacher is True, expected False: the network has no one Feedback to teach"
        )
    batch = _read_shape(network, shape, target_time, topology)
    total = batch.sequences if topology is None else topology.num_structures
    if samples is not None:
        if topology is not None:
            raise ValueError(f"estimate: samples is {samples!r}, expected None beside a topology")
        total = count("estimate: samples", samples, 1)
    batch = batch.of(min(batch.sequences, total))
    before = _core.num_threads()
    if threads is not None:
        _core.set_num_threads(count("estimate: threads", threads, 1))
    try:
        memory = _core.training_footprint(
            core,
            batch=batch.sequences,
            time=batch.time,
            target_time=batch.target_time,
            topology=None if topology is None else topology._core,
            structures=[int(i) for i in batch.structures],
            optimizer=optimizer._core,
            window=window,
            segment=segment,
        )
        calibration = Calibration(core, network.dtype, objective, optimizer, taught, window, segment)
        per_batch, per_epoch = calibration.seconds(batch, total)
    finally:
        _core.set_num_threads(before)
    return _result(network, batch, total, memory, per_batch, per_epoch)


def _read_shape(
    network: Network, shape: int | tuple[int, ...], target_time: int | None, topology: Forest | Graphs | None
) -> Shape:
    core = network._core
    if topology is not None:
        if target_time is not None:
            raise ValueError("estimate: target_time is given, expected None beside a topology")
        size = shape[0] if isinstance(shape, tuple) and len(shape) == 1 else shape
        if isinstance(size, tuple):
            raise ValueError(
                f"estimate: shape is {shape!r}, expected the number of {topology._kind} per batch"
            )
        size = count("estimate: shape", size, 1)
        if topology.num_nodes == 0:
            raise ValueError(f"estimate: topology is {topology!r}, expected at least one node")
        return Shape(size, 0, 0, topology)
    if not isinstance(shape, tuple | list) or len(shape) not in (2, 3):
        raise ValueError(
            f"estimate: shape is {shape!r}, expected (batch_size, time) or (batch_size, time, features)"
        )
    size, time = (count(f"estimate: shape[{i}]", shape[i], 1) for i in range(2))
    if len(shape) == 3 and (core.takes_ids or shape[2] != core.input_size):
        wanted = "(batch_size, time) for class ids" if core.takes_ids else f"{core.input_size} features"
        raise ValueError(f"estimate: shape is {shape!r}, expected {wanted}")
    if target_time is not None and not core.decodes:
        raise ValueError("estimate: target_time is given, expected None: the network does not decode")
    written = time if target_time is None else count("estimate: target_time", target_time, 1)
    return Shape(size, time, written if core.decodes else 0)


def _result(
    network: Network,
    batch: Shape,
    samples: int,
    memory: _core.Footprint,
    per_batch: float,
    per_epoch: float,
) -> Estimate:
    itemsize = network.dtype.itemsize
    table = summarize(network._core, itemsize)
    counts = extents(batch)
    steps = max(1.0, counts["step"])
    return Estimate(
        batch_size=batch.sequences,
        steps=round(steps),
        samples=samples,
        threads=memory.threads,
        parameters=table.parameters,
        flops_per_step=_total(table.flops, counts) / steps,
        training_flops_per_step=_total(table.training_flops, counts) / steps,
        bytes_per_step=memory.traffic / max(1.0, memory.steps),
        state_bytes=itemsize * table.state,
        memory=TrainingMemory(
            *(int(x) for x in (memory.weights, memory.activations, memory.cotangents)),
            *(int(x) for x in (memory.gradients, memory.optimizer)),
        ),
        seconds_per_step=per_batch / steps,
        seconds_per_batch=per_batch,
        seconds_per_epoch=per_epoch,
    )


def _total(flops: Mapping[str, int], counts: Mapping[str, float]) -> float:
    return float(np.sum([counts[unit] * each for unit, each in flops.items()]))


def _bytes(value: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:,.2f} GiB"


def _seconds(value: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * scale >= 1:
            return f"{value * scale:,.3g} {unit}"
    return f"{value * 1e9:.3g} ns"
