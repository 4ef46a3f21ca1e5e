"""Networks of finite automata do what the automata do, in real time and exactly."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st

DTYPES = ("float32", "float64")
# Binary numbers, the first digit first, that three divides.
BY_THREE = rc.FiniteAutomaton(
    {(str(r), str(d)): str((2 * r + d) % 3) for r in range(3) for d in range(2)}, start="0", accepting=["0"]
)


@st.composite
def automata(draw: st.DrawFn) -> rc.FiniteAutomaton:
    """Of which some transitions may be missing."""
    states, symbols = "pqrstu"[: draw(st.integers(1, 6))], "abc"[: draw(st.integers(1, 3))]
    pairs = [(state, symbol) for state in states for symbol in symbols]
    found = draw(st.dictionaries(st.sampled_from(pairs), st.sampled_from(states), min_size=1))
    known = sorted({state for state, _ in found} | set(found.values()))
    return rc.FiniteAutomaton(found, draw(st.sampled_from(known)), draw(st.sets(st.sampled_from(known))))


def outputs(net: rc.Network, x: np.ndarray) -> list[float]:
    """One per step; of a sequence without steps none."""
    return net(x)[:, 0].tolist() if len(x) else []


@given(st.data(), st.sampled_from(DTYPES))
def test_random_automata(data: st.DataObject, dtype: str) -> None:
    automaton = data.draw(automata())
    word = data.draw(st.lists(st.sampled_from(automaton.symbols), max_size=20))
    found = outputs(automaton.network(dtype), automaton.encode(word, dtype))
    assert found == [float(automaton.accepts(word[: t + 1])) for t in range(len(word))]


@given(st.integers(0, 2**60))
def test_what_an_automaton_accepts(number: int) -> None:
    assert BY_THREE.accepts(f"{number:b}") == (number % 3 == 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_words_stay_exact(dtype: str) -> None:
    word = np.random.default_rng(0).choice(list("01"), size=5000).tolist()
    value, right = 0, []
    for digit in word:
        value = (2 * value + int(digit)) % 3
        right.append(float(value == 0))
    net, x = BY_THREE.network(dtype), BY_THREE.encode(word, dtype)
    y, state = net(x, return_state=True)
    assert y[:, 0].tolist() == right
    assert sorted(state["0.h"][0]) == [0.0] * 6 + [1.0]


@pytest.mark.parametrize("weights", ["float32", "bfloat16", "int8"])
def test_streams_and_files(weights: Any, tmp_path: Path) -> None:  # noqa: ANN401
    net, x = BY_THREE.network(), BY_THREE.encode("11010010111")
    y = net(x)
    assert y.dtype == np.float32
    stream = net.stream(weights=weights)
    assert np.array_equal([stream.step(row) for row in x] > np.float32(0.5), y == 1)
    if weights != "int8":  # whose scale is no power of two
        stream.reset()
        assert np.array_equal(stream.process(x), y)
    net.save(tmp_path / "automaton.safetensors")
    assert np.array_equal(rc.load(tmp_path / "automaton.safetensors")(x), y)


# (a | b)* a b b, guessing where the end begins; "" leads to the start of it.
ENDS_IN_ABB = {
    ("p", "a"): ["p"], ("p", "b"): ["p"], ("p", ""): ["q"],
    ("q", "a"): ["r"], ("r", "b"): ["s"], ("s", "b"): ["t"],
}  # fmt: skip


@given(st.text("ab", max_size=12))
def test_a_nondeterministic_automaton_is_a_regular_expression(word: str) -> None:
    automaton = rc.FiniteAutomaton.from_nondeterministic(ENDS_IN_ABB, "p", ["t"])
    matches = [re.fullmatch("[ab]*abb", word[: t + 1]) is not None for t in range(len(word))]
    assert automaton.accepts(word) == bool(re.fullmatch("[ab]*abb", word))
    assert outputs(automaton.network(), automaton.encode(word)) == matches


def reachable(transitions: dict[tuple[str, str], list[str]], state: str, word: list[str]) -> set[str]:
    """Every state that some way of reading the word ends in, searched one way after the other."""
    seen, left = set(), [(state, 0)]
    while left:
        here, place = left.pop()
        if (here, place) in seen:
            continue
        seen.add((here, place))
        left += [(after, place) for after in transitions.get((here, ""), [])]
        if place < len(word):
            left += [(after, place + 1) for after in transitions.get((here, word[place]), [])]
    return {here for here, place in seen if place == len(word)}


@given(st.data())
def test_random_nondeterministic_automata(data: st.DataObject) -> None:
    pairs = [(state, symbol) for state in "pqrs" for symbol in ("", "a", "b")]
    after = st.lists(st.sampled_from("pqrs"), max_size=3)
    drawn = st.dictionaries(st.sampled_from(pairs), after, min_size=3)
    transitions = data.draw(drawn.filter(lambda found: any(symbol for _, symbol in found)))
    known = sorted({q for q, _ in transitions} | {q for reached in transitions.values() for q in reached})
    start, final = data.draw(st.sampled_from(known)), data.draw(st.sets(st.sampled_from(known)))
    automaton = rc.FiniteAutomaton.from_nondeterministic(transitions, start, final)
    word = data.draw(st.lists(st.sampled_from(automaton.symbols), max_size=8))
    assert automaton.accepts(word) == bool(reachable(transitions, start, word) & final)


@pytest.mark.parametrize("odd", ["a, b", "a', 'b"])
def test_sets_of_states_with_odd_names_stay_apart(odd: str) -> None:
    automaton = rc.FiniteAutomaton.from_nondeterministic(
        {("s", "x"): [odd], ("s", "y"): ["a", "b"], ("a", "x"): ["a"]}, "s", ["b"]
    )
    assert [automaton.accepts(word) for word in ("x", "y", "yx")] == [False, True, False]


@st.composite
def mealy_machines(draw: st.DrawFn) -> rc.MealyMachine:
    """With all transitions."""
    states, symbols = "pqrst"[: draw(st.integers(1, 5))], "abc"[: draw(st.integers(1, 3))]
    action = st.tuples(st.sampled_from(states), st.sampled_from("xyz"))
    found = {(state, symbol): draw(action) for state in states for symbol in symbols}
    return rc.MealyMachine(found, draw(st.sampled_from(states)))


@given(st.data(), st.sampled_from(DTYPES))
def test_random_mealy_machines(data: st.DataObject, dtype: str) -> None:
    machine = data.draw(mealy_machines())
    word = data.draw(st.lists(st.sampled_from(machine.symbols), min_size=1, max_size=20))
    state, written = machine.start, []
    for symbol in word:
        state, output = machine.transitions[state, symbol]
        written.append(output)
    assert machine.run(word) == written
    assert machine.decode(machine.network(dtype)(machine.encode(word, dtype))) == written


def test_moore_s_machines() -> None:
    """The remainder by three, while the digits come."""
    machine = rc.MealyMachine.from_moore(BY_THREE.transitions, "0", {"0": "zero", "1": "one", "2": "two"})
    assert machine.run("11010") == ["one", "zero", "zero", "one", "two"]
    y = machine.network()(machine.encode("11010"))
    assert machine.decode(y) == machine.run("11010")


def test_where_there_is_no_transition() -> None:
    machine = rc.MealyMachine({("p", "a"): ("q", "x"), ("q", "b"): ("p", "y")}, "p")
    assert machine.run("abab") == ["x", "y", "x", "y"]
    with pytest.raises(ValueError, match=r"run: word\[1\] is 'a' in the state 'q', expected a transition"):
        machine.run("aab")
    y = machine.network()(machine.encode("aab"))
    assert not y[1:].any()
    with pytest.raises(
        ValueError, match=r"decode: y\[1\] is \[0.0, 0.0\], expected a single one among zeros"
    ):
        machine.decode(y)
    with pytest.raises(
        ValueError, match=r"decode: y has shape \(3,\), expected \(time, outputs\) = \(time, 2\)"
    ):
        machine.decode(y[:, 0])


def test_reprs() -> None:
    assert repr(BY_THREE) == "FiniteAutomaton(3 states, 2 symbols, 6 transitions)"
    machine = rc.MealyMachine({("p", "a"): ("p", "x")}, "p")
    assert repr(machine) == "MealyMachine(1 states, 1 symbols, 1 outputs)"


GOOD = {("p", "a"): "q", ("q", "a"): "p"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({}, "p", []), "FiniteAutomaton: transitions is empty, expected at least one"),
        (("pa", "p", []), "FiniteAutomaton: transitions is a str, expected a mapping"),
        (({("p", "a", "b"): "q"}, "p", []), r"key \('p', 'a', 'b'\), expected \(state, symbol\)"),
        (({(0, "a"): "q"}, "p", []), r"the state of \(0, 'a'\) is 0, expected a string"),
        (({("p", ""): "q"}, "p", []), r"the symbol of \('p', ''\) is '', expected a name"),
        (({("p", "a"): None}, "p", []), r"transitions\[\('p', 'a'\)\] is None, expected a string"),
        ((GOOD, "r", []), "FiniteAutomaton: start is 'r', expected one of 'p', 'q'"),
        ((GOOD, "p", "pq"), "FiniteAutomaton: accepting is 'pq', expected a collection of strings"),
        ((GOOD, "p", [1]), r"FiniteAutomaton: accepting\[0\] is 1, expected a string"),
        ((GOOD, "p", ["p", "r"]), r"FiniteAutomaton: accepting\[1\] is 'r', expected one of 'p', 'q'"),
    ],
)
def test_errors(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        rc.FiniteAutomaton(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BY_THREE.accepts("012"), r"accepts: word\[2\] is '2', expected one of '0', '1'"),
        (lambda: BY_THREE.encode("2"), r"encode: word\[0\] is '2', expected one of '0', '1'"),
        (lambda: BY_THREE.encode("0", "int8"), "dtype is 'int8', expected 'float32' or 'float64'"),
        (lambda: BY_THREE.network("float16"), "dtype is 'float16', expected 'float32' or 'float64'"),
        (lambda: rc.MealyMachine({("p", "a"): "q"}, "p"), r"is 'q', expected \(state, output\)"),  # type: ignore[dict-item]
        (lambda: rc.MealyMachine({("p", "a"): ("q", "")}, "p"), "the output of .* is '', expected a name"),
        (lambda: rc.MealyMachine.from_moore(GOOD, "p", {"p": "x"}), "is 'q', expected one of 'p'"),
        (
            lambda: rc.FiniteAutomaton.from_nondeterministic({("p", "a"): "pq"}, "p", []),
            "is 'pq', expected a collection of strings",
        ),
        (
            lambda: rc.FiniteAutomaton.from_nondeterministic({("p", ""): ["q"]}, "p", []),
            "from_nondeterministic: transitions reads no symbol, expected at least one that does",
        ),
    ],
)
def test_errors_of_calls(call: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises((TypeError, ValueError), match=message):
        call()
