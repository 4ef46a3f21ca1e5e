"""What machines are told by name: states, symbols and words, checked; words as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from recurra._arrays import FloatArray, parse_dtype

Value = TypeVar("Value")


def check_name(what: str, name: object, *, empty: bool = False) -> str:
    """`name`, if it can be one of a state or symbol."""
    if not isinstance(name, str):
        raise TypeError(f"{what} is {name!r}, expected a string")
    if not name and not empty:
        raise ValueError(f"{what} is '', expected a name")
    return name


def check_transitions(
    owner: str, transitions: Mapping[tuple[str, str], Value], *, empty: bool = False
) -> dict[tuple[str, str], Value]:
    """A copy of the transitions, whose keys are found to be (state, symbol)."""
    if not isinstance(transitions, Mapping):
        raise TypeError(f"{owner}: transitions is a {type(transitions).__name__}, expected a mapping")
    if not transitions:
        raise ValueError(f"{owner}: transitions is empty, expected at least one")
    for key in transitions:
        if not isinstance(key, tuple) or len(key) != 2:
            raise TypeError(f"{owner}: transitions has the key {key!r}, expected (state, symbol)")
        check_name(f"{owner}: the state of {key!r}", key[0])
        check_name(f"{owner}: the symbol of {key!r}", key[1], empty=empty)
    return dict(transitions)


def check_member(what: str, name: object, known: Iterable[str]) -> str:
    """`name`, if it is one of these."""
    if name not in (names := tuple(known)):
        raise ValueError(f"{what} is {name!r}, expected one of {', '.join(map(repr, names))}")
    return str(name)


def check_names(what: str, names: Iterable[str]) -> tuple[str, ...]:
    """Several names; a string is one, and not its letters."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"{what} is {names!r}, expected a collection of strings")
    return tuple(check_name(f"{what}[{k}]", name) for k, name in enumerate(names))


def check_word(what: str, word: Sequence[str], symbols: Iterable[str]) -> list[str]:
    """The symbols of a word: a string is its characters."""
    known = tuple(symbols)
    return [check_member(f"{what}[{k}]", symbol, known) for k, symbol in enumerate(word)]


def one_hot(word: Sequence[str], symbols: Sequence[str], dtype: npt.DTypeLike) -> FloatArray:
    """(time, symbols) with a one for each symbol of the word."""
    place = {symbol: k for k, symbol in enumerate(symbols)}
    rows = np.zeros((len(word), len(symbols)), dtype=parse_dtype(dtype))
    rows[np.arange(len(word)), [place[symbol] for symbol in word]] = 1
    return rows
