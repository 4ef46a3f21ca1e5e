"""The labels' language against a second reading of it, its windows, and its quick run."""

from __future__ import annotations

import re

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import labels, search
from studies.__main__ import main
from studies.windows import logistic, one_hot_windows


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def read_again(tokens: list[int]) -> list[int]:
    """The labels from the grammar in words, by recursion: scopes are (mode, end)."""
    found = [-1] * len(tokens)

    def scope(start: int, mode: int, depth: int) -> int:
        """Label from here to the end of the scope; the closer's position."""
        assert depth <= 3
        t = start
        while t < len(tokens):
            if tokens[t] < 6:
                found[t] = (tokens[t] + mode) % 6
            elif tokens[t] < 9:
                end = scope(t + 1, tokens[t] - 5, depth + 1)
                found[t] = 6 if tokens[end] == 9 else 7
                found[end] = 8 + tokens[t] - 6
                t = end
            else:
                return t
            t += 1
        assert depth == 0, "a scope is never closed"
        return t

    assert scope(0, 0, 0) == len(tokens), "a closer that closes nothing"
    return found


def test_sentences_are_labelled_as_the_grammar_says() -> None:
    tokens, tagged = labels.sentences(300, seed=5)
    for sentence, tags in zip(tokens, tagged, strict=True):
        assert read_again(sentence.tolist()) == tags.tolist()
        assert 30 <= len(sentence) <= 100
    everything = np.concatenate(tokens)
    assert set(everything.tolist()) == set(range(labels.TOKENS))
    assert set(np.concatenate(tagged).tolist()) == set(range(labels.LABELS))


def test_scopes_reach_far() -> None:
    """A share of the symbols stands further behind the opener that decides than 16 steps."""
    tokens, _ = labels.sentences(300, seed=5)
    far = total = 0
    for sentence in tokens:
        stack: list[int] = []
        for t, token in enumerate(sentence.tolist()):
            if labels.OPEN <= token < labels.CLOSE:
                stack.append(t)
            elif token >= labels.CLOSE:
                stack.pop()
            elif stack:
                total += 1
                far += t - stack[-1] > 16
    assert far / total > 0.2


def test_parts_differ() -> None:
    task = labels.task(quick=True)
    sentences = [s.tobytes() for part in (task.training, task.validation, task.test) for s in part[0]]
    assert len(set(sentences)) == len(sentences)


def test_score_counts_tokens_and_sentences() -> None:
    tokens = [np.array([6, 0, 9]), np.array([6, 9])]
    tagged = [np.array([6, 1, 8]), np.array([6, 8])]
    predicted = [np.array([6, 1, 9]), np.array([6, 8])]
    score = labels.score(predicted, (tokens, tagged))
    assert (score.tokens, score.past, score.future, score.sequences) == (4 / 5, 2 / 3, 1, 1 / 2)


def test_label_is_each_sentence_alone() -> None:
    net = labels.TAGGERS[2].network(5, seed=1)
    tokens, _ = labels.sentences(4, seed=6)
    for sentence, best in zip(tokens, labels.label(net, tokens), strict=True):
        np.testing.assert_array_equal(best, net(sentence).argmax(axis=1))


def test_windows_are_one_hot_neighbours() -> None:
    sequences = [np.array([2, 0, 1]), np.array([1])]
    dense = one_hot_windows(sequences, 1, 3).toarray().reshape(4, 3, 3)
    eye, nothing = np.eye(3), np.zeros(3)
    expected = [
        [nothing, eye[2], eye[0]],
        [eye[2], eye[0], eye[1]],
        [eye[0], eye[1], nothing],
        [nothing, eye[1], nothing],
    ]
    np.testing.assert_array_equal(dense, expected)


def test_a_window_learns_what_lies_inside_it_and_no_more() -> None:
    rng = np.random.default_rng(0)
    x = [rng.integers(0, 4, 50) for _ in range(40)]
    for back, width, least, most in ((2, 2, 1.0, 1.0), (3, 2, 0.0, 0.4)):
        y = [np.roll(sequence, back) for sequence in x]
        predict = logistic(x[:30], y[:30], width, 4, 0)
        right = np.mean([np.mean(p[3:] == t[3:]) for p, t in zip(predict(x[30:]), y[30:], strict=True)])
        assert least <= right <= most


@pytest.mark.parametrize("tagger", labels.TAGGERS, ids=lambda tagger: tagger.name)
def test_taggers_have_as_many_parameters_as_they_may(tagger: labels.Tagger) -> None:
    units = tagger.units(12000)
    sizes = [tagger.network(n, 0).flat.size for n in (units, units + 1)]
    assert 0.9 * 12000 < sizes[0] <= 12000 < sizes[1]


def test_search_takes_the_best_and_runs_every_seed() -> None:
    tried: list[tuple[int, int]] = []

    def train(setting: int, seed: int) -> float:
        tried.append((setting, seed))
        return abs(setting - 3) + seed / 10000

    found = search.search("x", (1, 2, 3, 5), train, lambda result: result, (7, 8))
    assert found.setting == 3
    assert tried == [(1, 1000), (2, 1000), (3, 1000), (5, 1000), (3, 7), (3, 8)]
    assert found.results == [7 / 10000, 8 / 10000]
    assert found.searched == {1: 2.1, 2: 1.1, 3: 0.1, 5: 2.1}


@pytest.mark.once
def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["labels", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies labels --quick`" in output
    tokens = {
        name: float(re.search(rf"^\| {name} \|[^*]*\*\*([\d.]+)%", output, re.M)[1])  # type: ignore[index]
        for name in ("logistic regression, window", "perceptron, window", "GRU", "bidirectional GRU")
    }
    assert tokens["logistic regression, window"] < tokens["perceptron, window"] < 60
    assert tokens["GRU"] > 75
    assert tokens["bidirectional GRU"] > 75
