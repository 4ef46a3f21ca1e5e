"""The Turing machine itself, without a network."""

from itertools import islice
from typing import Any

import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st
from machine_cases import (
    ADDITION,
    BEAVER_3,
    BEAVER_4,
    BOUNCER,
    COPY,
    INCREMENT,
    PALINDROME,
    tapes,
    turing_machines,
)


def written(machine: rc.TuringMachine, tape: str) -> str:
    last = machine.run(tape)
    assert machine.halts(last)
    return "".join(machine.written(last))


@pytest.mark.parametrize(("machine", "steps", "ones"), [(BEAVER_3, 14, 6), (BEAVER_4, 107, 13)])
def test_busy_beavers(machine: rc.TuringMachine, steps: int, ones: int) -> None:
    """T. Rado (1962), A. H. Brady (1983)."""
    assert len(list(machine.steps(""))) == steps + 1
    assert written(machine, "").count("1") == ones


@pytest.mark.parametrize("number", [*range(20), 255, 1000])
def test_increment(number: int) -> None:
    assert written(INCREMENT, f"{number:b}") == f"{number + 1:b}"


@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 3), (3, 0), (4, 5)])
def test_addition(left: int, right: int) -> None:
    assert written(ADDITION, f"{'1' * left}+{'1' * right}") == "1" * (left + right)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_copy(count: int) -> None:
    assert written(COPY, "1" * count) == "_".join(["1" * count] * 2)


@given(st.text("ab", max_size=9))
def test_palindrome(word: str) -> None:
    assert PALINDROME.run(word).state == ("Y" if word == word[::-1] else "N")


@given(st.data())
def test_steps_are_those_of_a_tape_by_places(data: st.DataObject) -> None:
    """A tape as a mapping from integers, all of whose other cells are blank."""
    machine = data.draw(turing_machines())
    tape = data.draw(tapes(machine))
    cells, place, state = dict(enumerate(tape)), 0, machine.start
    for found in islice(machine.steps(tape), 40):
        head = cells.get(place, machine.blank)
        assert (found.state, found.head) == (state, head)
        filled = [k for k, symbol in cells.items() if symbol != machine.blank]
        assert found.left == tuple(cells.get(k, machine.blank) for k in range(min([*filled, place]), place))
        right = range(place + 1, max([*filled, place]) + 1)
        assert found.right == tuple(cells.get(k, machine.blank) for k in right)
        if machine.halts(found):
            assert (state, head) not in machine.transitions
            break
        state, cells[place], move = machine.transitions[state, head]
        place += {"L": -1, "N": 0, "R": 1}[move]


def test_run_stops_where_it_is_told_to() -> None:
    expected = list(islice(BOUNCER.steps("ab"), 8))
    for steps in range(8):
        assert BOUNCER.run("ab", steps) == expected[steps]
    assert not BOUNCER.halts(BOUNCER.run("ab"))


def test_what_is_written_has_no_blanks_at_its_ends() -> None:
    assert INCREMENT.written(rc.Configuration("S", (), "_", ("_", "1", "_", "0"))) == ("1", "_", "0")
    assert INCREMENT.written(rc.Configuration("S", (), "_", ())) == ()
    assert repr(INCREMENT) == "TuringMachine(3 states, 3 symbols, 6 transitions)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, "A"), "TuringMachine: transitions is empty, expected at least one"),
        (([], "A"), "TuringMachine: transitions is a list, expected a mapping"),
        (({"A0": ("A", "0", "R")}, "A"), r"transitions has the key 'A0', expected \(state, symbol\)"),
        (({("A", 0): ("A", "0", "R")}, "A"), r"the symbol of \('A', 0\) is 0, expected a string"),
        (
            ({("A", "0"): ("A", "0")}, "A"),
            r"transitions\[\('A', '0'\)\] is \('A', '0'\), expected \(state, symbol,",
        ),
        (
            ({("A", "0"): ("A", "", "R")}, "A"),
            r"the symbol of transitions\[\('A', '0'\)\] is '', expected a name",
        ),
        (({("A", "0"): ("A", "0", "up")}, "A"), r"the move of .* is 'up', expected one of 'L', 'N', 'R'"),
        (({("A", "0"): ("A", "0", "R")}, "B"), "TuringMachine: start is 'B', expected one of 'A'"),
        (({("A", "0"): ("A", "0", "R")}, "A", 0), "TuringMachine: blank is 0, expected a string"),
    ],
)
def test_errors(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        rc.TuringMachine(*arguments)


def test_errors_of_tapes() -> None:
    with pytest.raises(ValueError, match=r"tape\[1\] is '2', expected one of '_', '0', '1'"):
        INCREMENT.run("02")
    with pytest.raises(ValueError, match="run: steps is -1, expected at least 0"):
        INCREMENT.run("0", -1)
