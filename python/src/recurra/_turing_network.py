"""The network of a Turing machine: two steps for each of the machine.

The tape is two stacks, left and right of the head, each a number (`_stack_code`); state and symbol under
the head are one unit out of many. A step of the machine pushes what it writes on the stack that the head
leaves and pops what comes under the head from the other one. That takes two layers of saturated units, so
two steps of one Elman layer, whose units are of two kinds that are on by turns:

- those that *see*: the symbol on the top of each stack, by thresholds; the state, the symbol under the head
  and the stacks are copied. What is seen depends on the last step's numbers, so no unit could use it in the
  same step.
- those that *act*: a stack is the sum of a few units, one for each thing that can happen to it, and all of
  them but one are zero, because a unit computes min(max(f + g - 1, 0), 1), f its new number and g = 1 if
  this happens. What happens follows from state and symbol, of which one unit is on, so g is a sum of units.
  Likewise the new state and symbol: they are on if a rule that leads there meets the symbol it pops.

Each kind is zero while the other is on, for what reads zeros gives zeros. An empty stack is 0, below which
there are blanks: a blank pushed on it leaves it empty, so stacks have no blanks at their bottom and are as
deep as they must be.

Beside each stack there is its depth, counted in parts of 64 by units that do the same as those of the
stack. A push on a full stack turns on a unit that stays on: `overflow`.

The tape comes in symbol by symbol, its last one first, and is pushed on a stack that waits. The input to
start moves it to the right of the head, which then goes to the right, from a cell of no meaning to the
first symbol: as any step of the machine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recurra._network import Network
from recurra._stack_code import StackCode
from recurra._wiring import Unit, Wiring

Pair = tuple[int, int]  # state and symbol; symbol 0 is the blank
HALTED, OVERFLOW, STATES = 0, 1, 2  # places of outputs
TOWARDS = {"L": "left", "R": "right"}  # the stack that is popped
AWAY = {"L": "right", "R": "left"}  # the stack that is pushed on
GRAIN = 1 / 64  # of depths, which are at most 52


@dataclass(frozen=True)
class Rules:
    """A Turing machine in numbers."""

    num_states: int
    num_symbols: int
    start: int
    actions: Mapping[Pair, tuple[int, int, str]]  # the next state, the symbol written, the move

    @property
    def code(self) -> StackCode:
        """The code of its stacks."""
        return StackCode(self.num_symbols)

    @property
    def num_outputs(self) -> int:
        """Of the network."""
        return 4 + self.num_states + self.num_symbols


def turing_network(rules: Rules) -> Network:
    """What `TuringMachine.network` gives."""
    return _Construction(rules).network()


def _saw(pair: Pair) -> Unit:
    return ("saw", str(pair[0]), str(pair[1]))


def _top(side: str, k: int) -> Unit:
    """On if the top of a stack is at least symbol k; k = 0: if there is one."""
    return ("top", side, str(k))


def _sum(units: Iterable[Unit]) -> dict[Unit, float]:
    return dict.fromkeys(units, 1.0)


class _Construction:
    """The units, in the order of the page above."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.code = rules, rules.code
        self.wiring = Wiring(rules.num_symbols + 1)
        self.go = rules.num_symbols  # the input that starts
        pairs = [(q, a) for q in range(rules.num_states) for a in range(rules.num_symbols)]
        # A machine that has halted goes on with a rule that changes nothing.
        self.actions = {pair: rules.actions.get(pair, (*pair, "N")) for pair in pairs}
        self.acts: dict[Pair, list[Unit]] = {
            pair: [] for pair in pairs
        }  # the acting units of state and symbol
        self.stacks: dict[str, list[Unit]] = {"left": [], "right": []}  # the acting units of a stack

    def network(self) -> Network:
        self._load()
        for side in ("left", "right"):
            self._act_on(side)
        self._act_on_state()
        for side in ("left", "right"):
            self._see(side)
        for pair, acts in self.acts.items():
            self.wiring.unit(_saw(pair), _sum(acts))
        self._overflow()
        self._outputs()
        return self.wiring.network("float64")

    def _load(self) -> None:
        """Pushes what comes in on a stack that waits: ("in", ...) is its number, ("in depth",) its depth."""
        unit, base, most = self.wiring.unit, self.code.base, self.code.depth
        symbols = range(self.rules.num_symbols)
        waiting = [("in", "push"), ("in", "keep")]
        pushed = {a: 1 + self.code.digit(a) / base for a in symbols}
        unit(("in", "push"), dict.fromkeys(waiting, 1 / base), inputs=pushed, bias=-1.0)
        leave = dict.fromkeys(symbols, -1.0) | {self.go: -1.0}
        unit(("in", "keep"), _sum(waiting), inputs=leave)
        counted = dict.fromkeys(symbols, GRAIN) | {self.go: -1.0}
        unit(("in depth",), {("in depth",): 1.0}, inputs=counted)
        unit(
            ("in overflow",),
            {("in depth",): 1 / GRAIN},
            inputs=dict.fromkeys(symbols, 1.0),
            bias=-float(most),
        )

        unit(("start",), {}, inputs={self.go: 1.0})
        unit(("saw start",), {("start",): 1.0})
        unit(("right", "load"), _sum(waiting), inputs={self.go: 1.0}, bias=-1.0)
        unit(("right", "load", "depth"), {("in depth",): 1.0}, inputs={self.go: 1.0}, bias=-1.0)
        self.stacks["right"].append(("right", "load"))

    def _act_on(self, side: str) -> None:
        """What can happen to a stack: push, push a blank, pop, keep."""
        base, digit = self.code.base, self.code.digit
        push: dict[Unit, float] = {}
        blank: dict[Unit, float] = {}
        pop: dict[Unit, float] = {}
        keep: dict[Unit, float] = {}
        for pair, (_, written, move) in self.actions.items():
            if move == "N":
                keep[_saw(pair)] = 0.0
            elif TOWARDS[move] == side:
                pop[_saw(pair)] = 0.0
            elif written:
                push[_saw(pair)] = digit(written) / base
            else:
                blank[_saw(pair)] = 0.0
        if side == "right":
            pop[("saw start",)] = 0.0
        top = {_top(side, k): -2.0 if k else -1.0 for k in range(self.rules.num_symbols)}
        filled = _top(side, 0)
        self._gated(side, "push", push, 1 / base, depth=GRAIN)
        self._gated(side, "blank", blank, 1 / base, {filled: digit(0) / base}, {filled: GRAIN})
        self._gated(side, "pop", pop, base, top, {filled: -GRAIN})
        self._gated(side, "keep", keep, 1.0)

    def _gated(
        self,
        side: str,
        name: str,
        gates: Mapping[Unit, float],
        scale: float,
        more: Mapping[Unit, float] | None = None,
        more_depth: Mapping[Unit, float] | None = None,
        depth: float = 0.0,
    ) -> None:
        """A stack times `scale`, plus what its gate adds, plus `more`, if a gate is on; and its depth."""
        if not gates:
            return
        stack: Unit = ("stack", side)
        below: Unit = ("depth", side)
        opened = {gate: 1 + added for gate, added in gates.items()}
        self.wiring.unit((side, name), {stack: scale, **opened, **(more or {})}, bias=-1.0)
        counted = {below: 1.0, **dict.fromkeys(gates, 1 + depth), **(more_depth or {})}
        self.wiring.unit((side, name, "depth"), counted, bias=-1.0)
        self.stacks[side].append((side, name))

    def _act_on_state(self) -> None:
        """A unit for each state, symbol and move that lead there."""
        leading: dict[tuple[int, str], list[Unit]] = {(self.rules.start, "R"): [("saw start",)]}
        staying: dict[Pair, list[Unit]] = {}
        for pair, (state, written, move) in self.actions.items():
            if move == "N":
                staying.setdefault((state, written), []).append(_saw(pair))
            else:
                leading.setdefault((state, move), []).append(_saw(pair))
        for pair, saw in staying.items():
            self._add_act(pair, "N", _sum(saw), 0.0)
        for (state, move), saw in leading.items():
            for symbol in range(self.rules.num_symbols):
                sources = _sum(saw)
                # On its top is this symbol; a blank is also what lies below the bottom.
                if symbol:
                    sources[_top(TOWARDS[move], symbol)] = 1.0
                if symbol + 1 < self.rules.num_symbols:
                    sources[_top(TOWARDS[move], symbol + 1)] = -1.0
                self._add_act((state, symbol), move, sources, -1.0 if symbol else 0.0)

    def _add_act(self, pair: Pair, move: str, sources: Mapping[Unit, float], bias: float) -> None:
        name = ("act", str(pair[0]), str(pair[1]), move)
        self.wiring.unit(name, sources, bias=bias)
        self.acts[pair].append(name)

    def _see(self, side: str) -> None:
        """The copy of a stack and of its depth, its top, and whether it is full."""
        units = self.stacks[side]
        depths: list[Unit] = [(*unit, "depth") for unit in units]
        self.wiring.unit(("stack", side), _sum(units))
        self.wiring.unit(("depth", side), _sum(depths))
        scaled = dict.fromkeys(units, float(self.code.base))
        for k in range(self.rules.num_symbols):
            self.wiring.unit(_top(side, k), scaled, bias=1.0 - self.code.digit(k))
        full = dict.fromkeys(depths, 1 / GRAIN)
        self.wiring.unit(("full", side), full, bias=1.0 - self.code.depth)

    def _overflow(self) -> None:
        """A push on a full stack, and the unit that remembers it."""
        sources: list[Unit] = [("in overflow",)]
        for side in ("left", "right"):
            pushing = [_saw(pair) for pair, (*_, move) in self.actions.items() if AWAY.get(move) == side]
            self.wiring.unit(("overflow", side), _sum([("full", side), *pushing]), bias=-1.0)
            sources.append(("overflow", side))
        self.wiring.unit(("overflow",), _sum([*sources, ("overflow",)]))
        self.overflows = [*sources, ("overflow",)]

    def _outputs(self) -> None:
        """Both kinds of units tell the same, so that the outputs last for two steps."""
        shown = {pair: [*acts, _saw(pair)] for pair, acts in self.acts.items()}

        def of(pairs: Iterable[Pair]) -> dict[Unit, float]:
            return _sum(unit for pair in pairs for unit in shown[pair])

        self.wiring.output(of(pair for pair in shown if pair not in self.rules.actions))
        self.wiring.output(_sum(self.overflows))
        for state in range(self.rules.num_states):
            self.wiring.output(of(pair for pair in shown if pair[0] == state))
        for symbol in range(self.rules.num_symbols):
            self.wiring.output(of(pair for pair in shown if pair[1] == symbol))
        for side in ("left", "right"):
            self.wiring.output(_sum([*self.stacks[side], ("stack", side)]))
