"""Finite automata and their networks, one step for each symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy.typing as npt

from recurra._arrays import FloatArray
from recurra._machine_words import (
    check_member,
    check_name,
    check_names,
    check_transitions,
    check_word,
    one_hot,
)
from recurra._network import Network
from recurra._wiring import Unit, Wiring


def real_time_network(
    transitions: Mapping[tuple[str, str], str],
    start: str,
    symbols: Sequence[str],
    outputs: Sequence[Iterable[tuple[str, str]]],
    dtype: npt.DTypeLike,
) -> Network:
    """The network of a transition function; an output is 1 when one of its pairs has just been taken.

    The unit of a pair (q, a) is on after a step that found the automaton in q and read a. It reads those
    that lead to q, of which one at most is on, and the input's line for a, with a threshold that takes
    both: all numbers are 0 and 1. The unit ("start",) stands for what led to the first state; it is on
    before the first step, and never again.
    """
    leading: dict[str, dict[Unit, float]] = {start: {("start",): 1.0}}
    for pair, reached in transitions.items():
        leading.setdefault(reached, {})[pair] = 1.0
    wiring = Wiring(len(symbols))
    wiring.unit(("start",), {}, initial=1.0)
    for state, symbol in transitions:
        wiring.unit((state, symbol), leading.get(state, {}), inputs={symbols.index(symbol): 1.0}, bias=-1.0)
    for pairs in outputs:
        wiring.output({pair: 1.0 for pair in pairs})
    return wiring.network(dtype)


class FiniteAutomaton:
    """A deterministic finite automaton, and the network that does the same.

    Args:
        transitions: (state, symbol) -> the next state. Where there is none, the word is rejected.
        start: The state before the first symbol.
        accepting: The states in which a word is accepted.

    States and symbols are strings. A word is a string, whose characters are the symbols, or a list of them.

    Raises:
        TypeError: names are no strings, or arguments no mapping or collection.
        ValueError: there is no transition, or `start` or an accepting state stands in none.

    Source: S. C. Kleene, in Automata Studies (1956), of networks; M. Minsky, Computation: Finite and Infinite
    Machines (1967), chapter 3, of this construction.
    """

    def __init__(
        self, transitions: Mapping[tuple[str, str], str], start: str, accepting: Iterable[str]
    ) -> None:
        name = "FiniteAutomaton"
        self.transitions = check_transitions(name, transitions)
        for pair, reached in self.transitions.items():
            check_name(f"{name}: transitions[{pair!r}]", reached)
        states = [state for state, _ in self.transitions] + list(self.transitions.values())
        self.states = tuple(dict.fromkeys(states))
        self.symbols = tuple(dict.fromkeys(symbol for _, symbol in self.transitions))
        self.start = check_member(f"{name}: start", start, self.states)
        chosen = check_names(f"{name}: accepting", accepting)
        self.accepting = frozenset(
            check_member(f"{name}: accepting[{k}]", state, self.states) for k, state in enumerate(chosen)
        )

    @classmethod
    def from_nondeterministic(
        cls, transitions: Mapping[tuple[str, str], Iterable[str]], start: str, accepting: Iterable[str]
    ) -> FiniteAutomaton:
        """The automaton whose states are the sets of states that a nondeterministic one can be in.

        Args:
            transitions: (state, symbol) -> the next states, any number of them. The symbol "" reads nothing.
            start: The state before the first symbol.
            accepting: A word is accepted if one of these can be reached.

        Source: M. O. Rabin and D. Scott, Finite automata and their decision problems, IBM Journal 3 (1959).
        """
        name = "FiniteAutomaton.from_nondeterministic"
        known = {
            pair: check_names(f"{name}: transitions[{pair!r}]", reached)
            for pair, reached in check_transitions(name, transitions, empty=True).items()
        }
        symbols = list(dict.fromkeys(symbol for _, symbol in known if symbol))
        states = {state for state, _ in known} | {state for reached in known.values() for state in reached}
        check_member(f"{name}: start", start, sorted(states))
        final = {
            check_member(f"{name}: accepting[{k}]", state, sorted(states))
            for k, state in enumerate(check_names(f"{name}: accepting", accepting))
        }
        if not symbols:
            raise ValueError(f"{name}: transitions reads no symbol, expected at least one that does")

        def closed(reached: Iterable[str]) -> frozenset[str]:
            found, left = set(reached), list(reached)
            while left:
                further = set(known.get((left.pop(), ""), ())) - found
                found |= further
                left.extend(further)
            return frozenset(found)

        first = closed([start])
        names, left, taken = {first: _set_name(first)}, [first], {}
        while left:
            subset = left.pop()
            for symbol in symbols:
                after = closed(
                    [state for before in sorted(subset) for state in known.get((before, symbol), ())]
                )
                if after not in names:
                    names[after] = _set_name(after)
                    left.append(after)
                taken[names[subset], symbol] = names[after]
        return cls(taken, names[first], [names[subset] for subset in names if subset & final])

    def accepts(self, word: Sequence[str]) -> bool:
        """Whether the automaton accepts a word.

        Raises:
            ValueError: the word has a symbol that is in no transition.
        """
        state: str | None = self.start
        for symbol in check_word("accepts: word", word, self.symbols):
            state = None if state is None else self.transitions.get((state, symbol))
        return state in self.accepting

    def encode(self, word: Sequence[str], dtype: npt.DTypeLike = "float32") -> FloatArray:
        """What the network reads: (time, symbols), a one in each row.

        Raises:
            ValueError: the word has a symbol that is in no transition.
        """
        return one_hot(check_word("encode: word", word, self.symbols), self.symbols, dtype)

    def network(self, dtype: npt.DTypeLike = "float32") -> Network:
        """The network: (time, symbols) -> (time, 1), 1 after each symbol that ends an accepted word, else 0.

        One Elman layer with one saturated unit for each transition and one for the start, and a Linear. One
        step for each symbol, and exactly 0 or 1 everywhere, in both dtypes.
        """
        accepted = [pair for pair, reached in self.transitions.items() if reached in self.accepting]
        return real_time_network(self.transitions, self.start, self.symbols, [accepted], dtype)

    def __repr__(self) -> str:
        sizes = f"{len(self.states)} states, {len(self.symbols)} symbols, {len(self.transitions)} transitions"
        return f"FiniteAutomaton({sizes})"


def _set_name(states: frozenset[str]) -> str:
    """Of a set of states; quotes keep different sets apart, whatever their states are called."""
    return "{" + ", ".join(map(repr, sorted(states))) + "}"
