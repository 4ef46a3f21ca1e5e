"""A label for every symbol: nested scopes opened long ago decide, and some labels wait for the future.

A generated language of symbols inside scopes. An opener names one of three modes; the innermost open scope's
mode decides what a symbol is called, so the label hangs on a token as far back as the scope is long, and
after a scope's end on the opener of the scope around it: a stack of at most `DEPTH` modes. A closer's label
is the mode it ends. It comes in two kinds, one of which cancels the scope, and whether a scope is kept or
cancelled is its opener's label: that one is known only from the matching closer, in the future.

The idea of nested brackets as a test of context is F. A. Gers and J. Schmidhuber's, IEEE Transactions on
Neural Networks 12 (2001); this language is our own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies import report
from studies.search import Found, search
from studies.windows import Classifier, logistic, perceptron

Ids = npt.NDArray[np.int64]
Tagged = tuple[list[Ids], list[Ids]]  # tokens and labels, a pair of equally long arrays per sequence

SYMBOLS, MODES, DEPTH = 6, 3, 3
OPEN, CLOSE = SYMBOLS, SYMBOLS + MODES  # the first opener; the closer that keeps, then the one that cancels
TOKENS = CLOSE + 2
KEPT, CANCELLED = SYMBOLS, SYMBOLS + 1  # after the symbols' labels; then one label per mode that is closed
LABELS = CANCELLED + 1 + MODES
SHORTEST, LONGEST = 30, 100
SCOPE = 0.04  # of opening a scope, and of closing one, at every step

EMBEDDED = 16


def sentence(rng: np.random.Generator, length: int) -> tuple[Ids, Ids]:
    """Tokens and labels; it begins with an opener, and every scope is closed."""
    tokens, labels = np.empty((2, length), np.int64)
    scopes: list[int] = []  # positions of the openers
    for t in range(length):
        draw = rng.random()
        if length - t == len(scopes) or (scopes and draw < SCOPE):
            opener, cancels = scopes.pop(), rng.integers(2)
            tokens[t], labels[t] = CLOSE + cancels, CANCELLED + 1 + tokens[opener] - OPEN
            labels[opener] = KEPT + cancels
        elif len(scopes) < DEPTH and length - t > len(scopes) + 1 and (t == 0 or draw > 1 - SCOPE):
            tokens[t] = OPEN + rng.integers(MODES)
            scopes.append(t)
        else:
            mode = 1 + tokens[scopes[-1]] - OPEN if scopes else 0
            tokens[t] = rng.integers(SYMBOLS)
            labels[t] = (tokens[t] + mode) % SYMBOLS
    return tokens, labels


def sentences(count: int, seed: int) -> Tagged:
    """So many sentences of 30 to 100 tokens."""
    rng = np.random.default_rng(seed)
    pairs = [sentence(rng, int(rng.integers(SHORTEST, LONGEST + 1))) for _ in range(count)]
    return [tokens for tokens, _ in pairs], [labels for _, labels in pairs]


def opens(tokens: Ids) -> npt.NDArray[np.bool_]:
    """Where the label needs the future."""
    return (tokens >= OPEN) & (tokens < CLOSE)


@dataclass(frozen=True)
class Score:
    """Shares of right labels."""

    tokens: float
    past: float  # tokens whose label the tokens so far decide
    future: float  # openers
    sequences: float  # sentences without a mistake


def score(predicted: Sequence[Ids], data: Tagged) -> Score:
    """How right the labels of every sentence are."""
    right = [p == labels for p, labels in zip(predicted, data[1], strict=True)]
    flat, ahead = np.concatenate(right), opens(np.concatenate(data[0]))
    return Score(
        tokens=float(flat.mean()),
        past=float(flat[~ahead].mean()),
        future=float(flat[ahead].mean()),
        sequences=float(np.mean([r.all() for r in right])),
    )


@dataclass(frozen=True)
class Tagger:
    """A recurrent layer between an embedding and a readout at every step."""

    name: str
    layer: Callable[[int, int], rc.Layer]
    directions: int = 1

    def network(self, units: int, seed: int) -> rc.Network:
        """So many units in each direction."""
        layers = [
            rc.Embedding(TOKENS, EMBEDDED),
            self.layer(EMBEDDED, units),
            rc.Linear(self.directions * units, LABELS),
        ]
        return rc.Network(layers, seed=seed)

    def units(self, parameters: int) -> int:
        """The most units with which the whole network has at most so many parameters."""
        units = 1
        while self.network(units + 1, 0).flat.size <= parameters:
            units += 1
        return units


def both_ways(inputs: int, units: int) -> rc.Layer:
    """A GRU in each direction."""
    return rc.Bidirectional(rc.GRU(inputs, units))


TAGGERS = (Tagger("LSTM", rc.LSTM), Tagger("GRU", rc.GRU), Tagger("bidirectional GRU", both_ways, 2))


@dataclass(frozen=True)
class Task:
    """Data and settings that all networks share."""

    training: Tagged
    validation: Tagged
    test: Tagged
    parameters: int
    epochs: int
    rates: Sequence[float]
    widths: Sequence[int]  # of the windows' sides
    seeds: Sequence[int]
    batch_size: int = 32


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    counts = (500, 50, 100) if quick else (2400, 300, 1000)
    training, validation, test = (sentences(count, seed) for seed, count in enumerate(counts, 1))
    return Task(
        training=training,
        validation=validation,
        test=test,
        parameters=3000 if quick else 12000,
        epochs=15 if quick else 30,
        rates=(2e-2,) if quick else (1e-2, 3e-2),
        widths=(2,) if quick else (8, 16, 32),
        seeds=(0,) if quick else (0, 1, 2),
    )


@dataclass(frozen=True)
class Tagging:
    """What a labeller gave on data that it has not seen."""

    validation: Score
    test: Score
    seconds: float


def label(net: rc.Network, tokens: Sequence[Ids]) -> list[Ids]:
    """The likeliest label of every token."""
    lengths = [len(sequence) for sequence in tokens]
    padded = np.zeros((len(tokens), max(lengths)), np.int64)
    for row, sequence in zip(padded, tokens, strict=True):
        row[: len(sequence)] = sequence
    best = net(padded, lengths=lengths).argmax(axis=2)
    return [row[:length] for row, length in zip(best, lengths, strict=True)]


def train(tagger: Tagger, units: int, rate: float, seed: int, task: Task) -> Tagging:
    """Train one network."""
    net = tagger.network(units, seed)
    history = rc.fit(
        net,
        *task.training,
        loss="cross_entropy",
        optimizer=rc.Adam(rate),
        schedule=rc.CosineDecay(task.epochs),
        epochs=task.epochs,
        batch_size=task.batch_size,
        clip_norm=1.0,
        progress=False,
        seed=seed,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    validation, test = (score(label(net, data[0]), data) for data in (task.validation, task.test))
    return Tagging(validation, test, sum(history.seconds))


def train_window(classifier: Classifier, width: int, seed: int, task: Task) -> Tagging:
    """Fit a classifier of windows, which sees so many tokens on either side."""
    start = time.perf_counter()
    predict = classifier(*task.training, width, TOKENS, seed)
    seconds = time.perf_counter() - start
    validation, test = (score(predict(data[0]), data) for data in (task.validation, task.test))
    return Tagging(validation, test, seconds)


def wrong(result: Tagging) -> float:
    """What the search makes small."""
    return 1 - result.validation.tokens


def row(found: Found[float, Tagging] | Found[int, Tagging], setting: str, parameters: str) -> list[str]:
    """A line of the table."""
    shares = [
        report.median([getattr(result.test, name) for result in found.results], ".1%")
        for name in ("tokens", "past", "future", "sequences")
    ]
    seconds = sorted(result.seconds for result in found.results)[len(found.results) // 2]
    return [found.name, setting, parameters, *shares, f"{seconds:.1f}"]


def run(options: argparse.Namespace) -> dict[str, Score]:
    """Print the study; the first seed's scores on the test sentences."""
    t = task(options.quick)
    share = np.mean(opens(np.concatenate(t.test[0])))
    report.print_header(
        "Labels of nested scopes",
        options.command,
        f"{len(t.training[0])} training, {len(t.validation[0])} validation and {len(t.test[0])} test "
        f"sentences of {SHORTEST} to {LONGEST} tokens, scopes at most {DEPTH} deep; {TOKENS} tokens, "
        f"{LABELS} labels; at most {t.parameters} parameters per network, of them an embedding of size "
        f"{EMBEDDED} and the readout; Adam, batch {t.batch_size}, clip_norm 1, {t.epochs} epochs, the rate "
        f"falling by a cosine from one of {', '.join(f'{rate:g}' for rate in t.rates)}, chosen by validation "
        f"with a seed of its own; seeds {', '.join(map(str, t.seeds))}",
        f"Windows: scikit-learn's logistic regression and a perceptron with one hidden layer on the one-hot "
        f"tokens at most k steps away on either side, k from {', '.join(map(str, t.widths))} by validation",
        f"Shares of right labels on the test sentences, median and all seeds: of all tokens, of those that "
        f"the past decides, of the openers ({share:.1%} of the tokens), which need the future, and of "
        "sentences without a mistake. Seconds: of one training, median",
    )
    rows, scores, searches = [], {}, []
    for name, classifier, seeds in (
        ("logistic regression, window", logistic, t.seeds[:1]),  # nothing in it is drawn by a seed
        ("perceptron, window", perceptron, t.seeds),
    ):
        fit = partial(train_window, classifier, task=t)
        window = search(name, t.widths, fit, wrong, seeds)
        rows.append(row(window, f"k = {window.setting}", ""))
        scores[name] = window.results[0].test
        searches.append((name, {f"k = {k}": error for k, error in window.searched.items()}))
    for tagger in TAGGERS:
        units = tagger.units(t.parameters)
        found = search(tagger.name, t.rates, partial(train, tagger, units, task=t), wrong, t.seeds)
        size = tagger.network(units, 0).flat.size
        rows.append(row(found, f"{units} units, rate {found.setting:g}", str(size)))
        scores[tagger.name] = found.results[0].test
        searches.append((tagger.name, {f"{rate:g}": error for rate, error in found.searched.items()}))
    columns = ("labeller", "setting", "parameters", "tokens", "past", "future", "sequences", "seconds")
    report.print_table(columns, rows)
    print("Wrong labels of the search, on the validation sentences:\n")
    for name, errors in searches:
        print(f"- {name}: {', '.join(f'{setting}: {error:.1%}' for setting, error in errors.items())}")
    print(flush=True)
    return scores
