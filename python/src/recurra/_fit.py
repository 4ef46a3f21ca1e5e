"""Training on mini-batches of sequences, trees or graphs."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import check_seed, count, flag, number
from recurra._data import read_data, split
from recurra._early_stopping import EarlyStopping
from recurra._history import History, Progress
from recurra._losses import Loss, LossName, read_loss
from recurra._network import Network
from recurra._optimizers import Adam, Optimizer
from recurra._ragged import Sequences
from recurra._rate_schedules import RateSchedule, read_schedule
from recurra._rules import BPTT, check_rule
from recurra._topology import Topology


def fit(
    network: Network,
    x: Sequences | None,
    y: Sequences,
    *,
    loss: LossName | Loss = "mse",
    optimizer: Optimizer | None = None,
    schedule: RateSchedule | None = None,
    rule: BPTT | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    topology: Topology | None = None,
    lengths: npt.ArrayLike | None = None,
    teacher: Sequences | bool | None = None,
    mask: Sequences | None = None,
    target_lengths: npt.ArrayLike | None = None,
    sampling: float | ScheduledSampling = 0.0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    validation: float | tuple[Any, ...] | None = None,
    shuffle: bool = True,
    progress: bool | Progress = True,
    seed: int = 0,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = False,
    stateful: bool = False,
) -> History:
    """Train a network in place.

    Ctrl-C stops within a batch: the network keeps its last update, the history its complete epochs.

    Args:
        network: What to train.
        x: (sequences, time, features), or a list of arrays (time, features) of any lengths; class ids without
            the feature axis for an Embedding; None for a network without input.
        y: What it should give, as `Network.loss_and_gradient` takes it, or a list of such arrays.
        loss: "mse", "mae", "huber", "cross_entropy" or "binary_cross_entropy", or an object with settings
            such as ``Huber(delta=2.0)``.
        optimizer: Default ``Adam()``. It starts afresh.
        schedule: Its learning rate in each epoch, such as ``CosineDecay(20)``. None: it stays.
        rule: `BPTT()`, `BPTT(window=...)` for an update after every window with the state carried on, or
            `BPTT(checkpoint=True)` for long sequences in little memory (`checkpoint` below is something else:
            a file).
        epochs: Passes over the data.
        batch_size: Sequences, trees or graphs per update.
        topology: What the network runs over, a `Forest` or `Graphs`, if it has layers that do: x is then
            (nodes, features), or class ids (nodes,), and y has a row for each node, or for each tree or graph
            if the network has a `Readout`.
        lengths: (sequences,) valid steps, for arrays; lists know theirs.
        teacher: What a Feedback layer feeds back instead of its own outputs, shaped as these; True: the
            targets. None or False: a closed loop. A network that decodes learns from its targets by itself.
        mask: Which entries count, as `Network.loss_and_gradient` takes it, or a list of such arrays.
        target_lengths: (sequences,) valid steps of the targets of a network that decodes, for arrays; lists
            know theirs.
        sampling: Scheduled sampling: how likely a step sees the network's own output although there is a
            teacher; a number, or a `ScheduledSampling` that rises.
        clip_norm: Scale the gradient down to this norm, before the optimizer's decay.
        clip_value: Limit each element of the gradient, before `clip_norm`.
        validation: A fraction of the sequences, the last ones, to hold out; or (x, y), (x, y, lengths) or
            (x, y, lengths, target_lengths), with a teacher if training has one that is True, without a mask.
            Over a topology (x, y, topology), or a fraction of the trees or graphs.
        shuffle: Draw a new order of the sequences for each epoch.
        progress: Show a progress bar on a terminal (if tqdm is installed), or a line per epoch, on standard
            error.
        seed: Of the order and of dropout. The same seed and number of threads give the same bits.
        early_stopping: When to stop for want of improvement. None: never.
        checkpoint: A file to keep the whole run in, replaced in one step after every epoch. `load` reads it
            as a network, with the parameters of its last update.
        checkpoint_every: Also write it at the end of a batch this many or more updates after the last time.
        resume: Go on with the run in `checkpoint`; network and history (but for the seconds) become those of
            a run never stopped, bit for bit with the same number of threads and instruction set. Without such
            a file it starts afresh. All arguments but `epochs`, `progress` and `checkpoint_every` must be
            those of the run; more epochs may be asked for. Without `resume` a file that is there is replaced,
            when the first epoch is complete.
        stateful: Row i of a batch goes on where row i of the batch before ended, after its own last valid
            step; each epoch, and each validation, starts from the initial state. Needs ``shuffle=False``, a
            number of sequences (also of `validation`) that is a multiple of `batch_size`, and a network that
            neither pools nor looks ahead. `consecutive_windows` lays out a long series in this way.

    Raises:
        ValueError, TypeError: data or settings do not fit; nothing has changed then.
        OverflowError: the loss or the gradient is not finite; the network keeps its last update.
        RuntimeError: the checkpoint to resume is damaged; nothing has changed then.
        OSError: the checkpoint cannot be read, or is a folder, a pipe or a link to nothing (nothing has
            changed then), or cannot be written; the old one stays, the network keeps its last update.
    """
    if not isinstance(network, Network):
        raise TypeError(f"fit: network is a {type(network).__name__}, expected a recurra.Network")
    objective = read_loss(loss)
    training = read_data(
        network,
        x,
        y,
        objective,
        lengths=lengths,
        teacher=teacher,
        mask=mask,
        target_lengths=target_lengths,
        topology=topology,
    )
    held_out = None
    if isinstance(validation, tuple) and topology is not None:
        if len(validation) != 3:
            raise ValueError(
                f"fit: validation has {len(validation)} entries, expected (x, y, topology) beside a topology"
            )
        held_x, held_y, held_topology = validation
        held_out = _read_validation(network, held_x, held_y, objective, topology=held_topology)
    elif isinstance(validation, tuple):
        if len(validation) not in (2, 3, 4):
            raise ValueError(
                f"fit: validation has {len(validation)} entries, expected (x, y), (x, y, lengths) or "
                "(x, y, lengths, target_lengths)"
            )
        held_x, held_y, *rest = validation
        held_out = _read_validation(
            network,
            held_x,
            held_y,
            objective,
            lengths=rest[0] if rest else None,
            target_lengths=rest[1] if len(rest) > 1 else None,
            teacher=isinstance(teacher, bool | np.bool_) and teacher,
        )
    elif validation is not None:
        training, held_out = split(training, validation, network._core.pools)
    bptt = check_rule(rule if rule is not None else BPTT())
    optimizer = optimizer if optimizer is not None else Adam()
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: optimizer is {optimizer!r}, expected a recurra.Optimizer")
    epochs = count("fit: epochs", epochs, 0)
    settings = _core.FitSettings(
        loss=objective._core(),
        optimizer=optimizer._core,
        schedule=read_schedule(schedule)._core(),
        window=bptt.window or 0,
        sampling=_read_sampling(sampling),
        epochs=epochs,
        batch_size=count("fit: batch_size", batch_size, 1),
        clip_norm=_check_clip("clip_norm", clip_norm),
        clip_value=_check_clip("clip_value", clip_value),
        shuffle=flag("fit: shuffle", shuffle),
        seed=check_seed(seed),
        early_stopping=_read_early_stopping(early_stopping),
        checkpoint="" if checkpoint is None else _check_path(checkpoint, bool(resume)),
        checkpoint_every=0
        if checkpoint_every is None
        else count("fit: checkpoint_every", checkpoint_every, 1, 2**62),
        resume=flag("fit: resume", resume),
        stateful=flag("fit: stateful", stateful),
        segment=bptt._segment(),
    )
    history = History()
    if isinstance(progress, Progress):  # the package's own programs show something else
        shown = progress
    else:
        shown = Progress(epochs, flag("fit: progress", progress) and epochs > 0)
    on_batch = shown.batch if shown.wants_batches else None
    try:
        result = _core.fit(network._core, training, held_out, settings, on_batch, shown.epoch)
        history.loss = [epoch.loss for epoch in result.epochs]
        history.learning_rate = [epoch.learning_rate for epoch in result.epochs]
        history.seconds = [epoch.seconds for epoch in result.epochs]
        if held_out is not None:
            history.validation_loss = [epoch.validation_loss for epoch in result.epochs]
        history.best_epoch = result.best_epoch
        history.stopped_early = result.stopped_early
        history.interrupted = result.interrupted
    finally:
        shown.close(history.interrupted)
    return history


def _read_validation(
    network: Network,
    x: Sequences | None,
    y: Sequences,
    loss: Loss,
    **given: Any,  # noqa: ANN401
) -> _core.Data:
    try:
        return read_data(network, x, y, loss, **given)
    except (TypeError, ValueError) as error:
        raise type(error)(f"fit: validation: {error}") from None


def evaluate(
    network: Network,
    x: Sequences | None,
    y: Sequences,
    *,
    loss: LossName | Loss = "mse",
    topology: Topology | None = None,
    lengths: npt.ArrayLike | None = None,
    teacher: Sequences | bool | None = None,
    mask: Sequences | None = None,
    target_lengths: npt.ArrayLike | None = None,
    batch_size: int = 256,
    stateful: bool = False,
) -> float:
    """The mean loss over a data set, without training; arguments as for `fit`."""
    if not isinstance(network, Network):
        raise TypeError(f"evaluate: network is a {type(network).__name__}, expected a recurra.Network")
    batch_size = count("evaluate: batch_size", batch_size, 1)
    objective = read_loss(loss)
    data = read_data(
        network,
        x,
        y,
        objective,
        lengths=lengths,
        teacher=teacher,
        mask=mask,
        target_lengths=target_lengths,
        topology=topology,
    )
    carries = flag("evaluate: stateful", stateful)
    return _core.evaluate(network._core, data, objective._core(), batch_size, carries)


@dataclass(frozen=True)
class ScheduledSampling:
    """How likely a step sees the network's own output although there is a teacher.

    Args:
        begin: The probability in the first epoch.
        end: That after `epochs` epochs, reached linearly and kept.
        epochs: See `end`.

    Source: S. Bengio et al., NIPS 2015.
    """

    begin: float = 0.0
    end: float = 0.5
    epochs: int = 10


def _read_sampling(sampling: float | ScheduledSampling) -> tuple[float, float, int]:
    if not isinstance(sampling, ScheduledSampling):
        constant = number("fit: sampling", sampling)
        if not 0 <= constant <= 1:
            raise ValueError(f"fit: sampling is {sampling!r}, expected 0 .. 1")
        return constant, constant, 1
    return (
        number("fit: sampling.begin", sampling.begin),
        number("fit: sampling.end", sampling.end),
        count("fit: sampling.epochs", sampling.epochs, 1),
    )


def _read_early_stopping(settings: EarlyStopping | None) -> _core.EarlyStopping | None:
    if settings is None:
        return None
    if not isinstance(settings, EarlyStopping):
        raise TypeError(f"fit: early_stopping is {settings!r}, expected a recurra.EarlyStopping or None")
    return settings._core()


def _check_path(path: str | os.PathLike[str], resume: bool) -> bytes:
    """A path that a file can take, before the first epoch instead of after it."""
    try:
        name = os.fsencode(path)
    except TypeError:
        raise TypeError(f"fit: checkpoint is {path!r}, expected the name of a file") from None
    if not name or b"\0" in name:
        raise ValueError(f"fit: checkpoint is {path!r}, expected the name of a file")
    shown = f"fit: checkpoint: {os.fsdecode(name)}"
    if os.path.islink(name) and not os.path.exists(name):
        raise FileNotFoundError(f"{shown} is a link to nothing, expected a file or nothing")
    if not resume and os.path.isdir(name):  # to resume, the file is read, which refuses these itself
        raise IsADirectoryError(f"{shown} is a folder, expected a file or nothing")
    if not resume and os.path.exists(name) and not os.path.isfile(name):
        raise OSError(f"{shown} is no regular file, expected one or nothing")
    return name


def _check_clip(name: str, value: float | None) -> float:
    if value is None:
        return 0.0
    limit = number(f"fit: {name}", value)
    if not (limit > 0 and math.isfinite(limit)):
        raise ValueError(f"fit: {name} is {value}, expected a finite number > 0, or None")
    return limit
