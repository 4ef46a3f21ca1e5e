"""Words and copies against what they should be, and the quick runs of the studies with external memories."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import fresh, ntm_copy, stack, words
from studies.__main__ import main


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def closing(text: str) -> list[int]:
    """After each symbol of a Dyck word the class of the innermost open bracket, by rewriting."""
    found = []
    for end in range(1, len(text) + 1):
        rest, before = text[:end], ""
        while rest != before:
            rest, before = rest.replace("()", "").replace("[]", ""), rest
        found.append(" ([".index(rest[-1]) if rest else 0)
    return found


@pytest.mark.parametrize("make", [words.dyck, words.deepest])
def test_dyck_words_are_balanced_and_their_classes_right(
    make: Callable[[int, np.random.Generator], words.Word],
) -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 30):
        word = make(n, rng)
        text = "".join("()[]"[k] for k in word.symbols)
        assert len(text) == 2 * n
        assert word.after.tolist() == closing(text)
        assert word.after[-1] == 0


def test_balanced_orders_are_drawn_alike() -> None:
    rng = np.random.default_rng(1)
    counts = Counter(tuple(words.balanced(4, rng)) for _ in range(7000))
    assert len(counts) == 14  # Catalan's number
    assert min(counts.values()) > 400  # of 500 expected, 21 the standard deviation
    assert max(counts.values()) < 600


def test_counted_words() -> None:
    word = words.counted(3)
    assert word.symbols.tolist() == [0, 0, 0, 1, 1, 1]
    assert word.after.tolist() == [0, 0, 0, 1, 1, 2]
    assert words.counted(1).after.tolist() == [0, 2]


def test_words_of_a_batch() -> None:
    batch = words.batch_of([words.counted(1), words.counted(3)], 2)
    assert batch.x.shape == (2, 6, 2)
    assert batch.mask.sum(axis=1).tolist() == [2, 6]
    assert batch.x[1].argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    assert not batch.x[0, 2:].any()


def test_a_word_is_right_where_every_step_is() -> None:
    net = rc.Network([rc.Linear(2, 3)])
    net.parameters["0.weight"][:] = [[1, 0], [0, 1], [0, 0]]
    net.parameters["0.bias"][:] = 0
    words_ = [words.counted(2), words.Word(np.array([0, 1]), np.array([0, 1]))]
    assert stack.words_right(net, words_, 2) == 0.5  # it never says that a word ends


def test_copies() -> None:
    batch = ntm_copy.copies(3, 200, 4, np.random.default_rng(2))
    assert batch.x.shape == (200, 8, 6)
    np.testing.assert_array_equal(batch.x[:, 1:4, :4], batch.target[:, 5:])
    assert batch.x[:, 0, 4].all()
    assert batch.x[:, 4, 5].all()
    assert not batch.x[:, 5:].any()
    assert batch.mask.sum(axis=1).tolist() == [3] * 200
    assert batch.target[:, 5:].mean() == pytest.approx(0.5, abs=0.05)


def test_learning_clips_and_lets_the_rate_fall() -> None:
    net = rc.Network([rc.Linear(1, 1, bias=False)], dtype="float64")
    net.parameters["0.weight"][:] = 0
    batch = fresh.Batch(np.full((1, 1, 1), 1000.0), np.ones((1, 1, 1)), np.ones((1, 1), bool))
    shares = []

    def draw(_: np.random.Generator, done: float) -> fresh.Batch:
        shares.append(done)
        return batch

    training = fresh.Training(rc.SGD(), 1e-3, 2, 0.5)
    fresh.learn(net, draw, "binary_cross_entropy", training, 0)
    # Two steps of length 0.5 times the rates, the second one's gradient being shorter.
    assert shares == [0, 0.5]
    first = 0.5e-3
    slope = 1000 / (1 + np.exp(1000 * first))
    second = min(slope, 0.5) * 1e-3 * (0.1 + 0.9 * 0.5)
    assert float(net.parameters["0.weight"][0, 0]) == pytest.approx(first + second, rel=1e-9)


@pytest.mark.once
def test_quick_stack(capsys: pytest.CaptureFixture[str]) -> None:
    main(["stack", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies stack --quick`" in output
    rows = [line.split("|")[1:-1] for line in output.splitlines() if line.startswith("| ")][2:]
    assert [row[0].strip() for row in rows] == ["a^n b^n"] * 2 + [
        "Dyck-2, any",
        "Dyck-2, one inside the other",
    ] * 2
    for row in rows:
        assert re.match(r" \*\*\d+\.\d%\*\*", row[3])


@pytest.mark.once
def test_quick_copy(capsys: pytest.CaptureFixture[str]) -> None:
    results = ntm_copy.run(argparse.Namespace(quick=True, command="ntm_copy --quick"))
    assert "| NTM |" in capsys.readouterr().out
    losses = results["NTM"][0].losses
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
