"""Turing machines: the description, and the machine itself, which needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy.typing as npt

from recurra._arrays import FloatArray, count
from recurra._machine_words import check_member, check_name, check_transitions, check_word
from recurra._network import Network
from recurra._stack_code import StackCode
from recurra._turing_network import Rules, turing_network
from recurra._turing_words import decode_configurations, encode_tape

MOVES = ("L", "N", "R")


@dataclass(frozen=True)
class Configuration:
    """A Turing machine between two steps. Blanks at the outer ends of the tape are left out.

    Attributes:
        state: Its state.
        left: What stands to the left of the head, from left to right.
        head: The symbol under the head.
        right: What stands to the right of the head, from left to right.
    """

    state: str
    left: tuple[str, ...]
    head: str
    right: tuple[str, ...]


class TuringMachine:
    """A Turing machine with one tape, endless both ways, and the network that does the same.

    Args:
        transitions: (state, symbol under the head) -> (the next state, what is written, move). "L" moves
            to the left, "R" to the right, "N" not at all. Where there is no transition, the machine halts.
        start: The state before the first step.
        blank: The symbol of an empty cell.

    States and symbols are strings. A tape is a string, whose characters are the symbols, or a list of them;
    the head stands on the first.

    Raises:
        TypeError: names are no strings, or `transitions` is no mapping to triples.
        ValueError: there is no transition, `start` stands in none, or a move is unknown.
    """

    def __init__(
        self, transitions: Mapping[tuple[str, str], tuple[str, str, str]], start: str, blank: str = "_"
    ) -> None:
        name = "TuringMachine"
        self.transitions = check_transitions(name, transitions)
        for pair, action in self.transitions.items():
            if not isinstance(action, tuple) or len(action) != 3:
                raise TypeError(
                    f"{name}: transitions[{pair!r}] is {action!r}, expected (state, symbol, move)"
                )
            check_name(f"{name}: the state of transitions[{pair!r}]", action[0])
            check_name(f"{name}: the symbol of transitions[{pair!r}]", action[1])
            check_member(f"{name}: the move of transitions[{pair!r}]", action[2], MOVES)
        self.blank = check_name(f"{name}: blank", blank)
        reads, writes = (
            [symbol for _, symbol in self.transitions],
            [a for _, a, _ in self.transitions.values()],
        )
        self.symbols = tuple(dict.fromkeys([blank, *reads, *writes]))
        leaves, reached = [state for state, _ in self.transitions], [q for q, *_ in self.transitions.values()]
        self.states = tuple(dict.fromkeys(leaves + reached))
        self.start = check_member(f"{name}: start", start, self.states)

    @property
    def depth(self) -> int:
        """How many symbols the network can keep on each side of the head, blanks at the ends not counted.

        26 with two symbols, 17 with three or four, 13 with five to eight: a stack of them is a float64.
        """
        return StackCode(len(self.symbols)).depth

    def halts(self, configuration: Configuration) -> bool:
        """Whether there is no next step."""
        return (configuration.state, configuration.head) not in self.transitions

    def steps(self, tape: Sequence[str]) -> Iterator[Configuration]:
        """The configurations, from the first on; they end where the machine halts.

        Raises:
            ValueError: the tape has a symbol that is in no transition.
        """
        right = check_word("steps: tape", tape, self.symbols)[::-1]  # both sides as stacks, their tops last
        left: list[str] = []
        return self._steps(left, right)

    def _steps(self, left: list[str], right: list[str]) -> Iterator[Configuration]:
        state, head = self.start, right.pop() if right else self.blank
        while True:
            yield Configuration(state, self._trimmed(left), head, self._trimmed(right)[::-1])
            if (state, head) not in self.transitions:
                return
            state, head, move = self.transitions[state, head]
            if move != "N":
                onto, off = (left, right) if move == "R" else (right, left)
                onto.append(head)
                head = off.pop() if off else self.blank

    def _trimmed(self, stack: Sequence[str]) -> tuple[str, ...]:
        """Without the blanks at its bottom, which comes first."""
        kept = next((k for k, symbol in enumerate(stack) if symbol != self.blank), len(stack))
        return tuple(stack[kept:])

    def run(self, tape: Sequence[str], steps: int = 1000) -> Configuration:
        """The configuration in which the machine halts, or that after so many steps.

        Raises:
            ValueError: the tape has a symbol that is in no transition.
        """
        most = count("run: steps", steps, 0)
        *_, last = islice(self.steps(tape), most + 1)
        return last

    def written(self, configuration: Configuration) -> tuple[str, ...]:
        """The tape, from the first symbol that is no blank to the last."""
        tape = (*configuration.left, configuration.head, *configuration.right)
        return self._trimmed(self._trimmed(tape)[::-1])[::-1]

    def network(self) -> Network:
        """The network, float64: (time, symbols + 1) -> (time, 4 + states + symbols), two steps for one of it.

        One Elman layer of saturated units and a Linear. The inputs are those of `encode`: the tape, and one
        to start. The outputs are [halted, overflow, a one for the state, a one for the symbol under the
        head, left, right], all exact; left and right are the numbers of the stacks on both sides of the
        head. They hold each configuration for two steps, and the last for ever. `overflow` is above 0 from
        the step on in which a stack became deeper than `depth`: what comes out then is no longer the
        machine's.

        Source: H. T. Siegelmann and E. D. Sontag, Applied Mathematics Letters 4 (1991); JCSS 50 (1995).
        """
        return turing_network(self._rules())

    def encode(self, tape: Sequence[str], steps: int, *, room: int | None = None) -> FloatArray:
        """What the network reads to load a tape and to run for so many steps: (time, symbols + 1).

        The tape comes first, from its end to its beginning, as a stack is filled; then a step that starts,
        and 2 + 2 `steps` without input. The first configuration is there at step `room` + 2, the k-th 2 k
        later.

        Args:
            tape: Its symbols; blanks at its end are left out.
            steps: Of the machine.
            room: Steps for the tape, at least as many as it has symbols; None: as many. With the same room
                all tapes start at once, and can be rows of one batch.

        Raises:
            OverflowError: the tape is longer than `depth`.
            ValueError: it has a symbol that is in no transition, or is longer than `room`.
        """
        symbols = check_word("encode: tape", tape, self.symbols)
        places = [self.symbols.index(symbol) for symbol in self._trimmed(symbols[::-1])]
        return encode_tape(self._rules(), places, count("encode: steps", steps, 0), room)

    def decode(self, y: npt.ArrayLike) -> list[Configuration]:
        """The configurations that the network went through, from its outputs (time, outputs), float64.

        From the first step on that shows one, every other step. The one in which the machine halts stays.

        Raises:
            OverflowError: a stack became deeper than `depth`.
            TypeError: y is not float64.
            ValueError: y has another shape, or a step that shows no configuration.
        """
        return [
            Configuration(
                self.states[state],
                tuple(self.symbols[k] for k in reversed(self._without_blanks(left))),
                self.symbols[head],
                tuple(self.symbols[k] for k in self._without_blanks(right)),
            )
            for state, left, head, right in decode_configurations(self._rules(), y)
        ]

    @staticmethod
    def _without_blanks(stack: list[int]) -> list[int]:
        """A stack, its top first, without the blanks at its bottom."""
        while stack and stack[-1] == 0:
            stack = stack[:-1]
        return stack

    def _rules(self) -> Rules:
        state = {name: k for k, name in enumerate(self.states)}
        symbol = {name: k for k, name in enumerate(self.symbols)}
        return Rules(
            len(state),
            len(symbol),
            state[self.start],
            {
                (state[q], symbol[a]): (state[after], symbol[written], move)
                for (q, a), (after, written, move) in self.transitions.items()
            },
        )

    def __repr__(self) -> str:
        sizes = f"{len(self.states)} states, {len(self.symbols)} symbols, {len(self.transitions)} transitions"
        return f"TuringMachine({sizes})"
