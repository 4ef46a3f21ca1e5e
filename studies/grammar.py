"""A probabilistic grammar whose entropy is known exactly, as a source of text for language models.

Sentences are independent. In each, nouns and verbs agree in number, also across relative clauses inside one
another, and a topic that is drawn first decides the nouns and how likely each verb is. Every sentence has
one derivation alone: after a noun "that" tells a relative clause, after "that" a verb or an article which
one, the noun's form tells its number and its topic. The probability of a sentence is then that of its
derivation, and entropies add up over rules: with h(A) the entropy of what a symbol A becomes,
h(A) = sum over its rules r of p(r) (-log p(r) + sum of h(B) over the symbols B of r), a linear system, and
likewise for the expected length. Entropy over length is the entropy rate.

Source of the identity: U. Grenander, Syntax-controlled probabilities, Brown University (1967);
C. S. Wetherell, Computing Surveys 12 (1980). The grammar is our own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Symbol = str  # it is a word if the grammar has no rules for it
Rules = Mapping[Symbol, Sequence[tuple[float, tuple[Symbol, ...]]]]

NOUNS = {
    "sea": ("ship", "sailor", "whale", "captain", "gull", "island", "anchor", "storm"),
    "farm": ("farmer", "cow", "horse", "barn", "field", "hen", "plough", "girl"),
}
INTRANSITIVE = ("sleep", "wait", "sing", "fall", "vanish", "turn")
TRANSITIVE = ("see", "follow", "like", "need", "hear", "leave")
ARTICLES = {"one": ("the", "a", "every"), "many": ("the", "some", "two")}


def third_person(verb: str) -> str:
    """As one does it."""
    return verb + ("es" if verb.endswith("sh") else "s")


def words(options: Sequence[str]) -> list[tuple[float, tuple[Symbol, ...]]]:
    """One of these, the k-th as likely as 1 / k (Zipf's law)."""
    weights = [1 / k for k in range(1, len(options) + 1)]
    return [(weight / sum(weights), (word,)) for weight, word in zip(weights, options, strict=True)]


def make_rules() -> Rules:
    """The grammar: symbols with their topic and number."""
    rules: dict[Symbol, list[tuple[float, tuple[Symbol, ...]]]] = {
        "S": [(0.25, (f"NP {t} {n}", f"VP {t} {n}")) for t in NOUNS for n in ARTICLES]
    }
    for topic, nouns in NOUNS.items():
        order = 1 if topic == "sea" else -1  # what is likely in one topic is not in the other
        for number, articles in ARTICLES.items():
            at, other = f"{topic} {number}", f"{topic} {'many' if number == 'one' else 'one'}"
            rules[f"NP {at}"] = [
                (0.7, (f"D {at}", f"N {at}")),
                (0.3, (f"D {at}", f"N {at}", "that", f"R {at}")),
            ]
            rules[f"R {at}"] = [
                (0.5, (f"VP {at}",)),
                (0.25, (f"NP {at}", f"T {at}")),
                (0.25, (f"NP {other}", f"T {other}")),
            ]
            rules[f"VP {at}"] = [
                (0.5, (f"I {at}",)),
                (0.25, (f"T {at}", f"NP {at}")),
                (0.25, (f"T {at}", f"NP {other}")),
            ]
            form: Callable[[str], str] = third_person if number == "one" else str
            rules[f"D {at}"] = words(articles)
            rules[f"N {at}"] = words([noun if number == "one" else f"{noun}s" for noun in nouns])
            rules[f"I {at}"] = words([form(verb) for verb in INTRANSITIVE[::order]])
            rules[f"T {at}"] = words([form(verb) for verb in TRANSITIVE[::order]])
    return rules


def expected(rules: Rules, of_rule: Callable[[float], float], of_word: Callable[[str], float]) -> float:
    """What a sentence adds up to: so much for each rule used, by its probability, and for each word."""
    place = {symbol: i for i, symbol in enumerate(rules)}
    matrix, constant = np.eye(len(rules)), np.zeros(len(rules))
    for symbol, options in rules.items():
        for probability, becomes in options:
            constant[place[symbol]] += probability * of_rule(probability)
            for part in becomes:
                if part in place:
                    matrix[place[symbol], place[part]] -= probability
                else:
                    constant[place[symbol]] += probability * of_word(part)
    return float(np.linalg.solve(matrix, constant)[place["S"]])


@dataclass(frozen=True)
class Rates:
    """The entropy of a sentence in nats, and what it is spread over, its line's end counted."""

    entropy: float
    words: float
    characters: float


def rates(rules: Rules) -> Rates:
    """Exactly."""
    return Rates(
        entropy=expected(rules, lambda p: -math.log(p), lambda word: 0),
        words=expected(rules, lambda p: 0, lambda word: 1) + 1,
        characters=expected(rules, lambda p: 0, lambda word: len(word) + 1),  # a blank, or the line's end
    )


def choose(
    options: Sequence[tuple[float, tuple[Symbol, ...]]], drawn: float
) -> tuple[float, tuple[Symbol, ...]]:
    """The rule in whose part of the interval from 0 to 1 the number lies."""
    for option in options[:-1]:
        drawn -= option[0]
        if drawn < 0:
            return option
    return options[-1]


def sentence(rules: Rules, rng: np.random.Generator) -> tuple[list[str], float]:
    """The words, and the log probability of the sentence."""
    todo, found, log_probability = ["S"], [], 0.0
    while todo:
        symbol = todo.pop()
        if symbol not in rules:
            found.append(symbol)
            continue
        probability, becomes = choose(rules[symbol], rng.random())
        log_probability += math.log(probability)
        todo += reversed(becomes)
    return found, log_probability


def text(rules: Rules, sentences: int, seed: int) -> tuple[str, float]:
    """So many sentences, one per line, and the log probability of them all."""
    rng = np.random.default_rng(seed)
    drawn = [sentence(rules, rng) for _ in range(sentences)]
    return "".join(" ".join(line) + "\n" for line, _ in drawn), sum(value for _, value in drawn)
