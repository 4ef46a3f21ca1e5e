"""Inputs, teachers and targets of whole batches, checked against a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    check_lengths,
    check_shape,
    flags,
    floats,
    integers,
)
from recurra._losses import Loss
from recurra._topology import Topology


@dataclass
class Batch:
    """What the engine takes: x as (batch, time, features), and whether the caller's x had no batch axis."""

    x: FloatArray
    lengths: IntArray | None
    single: bool
    teacher: FloatArray | None = None
    target_time: int = 0  # of a network that decodes
    target_lengths: IntArray | None = None
    topology: Topology | None = None  # x is then (1, nodes, features)

    def core(self, target: npt.NDArray[Any] | None = None, mask: BoolArray | None = None) -> _core.Data:
        """The same with a target, as the engine's functions take it."""
        return (
            self.x,
            self.lengths,
            self.teacher,
            target,
            mask,
            self.target_time,
            self.target_lengths,
            None if self.topology is None else self.topology._core,
        )


def read_input(
    x: npt.ArrayLike | None,
    lengths: npt.ArrayLike | None,
    core: _core._Network,
    dtype: np.dtype[Any],
    *,
    teacher: npt.ArrayLike | None = None,
    target_lengths: npt.ArrayLike | None = None,
    like: npt.ArrayLike | None = None,
    writes: bool = True,
    topology: Topology | None = None,
) -> Batch:
    """(batch, time, features), (time, features), or class ids without the feature axis.

    None is the input of a network that takes none; it is as long as the teacher, or as `like`, the target.
    `writes`: a network that decodes must be told for how many steps.
    """
    check_topology(topology, core)
    if topology is not None:
        given = {"lengths": lengths, "teacher": teacher, "target_lengths": target_lengths}
        return _read_nodes(x, topology, core, dtype, given)
    if x is None:
        x = _no_input(like if teacher is None else teacher, core, dtype)
    if core.takes_ids:
        ids = integers("x", x)
        if ids.ndim not in (1, 2):
            raise ValueError(f"x has shape {ids.shape}, expected class ids (batch, time) or (time,)")
        array: FloatArray = np.ascontiguousarray(ids[..., np.newaxis], dtype=dtype)
    else:
        array = floats("x", x, dtype)
        if array.ndim not in (2, 3):
            raise ValueError(
                f"x has shape {array.shape}, expected (batch, time, features) or (time, features)"
            )
        if array.shape[-1] != core.input_size:
            raise ValueError(f"x has {array.shape[-1]} features, expected {core.input_size}")
    single = array.ndim == 2
    array = array[np.newaxis] if single else array
    batch, time = array.shape[:2]
    if batch == 0 or time == 0:
        raise ValueError(f"x has batch {batch} and time {time}, expected at least 1 of each")
    read = Batch(array, check_lengths(lengths, batch, time), single)
    if writes:
        _read_target_lengths(target_lengths, like if teacher is None else teacher, read, core)
    read.teacher = None if teacher is None else _read_teacher(teacher, read, core, dtype)
    return read


def check_topology(topology: object, core: _core._Network) -> None:
    """A topology of the kind that the network runs over, or none."""
    if topology is not None and not isinstance(topology, Topology):
        raise TypeError(f"topology is a {type(topology).__name__}, expected a recurra.Forest or Graphs")
    kind = "sequences" if topology is None else topology._kind
    expected = core.runs_over
    if expected != "anything" and kind not in expected.split(" or "):
        wanted = {"sequences": "None", "trees": "a Forest", "graphs": "Graphs"}.get(
            expected, "a Forest or Graphs"
        )
        raise ValueError(f"topology is {topology!r}, expected {wanted}: the network runs over {expected}")


def _read_nodes(
    x: npt.ArrayLike | None,
    topology: Topology,
    core: _core._Network,
    dtype: np.dtype[Any],
    given: dict[str, npt.ArrayLike | None],
) -> Batch:
    """(nodes, features), or class ids (nodes,)."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} is given, expected None beside a topology")
    if x is None:
        raise TypeError("x is None, expected an array (nodes, features)")
    nodes = topology.num_nodes
    if nodes == 0:
        raise ValueError(f"topology is {topology!r}, expected at least one node")
    if core.takes_ids:
        ids = integers("x", x)
        check_shape("x", ids, (nodes,), "(nodes,)")
        array: FloatArray = np.ascontiguousarray(ids[:, np.newaxis], dtype=dtype)
    else:
        array = floats("x", x, dtype)
        check_shape("x", array, (nodes, core.input_size), "(nodes, features)")
    return Batch(array[np.newaxis], None, single=False, topology=topology)


def _read_target_lengths(
    lengths: npt.ArrayLike | None, like: npt.ArrayLike | None, batch: Batch, core: _core._Network
) -> None:
    """The lengths of what a network that decodes writes, and the time axis they lie in."""
    if not core.decodes:
        if lengths is not None:
            raise ValueError("target_lengths is given, expected None: the network does not decode")
        return
    if lengths is None and like is None:
        raise ValueError("target_lengths is None, expected how many steps to decode, or a teacher")
    axis = 0 if batch.single else 1
    shape = () if like is None else np.shape(like)
    if like is not None and len(shape) <= axis:
        raise ValueError(f"the target has shape {shape}, expected a time axis")
    if lengths is not None:
        lengths = np.atleast_1d(lengths) if batch.single else lengths
        read = integers("target_lengths", lengths)
        most = shape[axis] if like is not None else max(1, int(read.max(initial=1)))
        batch.target_lengths = check_lengths(read, batch.x.shape[0], most, "target_lengths")
    batch.target_time = shape[axis] if like is not None else most
    if batch.target_time == 0:
        raise ValueError("the target has no step, expected at least 1")


def _no_input(like: npt.ArrayLike | None, core: _core._Network, dtype: np.dtype[Any]) -> FloatArray:
    if core.input_size != 0:
        raise TypeError(f"x is None, expected an array: the network has {core.input_size} input features")
    shape = () if like is None else np.shape(like)
    if len(shape) not in (2, 3):
        raise ValueError(
            "x is None and nothing else tells the number of steps, expected an array (batch, time, 0), or a "
            "teacher or target"
        )
    return np.empty((*shape[:-1], 0), dtype)


def _read_teacher(
    teacher: npt.ArrayLike, batch: Batch, core: _core._Network, dtype: np.dtype[Any]
) -> FloatArray:
    if core.teacher_size == 0:
        raise ValueError("teacher is given, expected None: the network has no Feedback, or several")
    leading = batch.x.shape[:1], (batch.target_time if core.decodes else batch.x.shape[1],)
    shape, axes = leading[0] + leading[1], "batch, time"
    if batch.single:
        shape, axes = leading[1], "time"
    if core.num_symbols:
        ids = integers("teacher", teacher)
        check_shape("teacher", ids, shape, f"({axes})")
        return np.ascontiguousarray(ids[..., np.newaxis], dtype=dtype)
    array = floats("teacher", teacher, dtype)
    check_shape("teacher", array, (*shape, core.teacher_size), f"({axes}, output)")
    return array


def _leading(batch: Batch, core: _core._Network) -> tuple[tuple[int, ...], str]:
    """The axes of the output but the last, and their names."""
    if batch.topology is not None:
        if not core.pools:
            return (batch.topology.num_nodes,), "nodes"
        return (batch.topology.num_structures,), batch.topology._kind
    leading = batch.x.shape[:1] if core.pools else batch.x.shape[:2]
    axes = "batch" if core.pools else "batch, time"
    if core.decodes:
        leading, axes = (batch.x.shape[0], batch.target_time), "batch, target time"
    if batch.single:
        leading, axes = leading[1:], axes.removeprefix("batch").removeprefix(", ")
    return leading, axes


def read_target(
    target: npt.ArrayLike,
    loss: Loss,
    batch: Batch,
    core: _core._Network,
    dtype: np.dtype[Any],
    *,
    name: str = "target",
) -> npt.NDArray[Any]:
    """The target in exactly the shape the loss wants for this batch."""
    leading, axes = _leading(batch, core)
    symbols = core.num_symbols > 0
    if core.decodes and batch.teacher is None and symbols != loss.takes_classes:
        kinds = ("values", "class ids")
        raise ValueError(
            f"teacher is None, expected {kinds[symbols]} for the decoder to see: the targets of {loss!r} are "
            f"{kinds[loss.takes_classes]}"
        )
    if not loss.takes_classes:
        array: npt.NDArray[Any] = floats(name, target, dtype)
        check_shape(name, array, (*leading, core.output_size), f"({axes}{', ' if axes else ''}output)")
    else:
        array = integers(name, target)
        check_shape(name, array, leading, f"({axes})")
    return array


def read_mask(mask: npt.ArrayLike | None, batch: Batch, core: _core._Network) -> BoolArray | None:
    """Which entries of the target count, shaped as the output without its last axis."""
    if mask is None:
        return None
    leading, axes = _leading(batch, core)
    array = flags("mask", mask)
    check_shape("mask", array, leading, f"({axes})")
    return array
