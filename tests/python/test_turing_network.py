"""The network of a Turing machine does exactly what the machine does, or says that it cannot."""

from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from hypothesis import given, settings
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
from recurra._stack_code import StackCode

CASES = [
    (BEAVER_3, "", 20),
    (BEAVER_4, "", 110),
    (INCREMENT, "1011", 20),
    (INCREMENT, "1" * 16, 40),
    (ADDITION, "111+11", 20),
    (COPY, "1111", 120),
    (PALINDROME, "abbabba", 60),
    (PALINDROME, "abbaba", 60),
    (BOUNCER, "abba", 60),
    (BOUNCER, "", 10),
]


def expected(machine: rc.TuringMachine, tape: str | list[str], steps: int) -> list[rc.Configuration]:
    """The configurations of the machine; the last one stays."""
    found = list(islice(machine.steps(tape), steps + 1))
    return found + [found[-1]] * (steps + 1 - len(found))


@pytest.mark.parametrize(("machine", "tape", "steps"), CASES)
def test_every_configuration_is_the_machine_s(machine: rc.TuringMachine, tape: str, steps: int) -> None:
    net = machine.network()
    y = net(machine.encode(tape, steps))
    found = machine.decode(y)
    assert found == expected(machine, tape, steps)
    first = len(tape) + 2
    assert not y[:first, :1].any()
    for k, configuration in enumerate(found):
        rows = y[first + 2 * k : first + 2 * k + 2]
        assert (rows[:, 0] == machine.halts(configuration)).all()
        assert (rows == rows[0]).all()


@given(st.data())
@settings(max_examples=60)
def test_random_machines(data: st.DataObject) -> None:
    machine = data.draw(turing_machines())
    tape, steps = data.draw(tapes(machine)), 50
    configurations = expected(machine, tape, steps)
    y = machine.network()(machine.encode(tape, steps))
    if max(len(side) for c in configurations for side in (c.left, c.right)) > machine.depth:
        with pytest.raises(OverflowError):
            machine.decode(y)
    else:
        assert machine.decode(y) == configurations


def exact_states(net: rc.Network, x: np.ndarray) -> list[list[Fraction]]:
    """The states of its Elman layer in rational numbers, from the definition."""
    p = {name: values.tolist() for name, values in net.parameters.items()}
    h, found = [Fraction(0)] * len(p["0.bias"]), []
    for row in x.tolist():
        h = [
            min(
                max(
                    Fraction(b)
                    + sum(Fraction(w) * Fraction(v) for w, v in zip(into, row, strict=True) if w and v)
                    + sum(Fraction(w) * v for w, v in zip(back, h, strict=True) if w and v),
                    Fraction(0),
                ),
                Fraction(1),
            )
            for b, into, back in zip(p["0.bias"], p["0.weight_ih"], p["0.weight_hh"], strict=True)
        ]
        found.append(h)
    return found


@pytest.mark.parametrize(("machine", "tape"), [(BEAVER_4, ""), (BOUNCER, "abbaabababbbabaaa")])
def test_no_number_is_rounded(machine: rc.TuringMachine, tape: str) -> None:
    """The second tape fills its stack to the limit."""
    net, x = machine.network(), machine.encode(tape, 20)
    stream = net.stream()
    for row, states in zip(x, exact_states(net, x), strict=True):
        stream.step(row)
        assert [Fraction(float(v)) for v in stream.state["0.h"][0]] == states


def writer(symbols: int) -> rc.TuringMachine:
    """Goes to the right for ever, and writes all its symbols by turns, the last one first."""
    names = "_abcdefghijklmnop"[:symbols]
    rules = {(name, "_"): (names[k - 1], name, "R") for k, name in enumerate(names)}
    return rc.TuringMachine(rules, names[-1])


@pytest.mark.parametrize(
    ("symbols", "depth"), [(2, 26), (3, 17), (4, 17), (5, 13), (8, 13), (9, 10), (16, 10)]
)
def test_at_the_limit_and_beyond(symbols: int, depth: int) -> None:
    machine = writer(symbols)
    assert machine.depth == depth
    # The blank that is written after all others lies on top of them.
    net = machine.network()
    y = net(machine.encode("", depth))
    assert machine.decode(y) == expected(machine, "", depth)
    assert len(machine.decode(y)[-1].left) == depth
    one_more = net(machine.encode("", depth + 1))
    with pytest.raises(
        OverflowError, match=f"at step {2 + 2 * (depth + 1)} a stack became deeper than {depth}"
    ):
        machine.decode(one_more)
    later = net(machine.encode("", depth + 40))
    assert (later[2 + 2 * (depth + 1) :, 1] > 0).all()
    assert not later[: 2 + 2 * (depth + 1), 1].any()


def test_a_tape_as_long_as_the_limit_and_longer() -> None:
    """There and back, four times, over every place of a full stack."""
    tape = "abbaabababbbabaab"[: BOUNCER.depth]
    assert len(tape) == 17
    net = BOUNCER.network()
    assert BOUNCER.decode(net(BOUNCER.encode(tape, 80))) == expected(BOUNCER, tape, 80)
    assert BOUNCER.encode(tape + "_", 0).shape == BOUNCER.encode(tape, 0).shape
    with pytest.raises(OverflowError, match="encode: tape has 18 symbols, expected at most 17"):
        BOUNCER.encode(tape + "a", 80)
    # The network knows it too, if it is told the tape by somebody else.
    longer = np.insert(BOUNCER.encode(tape, 80), 0, BOUNCER.encode("a", 0)[0], axis=0)
    y = net(longer)
    assert not y[:17, 1].any()
    assert (y[17:, 1] > 0).all()
    with pytest.raises(OverflowError, match="decode: at step 17 a stack became deeper than 17"):
        BOUNCER.decode(y)


def test_blanks_that_lie_on_nothing_take_no_room() -> None:
    walker = rc.TuringMachine({("A", "_"): ("A", "_", "L"), ("A", "1"): ("B", "1", "N")}, "A")
    y = walker.network()(walker.encode("", 100))
    assert walker.decode(y) == [rc.Configuration("A", (), "_", ())] * 101
    assert not y[:, -2:].any()


@pytest.mark.parametrize("symbols", [1, 2, 3, 4, 5, 8, 9, 16])
def test_the_code_of_stacks(symbols: int) -> None:
    code, rng = StackCode(symbols), np.random.default_rng(0)
    for size in [0, 1, *range(code.depth - 2, code.depth + 1)]:
        for _ in range(20):
            stack = rng.integers(0, symbols, size).tolist()
            exact = sum((Fraction(2 * s + 1, code.base ** (k + 1)) for k, s in enumerate(stack)), Fraction(0))
            assert Fraction(code.number(stack)) == exact
            assert code.stack(code.number(stack)) == stack
    with pytest.raises(OverflowError, match=f"stack has {code.depth + 1} symbols"):
        code.number([0] * (code.depth + 1))
    for number in (-0.25, 1.0, float("nan"), 2 / code.base, code.base ** -(code.depth + 1.0)):
        with pytest.raises(ValueError, match="expected a stack of at most"):
            code.stack(number)


@pytest.mark.parametrize("symbols", [2, 3, 4, 5, 8, 9, 16, 17])
def test_no_code_in_this_base_is_deeper(symbols: int) -> None:
    """One symbol more, and there is a stack that float64 rounds."""
    code = StackCode(symbols)
    stack = [symbols - 1] * (code.depth + 1)
    exact = sum(Fraction(2 * s + 1, code.base ** (k + 1)) for k, s in enumerate(stack))
    assert Fraction(float(exact)) != exact


def test_a_batch_of_tapes() -> None:
    words = ["", "a", "abba", "abab", "babbab"]
    x = np.stack([PALINDROME.encode(word, 50, room=8) for word in words])
    for word, y in zip(words, PALINDROME.network()(x), strict=True):
        assert PALINDROME.decode(y) == expected(PALINDROME, word, 50)


def test_symbols_may_come_with_pauses() -> None:
    x = INCREMENT.encode("1011", 12)
    slow = np.insert(x, [1, 2, 2, 3, 4], 0, axis=0)
    assert INCREMENT.decode(INCREMENT.network()(slow)) == expected(INCREMENT, "1011", 12)


def test_a_stream_is_the_batch(tmp_path: Path) -> None:
    net, x = BEAVER_4.network(), BEAVER_4.encode("", 110)
    y = net(x)
    stream = net.stream()
    assert (np.stack([stream.step(row) for row in x]) == y).all()
    stream.reset()
    assert (stream.process(x) == y).all()
    net.save(tmp_path / "beaver.safetensors")
    loaded = rc.load(tmp_path / "beaver.safetensors")
    assert loaded.dtype == np.float64
    assert (loaded(x) == y).all()
    assert BEAVER_4.decode(loaded(x)) == expected(BEAVER_4, "", 110)


def test_it_is_a_network_like_others() -> None:
    net, x = INCREMENT.network(), INCREMENT.encode("11", 3)
    loss, gradient = net.loss_and_gradient(x, np.zeros((len(x), net.output_size)))
    assert loss > 0
    assert np.isfinite(gradient).all()
    assert gradient.any()


def test_errors() -> None:
    net = INCREMENT.network()
    y = net(INCREMENT.encode("11", 3))
    assert INCREMENT.decode(y[:3]) == []
    with pytest.raises(TypeError, match="decode: y has dtype float32, expected float64"):
        INCREMENT.decode(y.astype("float32"))
    with pytest.raises(
        ValueError, match=r"decode: y has shape \(11, 9\), expected \(time, outputs\) = \(time, 10\)"
    ):
        INCREMENT.decode(y[:, 1:])
    for column, value, message in (
        (0, 1.0, r"decode: y\[6\] has 1.0 for halted, which its state and symbol deny"),
        (2, 0.5, r"decode: y\[6\] has \[0.5, 0.0, 0.0\] for the state, expected a single one"),
        (5, 1.0, r"decode: y\[6\] has \[1.0, 0.0, 1.0\] for the symbol, expected a single one"),
        (8, 0.3, r"stack: number is 0.3, expected a stack of at most 17 symbols"),
    ):
        wrong = y.copy()
        wrong[6, column] = value
        with pytest.raises(ValueError, match=message):
            INCREMENT.decode(wrong)
    with pytest.raises(ValueError, match="encode: tape has 4 symbols, expected at most room = 3"):
        INCREMENT.encode("1011", 3, room=3)
    with pytest.raises(ValueError, match=r"encode: tape\[1\] is 'x', expected one of"):
        INCREMENT.encode("1x", 3)
    with pytest.raises(ValueError, match="encode: steps is -1, expected at least 0"):
        INCREMENT.encode("1", -1)
