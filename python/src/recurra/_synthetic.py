"""Data of the right kind for any network, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray
from recurra._losses import BinaryCrossEntropy, Loss


def draw_data(
    core: _core._Network,
    loss: Loss,
    dtype: np.dtype[Any],
    batch: int,
    time: int,
    target_time: int,
    taught: bool,
    topology: _core.Forest | _core.Graphs | None = None,
) -> _core.Data:
    """A data set as the engine takes it. Over a topology `batch` is 1 and `time` the number of its nodes."""
    random = np.random.default_rng(0)

    def values(*shape: int) -> FloatArray:
        return random.standard_normal(shape, np.float32).astype(dtype)

    def ids(count: int, *shape: int) -> npt.NDArray[np.int64]:
        return random.integers(0, count, shape)

    steps = target_time if core.decodes else time
    if core.takes_ids:
        x: FloatArray = ids(core.num_ids, batch, time, 1).astype(dtype)
    else:
        x = values(batch, time, core.input_size)
    sequences = batch if topology is None else topology.num_structures
    leading = (sequences,) if core.pools else (batch, steps)
    if loss.takes_classes:
        target: npt.NDArray[Any] = ids(core.output_size, *leading)
    elif isinstance(loss, BinaryCrossEntropy):
        target = random.random((*leading, core.output_size)).astype(dtype)
    else:
        target = values(*leading, core.output_size)
    teacher = None
    if core.decodes and loss.takes_classes != (core.num_symbols > 0):  # its targets are nothing it can be fed
        taught = True
    if taught and core.num_symbols > 0:
        teacher = ids(core.num_symbols, batch, steps, core.teacher_size).astype(dtype)
    elif taught:
        teacher = values(batch, steps, core.teacher_size)
    if topology is not None and not core.pools:
        target = target[0]
    return (x, None, teacher, target, None, target_time if core.decodes else 0, None, topology)
