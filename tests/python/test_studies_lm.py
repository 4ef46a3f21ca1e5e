"""The study of language models: its grammar against a reader, its n-grams, its twin, and the quick run."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
import recurra as rc

from studies import grammar, lm
from studies.__main__ import main
from studies.kneser_ney import KneserNey


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


RULES = grammar.make_rules()


def chance(symbol: str, *becomes: str) -> float:
    return math.log(next(p for p, found in RULES[symbol] if found == becomes))


class Reader:
    """A sentence's derivation by looking one word ahead, so it has one alone; its log probability."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.at = words, 0
        nouns = {word: topic for topic in grammar.NOUNS for word in grammar.NOUNS[topic]}
        self.topic = next(nouns[word.removesuffix("s")] for word in words if word.removesuffix("s") in nouns)

    def ahead(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, kind: str, number: str) -> float:
        self.at += 1
        return chance(f"{kind} {self.topic} {number}", self.words[self.at - 1])

    def number_of_noun(self) -> str:
        return "many" if self.words[self.at + 1].endswith("s") else "one"

    def sentence(self) -> float:
        number, topic = self.number_of_noun(), self.topic
        found = (
            chance("S", f"NP {topic} {number}", f"VP {topic} {number}")
            + self.noun(number)
            + self.verb(number)
        )
        assert self.at == len(self.words)
        return found

    def noun(self, number: str) -> float:
        at = f"{self.topic} {number}"
        found = self.take("D", number) + self.take("N", number)
        if self.ahead() != "that":
            return found + chance(f"NP {at}", f"D {at}", f"N {at}")
        self.at += 1
        return found + chance(f"NP {at}", f"D {at}", f"N {at}", "that", f"R {at}") + self.relative(number)

    def relative(self, number: str) -> float:
        at = f"{self.topic} {number}"
        if self.ahead() not in itertools.chain(*grammar.ARTICLES.values()):
            return chance(f"R {at}", f"VP {at}") + self.verb(number)
        inner = self.number_of_noun()
        found = chance(f"R {at}", f"NP {self.topic} {inner}", f"T {self.topic} {inner}")
        return found + self.noun(inner) + self.take("T", inner)

    def verb(self, number: str) -> float:
        at = f"{self.topic} {number}"
        intransitive = {word for _, (word,) in RULES[f"I {at}"]}
        if self.ahead() in intransitive:
            return chance(f"VP {at}", f"I {at}") + self.take("I", number)
        found = self.take("T", number)
        other = self.number_of_noun()
        return found + chance(f"VP {at}", f"T {at}", f"NP {self.topic} {other}") + self.noun(other)


def test_every_sentence_has_one_derivation() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        words, log_probability = grammar.sentence(RULES, rng)
        assert Reader(words).sentence() == pytest.approx(log_probability, rel=1e-12)


def test_rules_are_distributions_and_words_tell_their_symbols() -> None:
    for options in RULES.values():
        assert sum(p for p, _ in options) == pytest.approx(1)
        assert len({becomes for _, becomes in options}) == len(options)
    kinds: dict[str, set[str]] = {}
    for symbol, options in RULES.items():
        if symbol[:2] in ("D ", "N ", "I ", "T "):
            for _, (word,) in options:
                kinds.setdefault(word, set()).add(symbol[0])
    assert all(len(found) == 1 for found in kinds.values())
    assert "that" not in kinds


def test_entropy_of_a_grammar_known_by_hand() -> None:
    """Words until a coin says stop: 2 words and 2 bits on average."""
    rules = {"S": [(0.5, ("aa", "S")), (0.5, ("b",))]}
    found = grammar.rates(rules)
    assert found.entropy == pytest.approx(2 * math.log(2))
    assert found.words == pytest.approx(3)  # with the line's end
    assert found.characters == pytest.approx(1 * 3 + 1 * 2)


def test_rates_are_those_of_samples() -> None:
    """Within four standard errors."""
    exact, rng = grammar.rates(RULES), np.random.default_rng(1)
    drawn = [grammar.sentence(RULES, rng) for _ in range(4000)]
    for expected, sample in (
        (exact.entropy, [-value for _, value in drawn]),
        (exact.words, [len(words) + 1 for words, _ in drawn]),
        (exact.characters, [len(" ".join(words)) + 1 for words, _ in drawn]),
    ):
        assert abs(np.mean(sample) - expected) < 4 * np.std(sample) / math.sqrt(len(sample))


def test_the_text_is_its_sentences() -> None:
    text, log_probability = grammar.text(RULES, 20, seed=3)
    read = [Reader(line.split()).sentence() for line in text.splitlines()]
    assert len(read) == 20
    assert sum(read) == pytest.approx(log_probability)


def kneser_ney(ids: list[int], order: int, vocabulary: int, history: list[int], token: int) -> float:
    """By its definition, each count a search of the text."""

    def grams(n: int) -> list[tuple[int, ...]]:
        return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]

    def counts(n: int) -> dict[tuple[int, ...], int]:
        if n == order:
            return {gram: grams(n).count(gram) for gram in set(grams(n))}
        before = counts(n + 1)
        return {gram: len({g for g in before if g[1:] == gram}) for gram in {g[1:] for g in before}}

    def probability(n: int) -> float:
        if n == 0:
            return 1 / vocabulary
        found = counts(n)
        context = tuple(history[len(history) - n + 1 :])
        behind = {gram: c for gram, c in found.items() if gram[:-1] == context}
        if not behind:
            return probability(n - 1)
        often = list(found.values())
        n1, n2 = often.count(1), often.count(2)
        d = n1 / (n1 + 2 * n2) if n1 else 0.5
        seen = max(behind.get((*context, token), 0) - d, 0)
        return (seen + d * len(behind) * probability(n - 1)) / sum(behind.values())

    return probability(min(order, len(history) + 1))


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_kneser_ney_is_its_definition(order: int) -> None:
    ids = np.random.default_rng(2).choice(5, 60, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    model = KneserNey(ids, order, 6)
    for history in ([], [0], [4, 1], [3, 0, 0, 1], [0, 1, 0, 1, 0, 0]):
        found = [model.probability(tuple(history), token) for token in range(6)]
        assert sum(found) == pytest.approx(1)
        assert min(found) > 0
        expected = [kneser_ney(ids.tolist(), order, 6, history, token) for token in range(6)]
        if order <= 3 or len(history) >= 4:
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_kneser_ney_finds_a_chain_of_order_one() -> None:
    table = np.random.default_rng(3).dirichlet(np.full(8, 0.3), 8) + 1e-3
    table /= table.sum(axis=1, keepdims=True)
    rng, ids = np.random.default_rng(4), [0]
    for _ in range(12000):
        ids.append(int(rng.choice(8, p=table[ids[-1]])))
    text = np.array(ids)
    training, test = text[:10000], text[10000:]
    floor = np.exp(-np.log(table[test[:-1], test[1:]]).mean())
    assert floor < KneserNey(training, 2, 8).perplexity(test) < 1.02 * floor
    assert KneserNey(training, 1, 8).perplexity(test) > 1.2 * floor


def test_the_manual_comes_in_words() -> None:
    text = lm.manual(3000)
    assert "\n" in text
    assert re.search(r"\w [.,] ", text)
    assert not re.search(r"\w[^\w\s]|[ \t]{2}|[A-Z]", text)


def test_the_twin_learns_the_same() -> None:
    pytest.importorskip("torch")
    from studies.lm_torch import Twin

    task = lm.grammar_tasks(lm.Sizes((60, 20), 1000, 12, (20, 1), 1e-2))[0]
    sizes = lm.Sizes((60, 20), 1000, 12, (20, 1), 1e-2)
    twin = Twin(lm.make_lstm(task, sizes))
    before = rc.text.perplexity(lm.make_lstm(task, sizes), task.test)
    assert twin.perplexity(task.test) == pytest.approx(before, rel=1e-5)
    ours = lm.lstm(task, sizes).perplexity
    assert ours < 0.7 * before
    assert lm.lstm_torch(task, sizes).perplexity == pytest.approx(ours, rel=2e-3)


@pytest.mark.once
def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["lm", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies lm --quick`" in output
    tables = {
        name: {
            row[1].strip(): float(row[2])
            for row in re.finditer(r"^\| ([^|]+) \| ([\d.]+) \|", part, re.MULTILINE)
        }
        for name, part in re.findall(
            r"^(\w+, \w+): \d+ tokens(.*?)(?=^\w+, \w+: |\Z)", output, re.MULTILINE | re.DOTALL
        )
    }
    assert list(tables) == ["grammar, words", "grammar, chars", "manual, words", "manual, chars"]
    for name, found in tables.items():
        if "PyTorch" in output:
            assert found["the same in PyTorch"] == pytest.approx(found["LSTM"], rel=0.02), name
        if name.startswith("grammar"):
            floor = found["the grammar itself"]
            assert floor == pytest.approx(found["entropy rate, exact"], rel=0.05)
            assert floor < found["Kneser-Ney 5-gram"]
            assert floor < found["LSTM"] < 2 * floor
