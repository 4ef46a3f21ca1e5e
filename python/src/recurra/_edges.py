"""What trees and graphs share: numbers of nodes and edges, checked."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray, as_array, integers

MOST = 2**40  # nodes, and types of edges

_Array = TypeVar("_Array", bound=npt.NDArray[Any])


def vector(owner: str, name: str, value: npt.ArrayLike) -> IntArray:
    """`value` as integers along one axis, that nobody can write to."""
    array = as_array(f"{owner}: {name}", value)
    if array.size == 0 and array.ndim == 1:  # NumPy makes floats of an empty list
        return np.zeros(0, np.int64)
    array = integers(f"{owner}: {name}", value)
    if array.ndim != 1:
        raise ValueError(f"{owner}: {name} has shape {array.shape}, expected one axis")
    return read_only(array)


def read_only(array: _Array) -> _Array:
    """`array`, from now on."""
    array.flags.writeable = False
    return array


def check_from_0(name: str, values: IntArray) -> None:
    """Raise ValueError unless all are 0 .. MOST."""
    wrong = np.flatnonzero((values < 0) | (values > MOST))
    if wrong.size:
        raise ValueError(f"{name}[{wrong[0]}] is {values[wrong[0]]}, expected 0 .. {MOST}")


def chosen_structures(owner: str, kind: str, value: npt.ArrayLike, total: int) -> IntArray:
    """`value` as numbers of "trees" or "graphs" that are there."""
    chosen = vector(owner, kind, value)
    if total == 0 and chosen.size:
        raise IndexError(f"{owner}: {kind} has {chosen.size} numbers, expected none: there are no {kind}")
    wrong = np.flatnonzero((chosen < 0) | (chosen >= total))
    if wrong.size:
        name = kind.removesuffix("s")
        raise IndexError(f"{owner}: {name} {chosen[wrong[0]]} is not there, expected 0 .. {total - 1}")
    return chosen


def edges_between(
    source: IntArray, target: IntArray, nodes: IntArray, num_nodes: int
) -> tuple[IntArray, IntArray]:
    """The edges of structures that these nodes are all of, and each node's number among them."""
    number = np.full(num_nodes, -1, np.int64)
    number[nodes] = np.arange(nodes.size)
    return np.flatnonzero(number[source] >= 0), number
