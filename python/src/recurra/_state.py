"""The state a batch of sequences carries from step to step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from recurra._arrays import FloatArray, integer

Blocks: TypeAlias = list[tuple[str, str, int, int]]  # name, its layer, offset, width


class State(Mapping[str, FloatArray]):
    """A mapping from names such as ``"0.h"`` to writable views (batch, width).

    It is a value: copy it, pickle it, keep it.

    `Network.initial_state` makes one, ``net(x, return_state=True)`` and a stream's `state` give one.
    """

    def __init__(self, array: FloatArray, blocks: Blocks, initial: FloatArray) -> None:
        self._array = array
        self._blocks = blocks
        self._initial = initial

    @property
    def batch_size(self) -> int:
        """Number of sequences."""
        return int(self._array.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._array.dtype

    def copy(self) -> State:
        """An independent copy."""
        return State(self._array.copy(), self._blocks, self._initial)

    def __copy__(self) -> State:
        return self.copy()

    def reset(self, row: int | None = None) -> None:
        """Put one sequence, or all, back to the network's initial state.

        Raises:
            IndexError: there is no such row.
        """
        if row is None:
            self._array[:] = self._initial
        elif 0 <= (row := integer("reset: row", row)) < self.batch_size:
            self._array[row] = self._initial
        else:
            raise IndexError(f"reset: row is {row}, expected 0 .. {self.batch_size - 1}")

    def __getitem__(self, name: str) -> FloatArray:
        for block, _, offset, width in self._blocks:
            if block == name:
                return self._array[:, offset : offset + width]
        raise KeyError(f"no state is named {name!r}, expected one of {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (name for name, *_ in self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return self._blocks == other._blocks and np.array_equal(self._array, other._array)

    __hash__ = None  # type: ignore[assignment]  # its values can change

    def __repr__(self) -> str:
        blocks = ", ".join(f"{name}: {self[name].shape}" for name in self)
        return f"State({{{blocks}}}, dtype={self.dtype})"

    def __reduce__(self) -> tuple[object, ...]:
        return State, (self._array, self._blocks, self._initial)


def state_array(state: object, blocks: Blocks, batch: int, dtype: np.dtype[Any]) -> FloatArray:
    """The array of a state that must have these blocks and dtype and be for `batch` sequences."""
    if not isinstance(state, State):
        raise TypeError(f"state is a {type(state).__name__}, expected a recurra.State")
    if state._blocks != blocks:
        found, expected = (
            ", ".join(f"{name} of {layer}" for name, layer, *_ in b) for b in (state._blocks, blocks)
        )
        raise ValueError(f"state is of another network, with blocks [{found}], expected [{expected}]")
    if state.dtype != dtype:
        raise TypeError(f"state has dtype {state.dtype}, expected {dtype}")
    if state.batch_size != batch:
        raise ValueError(f"state is for a batch of {state.batch_size}, expected {batch}")
    for name in state:
        wrong = np.argwhere(~np.isfinite(state[name]))
        if wrong.size:
            row, unit = wrong[0]
            raise ValueError(
                f"state[{name!r}] is not finite at (batch {row}, unit {unit}), expected finite values"
            )
    return np.ascontiguousarray(state._array)
