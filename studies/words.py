"""Words of two context-free languages, and what may follow each of their symbols.

The words a^n b^n, n >= 1; and Dyck words of two kinds of brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.fresh import Batch

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Word:
    """Symbols, and after each of them the class of what may follow."""

    symbols: Ids
    after: Ids


def counted(n: int) -> Word:
    """a^n b^n: after an a anything may follow (class 0), then b alone (1), at last the end (2)."""
    symbols = np.repeat([0, 1], n)
    after = np.repeat([0, 1], n)
    after[-1] = 2
    return Word(symbols, after)


def nested(opening: Sequence[bool], kinds: Sequence[int]) -> Word:
    """A Dyck word of its openings and the kinds of these: the closing bracket that may follow, or none.

    Symbols 2 k and 2 k + 1 are the opening and closing bracket of kind k. Class 0: nothing is open; k + 1:
    the innermost open bracket is of kind k.
    """
    symbols, after, stack = [], [], []
    following = iter(kinds)
    for opens in opening:
        if opens:
            stack.append(next(following))
            symbols.append(2 * stack[-1])
        else:
            symbols.append(2 * stack.pop() + 1)
        after.append(stack[-1] + 1 if stack else 0)
    return Word(np.array(symbols), np.array(after))


def balanced(n: int, rng: np.random.Generator) -> list[bool]:
    """Which of 2 n brackets open, each balanced order alike (D. B. Arnold and M. R. Sleep, 1980)."""
    opening, depth, left = [], 0, 2 * n
    while left:
        # Of the ways to go on from here, the share that opens first.
        chance = (depth + 2) * (left - depth) / (2 * left * (depth + 1))
        opens = rng.random() < chance
        opening.append(bool(opens))
        depth += 1 if opens else -1
        left -= 1
    return opening


def dyck(n: int, rng: np.random.Generator) -> Word:
    """A Dyck word of n pairs of two kinds."""
    return nested(balanced(n, rng), rng.integers(0, 2, n).tolist())


def deepest(n: int, rng: np.random.Generator) -> Word:
    """All n pairs inside each other."""
    return nested([True] * n + [False] * n, rng.integers(0, 2, n).tolist())


def batch_of(words: Sequence[Word], symbols: int) -> Batch:
    """One-hot symbols, classes, and where there are any."""
    longest = max(len(word.symbols) for word in words)
    x: npt.NDArray[Any] = np.zeros((len(words), longest, symbols), np.float32)
    target = np.zeros((len(words), longest), np.int64)
    mask = np.zeros((len(words), longest), bool)
    for i, word in enumerate(words):
        length = len(word.symbols)
        x[i, np.arange(length), word.symbols] = 1
        target[i, :length] = word.after
        mask[i, :length] = True
    return Batch(x, target, mask)
