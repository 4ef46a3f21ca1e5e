"""The sequences of Hochreiter and Schmidhuber, Neural Computation 9 (1997): experiments 1, 2a and 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]

SYMBOLS = "BTPSXVE"

# A. S. Reber's grammar (1967): from a node, the symbols on the ways out of it and where they lead.
REBER: dict[int, dict[str, int]] = {
    0: {"B": 1},
    1: {"T": 2, "P": 3},
    2: {"S": 2, "X": 4},
    3: {"T": 3, "V": 5},
    4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6},
    6: {"E": 7},
}


@dataclass(frozen=True)
class Symbols:
    """A string, and for each symbol but the last which ones may follow."""

    text: str
    following: list[str]

    @property
    def inputs(self) -> Array:
        """All symbols but the last, one unit each: (time, 7)."""
        return one_hot([SYMBOLS.index(s) for s in self.text[:-1]], len(SYMBOLS))

    @property
    def targets(self) -> Array:
        """All symbols but the first."""
        return one_hot([SYMBOLS.index(s) for s in self.text[1:]], len(SYMBOLS))

    @property
    def possible(self) -> npt.NDArray[np.bool_]:
        """Which symbols may follow: (time, 7)."""
        return np.array([[s in following for s in SYMBOLS] for following in self.following])


def one_hot(places: list[int], size: int) -> Array:
    """Rows that are 1 at one place."""
    rows: Array = np.eye(size)[places]
    return rows


def reber(rng: np.random.Generator) -> Symbols:
    """A string of the grammar, each way as likely as the other."""
    node, text, following = 0, "", []
    while node in REBER:
        ways = REBER[node]
        symbol = str(rng.choice(list(ways)))
        text += symbol
        node = ways[symbol]
        if node in REBER:
            following.append("".join(REBER[node]))
    return Symbols(text, following)


def embedded_reber(rng: np.random.Generator) -> Symbols:
    """B, T or P, a string of the grammar, the same T or P again, E."""
    arm, inside = str(rng.choice(["T", "P"])), reber(rng)
    return Symbols(f"B{arm}{inside.text}{arm}E", ["TP", "B", *inside.following, arm, "E"])


def lag(first: int, size: int) -> tuple[Array, Array]:
    """Experiment 2a: x or y (first = 0 or 1), a_1 .. a_(p-1), x or y again, and p = size - 1.

    Inputs (p, size), and the symbols after them.
    """
    places = [first, *range(2, size), first]
    return one_hot(places[:-1], size), one_hot(places[1:], size)


def adding(time: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Experiment 4: values in [-1, 1] and markers, (steps, 2), with `time` to 1.1 `time` steps; the target.

    Markers are 1 at two steps that count, -1 at the first and the last, else 0. A first step that is marked
    has the value 0 in the sum.
    """
    steps = time + int(rng.integers(0, time // 10 + 1))
    pairs = np.zeros((steps, 2))
    pairs[:, 0] = rng.uniform(-1, 1, steps)
    pairs[[0, -1], 1] = -1
    first = int(rng.integers(0, 10))
    others = [k for k in range(time // 2) if k != first]  # the first time/2 - 1 that are not marked yet
    second = int(rng.choice(others))
    pairs[[first, second], 1] = 1
    if pairs[0, 1] == 1:
        pairs[0, 0] = 0
    return pairs, 0.5 + float(pairs[first, 0] + pairs[second, 0]) / 4
