"""Mealy and Moore machines and their networks: a symbol written for each symbol read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import FloatArray, as_array
from recurra._automata import real_time_network
from recurra._machine_words import check_member, check_name, check_transitions, check_word, one_hot
from recurra._network import Network


class MealyMachine:
    """A finite automaton that writes a symbol with each one it reads, and the network that does the same.

    Args:
        transitions: (state, symbol) -> (the next state, what is written).
        start: The state before the first symbol.

    Raises:
        TypeError: names are no strings, or `transitions` is no mapping.
        ValueError: there is no transition, or `start` stands in none.

    Source: G. H. Mealy, Bell System Technical Journal 34 (1955).
    """

    def __init__(self, transitions: Mapping[tuple[str, str], tuple[str, str]], start: str) -> None:
        name = "MealyMachine"
        self.transitions = check_transitions(name, transitions)
        for pair, action in self.transitions.items():
            if not isinstance(action, tuple) or len(action) != 2:
                raise TypeError(f"{name}: transitions[{pair!r}] is {action!r}, expected (state, output)")
            check_name(f"{name}: the state of transitions[{pair!r}]", action[0])
            check_name(f"{name}: the output of transitions[{pair!r}]", action[1])
        reached = [state for state, _ in self.transitions.values()]
        self.states = tuple(dict.fromkeys([state for state, _ in self.transitions] + reached))
        self.symbols = tuple(dict.fromkeys(symbol for _, symbol in self.transitions))
        self.outputs = tuple(dict.fromkeys(output for _, output in self.transitions.values()))
        self.start = check_member(f"{name}: start", start, self.states)

    @classmethod
    def from_moore(
        cls, transitions: Mapping[tuple[str, str], str], start: str, outputs: Mapping[str, str]
    ) -> MealyMachine:
        """The machine that writes, with each symbol it reads, what belongs to the state it comes to.

        What a Moore machine writes before it reads anything, ``outputs[start]``, is left out.

        Source: E. F. Moore, in Automata Studies (1956).
        """
        name = "MealyMachine.from_moore"
        known = check_transitions(name, transitions)
        if not isinstance(outputs, Mapping):
            raise TypeError(f"{name}: outputs is a {type(outputs).__name__}, expected a mapping")
        for pair, reached in known.items():
            check_member(f"{name}: transitions[{pair!r}]", reached, outputs)
        return cls({pair: (reached, outputs[reached]) for pair, reached in known.items()}, start)

    def run(self, word: Sequence[str]) -> list[str]:
        """What the machine writes, as many symbols as the word has.

        Raises:
            ValueError: the word has a symbol that is in no transition, or comes where there is none.
        """
        state, written = self.start, []
        for k, symbol in enumerate(check_word("run: word", word, self.symbols)):
            if (state, symbol) not in self.transitions:
                raise ValueError(
                    f"run: word[{k}] is {symbol!r} in the state {state!r}, expected a transition"
                )
            state, output = self.transitions[state, symbol]
            written.append(output)
        return written

    def encode(self, word: Sequence[str], dtype: npt.DTypeLike = "float32") -> FloatArray:
        """What the network reads: (time, symbols), a one in each row.

        Raises:
            ValueError: the word has a symbol that is in no transition.
        """
        return one_hot(check_word("encode: word", word, self.symbols), self.symbols, dtype)

    def decode(self, y: npt.ArrayLike) -> list[str]:
        """What the network wrote: the symbols of its outputs, (time, outputs).

        Raises:
            ValueError: y has another shape, or a row that is not one of the symbols: the network had no
                transition there.
        """
        rows: npt.NDArray[Any] = as_array("decode: y", y)
        if rows.ndim != 2 or rows.shape[1] != len(self.outputs):
            raise ValueError(
                f"decode: y has shape {rows.shape}, expected (time, outputs) = (time, {len(self.outputs)})"
            )
        for t, row in enumerate(rows):
            if np.count_nonzero(row) != 1 or row.max() != 1:
                raise ValueError(f"decode: y[{t}] is {row.tolist()}, expected a single one among zeros")
        return [self.outputs[k] for k in rows.argmax(axis=1)]

    def network(self, dtype: npt.DTypeLike = "float32") -> Network:
        """The network: (time, symbols) -> (time, outputs), a one for what is written with each symbol.

        As that of a `FiniteAutomaton`. Where the machine has no transition all outputs are 0 from then on.
        """
        written = [
            [pair for pair, (_, output) in self.transitions.items() if output == name]
            for name in self.outputs
        ]
        reached = {pair: state for pair, (state, _) in self.transitions.items()}
        return real_time_network(reached, self.start, self.symbols, written, dtype)

    def __repr__(self) -> str:
        sizes = f"{len(self.states)} states, {len(self.symbols)} symbols, {len(self.outputs)} outputs"
        return f"MealyMachine({sizes})"
