"""Numbers in words against an inverse of their own, the copies that need no network, and the quick run."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import copying, numbers, numerals
from studies.__main__ import main

SAID = {
    0: "zero",
    7: "seven",
    15: "fifteen",
    40: "forty",
    99: "ninety nine",
    100: "one hundred",
    815: "eight hundred fifteen",
    1000: "one thousand",
    20_013: "twenty thousand thirteen",
    100_000: "one hundred thousand",
    345_671: "three hundred forty five thousand six hundred seventy one",
    999_999: "nine hundred ninety nine thousand nine hundred ninety nine",
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


@pytest.mark.parametrize(("number", "said"), SAID.items())
def test_words(number: int, said: str) -> None:
    assert " ".join(numerals.words(number)) == said
    assert numerals.IN_LETTERS.spell(numerals.IN_LETTERS.write(number)) == said
    assert numerals.IN_DIGITS.spell(numerals.IN_DIGITS.write(number)) == str(number)


def test_words_are_read_back() -> None:
    drawn = random.Random(0).sample(range(1_000_000), 3000)
    assert all(numerals.read(numerals.words(n)) == n for n in [*range(2000), *drawn])


def test_numbers_are_distinct_and_of_all_lengths() -> None:
    drawn = numerals.draw(4000, seed=2)
    assert len(set(drawn)) == 4000
    assert all(0 <= n <= numerals.LARGEST for n in drawn)
    lengths = np.bincount([len(str(n)) for n in drawn], minlength=7)
    assert (lengths[1:] >= [10, 85, 500, 900, 900, 900]).all()
    halves = [np.mean([len(str(n)) for n in half]) for half in (drawn[:2000], drawn[2000:])]
    assert halves[0] == pytest.approx(halves[1], abs=0.1)


@pytest.mark.parametrize("back", [False, True])
def test_parts_are_disjoint_and_say_the_same_twice(back: bool) -> None:
    task = numbers.task(quick=False, back=back)
    seen: set[bytes] = set()
    for sources, targets in (task.training, task.validation, task.test):
        seen |= {source.tobytes() for source in sources}
        for source, target in zip(sources[:50], targets[:50], strict=True):
            letters, digits = (target, source) if back else (source, target)
            said = numerals.IN_LETTERS.spell(letters).split(" ")
            assert numerals.read(said) == int(numerals.IN_DIGITS.spell(digits))
    assert len(seen) == sum(len(part[0]) for part in (task.training, task.validation, task.test))


def slow_distance(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return slow_distance(a[1:], b[1:])
    return 1 + min(slow_distance(a[1:], b), slow_distance(a, b[1:]), slow_distance(a[1:], b[1:]))


def test_distance() -> None:
    draw = random.Random(1)
    for _ in range(100):
        a, b = ("".join(draw.choices("xyz", k=draw.randrange(7))) for _ in range(2))
        assert numerals.distance([*map(ord, a)], [*map(ord, b)]) == slow_distance(a, b)


def test_nearest_agrees_in_most_places_from_the_end() -> None:
    x = [np.array([1, 2, 3]), np.array([2, 3]), np.array([4, 4, 3])]
    y = [np.array([k]) for k in range(3)]
    queries = [np.array([0, 2, 3, 3]), np.array([4, 0, 3]), np.array([4, 4, 3, 2, 3])]
    assert [int(a[0]) for a in copying.nearest(x, y, 5, queries)] == [
        0,
        2,
        0,
    ]  # the first of three that are equal


def test_by_place_copies_and_reverses_nothing() -> None:
    """What stands at the same place from the end is learned; what depends on the length is not."""
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 3, rng.integers(3, 6)) for _ in range(300)]
    moves: dict[str, Callable[[numerals.Ids], numerals.Ids]] = {
        "copied": lambda s: s,
        "reversed": lambda s: s[::-1],
    }
    right = {}
    for name, move in moves.items():
        answers = copying.by_place(x[:250], [move(s) for s in x[:250]], 3, x[250:])
        right[name] = np.mean([np.array_equal(a, move(s)) for a, s in zip(answers, x[250:], strict=True)])
    assert right["copied"] > 0.95
    assert right["reversed"] < 0.8


def test_score_counts_answers_and_edits() -> None:
    targets = [np.array([1, 2, 3]), np.array([4]), np.array([5, 5])]
    got = numbers.score([np.array([1, 3]), np.array([4]), np.array([5, 6])], targets)
    assert (got.exact, got.edits) == (1 / 3, 2 / 6)


@pytest.mark.parametrize("attention", [None, "additive", "dot"])
def test_greedy_answers_are_the_likeliest_next_symbols(attention: numbers.Kind | None) -> None:
    """Answers are each sequence's alone, and what a step would write after the answer so far."""
    task = numbers.task(quick=True, back=False)
    net = numbers.network(task, attention, seed=3)
    sources = task.test[0][:5]
    for source, ids in zip(sources, numbers.answer(net, sources, task, 1), strict=True):
        written = [*ids.tolist(), task.end][: task.longest]
        scores = net(source, teacher=np.array(written))
        assert scores.argmax(axis=1).tolist() == written


@pytest.mark.once
@pytest.mark.parametrize("options", [[], ["--back"]])
def test_quick(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    main(["numbers", "--quick", *options])
    output = capsys.readouterr().out
    assert "`python -m studies numbers --quick" in output
    edits = [float(value) for value in re.findall(r"\*\*(\d\.\d+)\*\*", output)]
    assert len(edits) == len(numbers.ATTENTIONS)
    assert max(edits[1:]) < (0.5 if options else 0.3) < 0.6  # with attention; of the nearest number 0.3
