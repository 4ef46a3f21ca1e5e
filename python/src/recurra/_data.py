"""Data sets for training: arrays, or lists of arrays of any lengths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._batch import check_topology, read_input, read_mask, read_target
from recurra._losses import Loss
from recurra._network import Network
from recurra._ragged import Sequences, is_ragged, pad, pad_like
from recurra._topology import Topology


def read_data(
    network: Network,
    x: Sequences | None,
    y: Sequences,
    loss: Loss,
    *,
    lengths: npt.ArrayLike | None = None,
    teacher: Sequences | bool | None = None,
    mask: Sequences | None = None,
    target_lengths: npt.ArrayLike | None = None,
    topology: Topology | None = None,
) -> _core.Data:
    """What the engine takes of a data set. `teacher` True: the targets themselves."""
    if isinstance(teacher, bool | np.bool_):
        if network._core.decodes:  # learns from its targets in any case
            teacher = False
        if teacher and loss.takes_classes:
            raise ValueError("teacher is True, expected an array: the targets of cross entropy are class ids")
        teacher = y if teacher else None
    check_topology(topology, network._core)
    leader, name = (y, "y") if x is None else (x, "x")
    if topology is None and is_ragged(leader):
        if lengths is not None:
            raise ValueError(
                f"lengths is given, expected None: {name} is a list of sequences, which have their own"
            )
        padded, found = pad(name, leader)
        lengths = found
        x = None if x is None else padded
        if not network._core.pools and not network._core.decodes:
            y = pad_like("y", y, found, name)
            mask = None if mask is None else pad_like("mask", mask, found, name)
        if not network._core.decodes:
            teacher = None if teacher is None else pad_like("teacher", teacher, found, name)
    if network._core.decodes and is_ragged(y):
        if target_lengths is not None:
            raise ValueError(
                "target_lengths is given, expected None: y is a list of sequences, which have their own"
            )
        y, target_lengths = pad("y", y)
        mask = None if mask is None else pad_like("mask", mask, target_lengths, "y")
        teacher = None if teacher is None else pad_like("teacher", teacher, target_lengths, "y")
    batch = read_input(
        x,
        lengths,
        network._core,
        network.dtype,
        teacher=teacher,
        target_lengths=target_lengths,
        like=y,
        topology=topology,
    )
    target = read_target(y, loss, batch, network._core, network.dtype, name="y")
    return batch.core(target, read_mask(mask, batch, network._core))


def split(data: _core.Data, fraction: float, pools: bool) -> tuple[_core.Data, _core.Data]:
    """The first sequences (trees, graphs) and the last ones, which are this fraction of all."""
    topology = data[7]
    total = data[0].shape[0] if topology is None else topology.num_structures
    if not isinstance(fraction, float | np.floating) or not 0 < fraction < 1:
        raise ValueError(f"fit: validation is {fraction!r}, expected a fraction 0 < validation < 1 or (x, y)")
    held_out = round(total * float(fraction))
    if not 0 < held_out < total:
        what = {_core.Forest: "trees", _core.Graphs: "graphs"}.get(type(topology), "sequences")
        raise ValueError(
            f"fit: validation is {fraction} of {total} {what}, expected at least one on each side"
        )
    cut = total - held_out
    x, lengths, teacher, target, mask, target_time, target_lengths, _ = data

    def part(rows: slice) -> _core.Data:
        if topology is not None:
            return _part(data, topology, np.arange(total)[rows], pools)
        return (
            x[rows],
            None if lengths is None else lengths[rows],
            None if teacher is None else teacher[rows],
            None if target is None else target[rows],
            None if mask is None else mask[rows],
            target_time,
            None if target_lengths is None else target_lengths[rows],
            None,
        )

    return part(slice(cut)), part(slice(cut, None))


def _part(
    data: _core.Data, topology: _core.Forest | _core.Graphs, structures: npt.NDArray[np.int64], pools: bool
) -> _core.Data:
    """Some of the trees or graphs; targets have a row for each of them if the network pools."""
    nodes = topology.nodes(structures)
    x, _, _, target, mask, *_ = data
    rows = structures if pools else nodes
    return (
        np.ascontiguousarray(x[:, nodes]),
        None,
        None,
        None if target is None else np.ascontiguousarray(target[rows]),
        None if mask is None else np.ascontiguousarray(mask[rows]),
        0,
        None,
        topology.take(structures),
    )
