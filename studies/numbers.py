"""From letters to digits and from digits to letters: numbers below a million, read and said.

An encoder reads a number in one script, a decoder writes it in the other: without attention (I. Sutskever et
al., NIPS 2014), with the additive one (D. Bahdanau et al., ICLR 2015) or with that of dot products (M.-T.
Luong et al., EMNLP 2015). The numbers to learn from, to choose a rate by and to test with are all different.
Beside them: the answer of the most similar number, and logistic regression of every place of the answer.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import recurra as rc

from studies import report
from studies.copying import by_place, nearest
from studies.numerals import IN_DIGITS, IN_LETTERS, Ids, Script, distance, draw
from studies.search import Found, search

Pairs = tuple[list[Ids], list[Ids]]  # sources and targets
Kind = Literal["additive", "dot"]
ATTENTIONS: dict[str, Kind | None] = {
    "no attention": None,
    "additive attention": "additive",
    "dot attention": "dot",
}

EMBEDDED = 16


@dataclass(frozen=True)
class Task:
    """Data and settings of one direction."""

    source: Script
    target: Script
    training: Pairs
    validation: Pairs
    test: Pairs
    units: int  # of the encoder in each direction; the decoder has twice as many
    epochs: int
    rates: Sequence[float]
    seeds: Sequence[int]
    beam: int = 4
    batch_size: int = 32

    @property
    def end(self) -> int:
        """The id behind a target's last symbol, and the number of symbols."""
        return len(self.target.symbols)

    @property
    def longest(self) -> int:
        """No answer is longer than this."""
        return max(map(len, self.training[1])) + 5


def task(quick: bool, back: bool) -> Task:
    """The study's, or one of seconds."""
    source, target = (IN_DIGITS, IN_LETTERS) if back else (IN_LETTERS, IN_DIGITS)
    counts = (800, 50, 50) if quick else (2000, 500, 1000)
    numbers = iter(draw(sum(counts), seed=1))
    parts = []
    for count in counts:
        part = [next(numbers) for _ in range(count)]
        parts.append(([source.write(n) for n in part], [target.write(n) for n in part]))
    training, validation, test = parts
    return Task(
        source,
        target,
        training,
        validation,
        test,
        units=48,
        epochs=12 if quick else 20,
        rates=(1e-2,) if quick else (3e-3, 1e-2, 3e-2),
        seeds=(0,) if quick else (0, 1, 2),
    )


def network(t: Task, attention: Kind | None, seed: int) -> rc.Network:
    """A bidirectional GRU that reads, and a GRU of as many units in all that writes."""
    symbols, units = len(t.target.symbols), 2 * t.units
    looking: list[rc.Layer] = []
    if attention is not None:
        looking = [rc.Attention(attention, size=units if attention == "additive" else None)]
    encoder = [
        rc.Embedding(len(t.source.symbols), EMBEDDED),
        rc.Bidirectional(rc.GRU(EMBEDDED, t.units)),
    ]
    decoder = [
        rc.Embedding(symbols + 2, EMBEDDED),
        rc.GRU(EMBEDDED, units),
        *looking,
        rc.Linear((1 + len(looking)) * units, symbols + 1),
    ]
    return rc.Network([rc.EncoderDecoder(encoder, decoder, start=symbols + 1, end=t.end)], seed=seed)


@dataclass(frozen=True)
class Score:
    """How right answers are."""

    exact: float  # share of answers without a mistake
    edits: float  # edits that would make them right, per symbol of the right answers


def score(answers: Sequence[Ids], targets: Sequence[Ids]) -> Score:
    """Of answers to the targets' sources."""
    edits = [distance(a.tolist(), b.tolist()) for a, b in zip(answers, targets, strict=True)]
    return Score(float(np.mean(np.array(edits) == 0)), sum(edits) / sum(map(len, targets)))


@dataclass(frozen=True)
class Outcome:
    """What a translator gave on numbers that it has not seen."""

    validation: Score
    greedy: Score
    beam: Score
    seconds: float
    parameters: int


def answer(net: rc.Network, sources: Sequence[Ids], t: Task, beam: int) -> list[Ids]:
    """What the network writes."""
    padded = np.zeros((len(sources), max(map(len, sources))), np.int64)
    for row, source in zip(padded, sources, strict=True):
        row[: len(source)] = source
    written = net.decode(padded, lengths=[len(s) for s in sources], max_length=t.longest, beam=beam)
    return [best.symbols for best, *_ in written]


def train(attention: Kind | None, rate: float, seed: int, t: Task) -> Outcome:
    """Train one network, and let it answer."""
    net = network(t, attention, seed)
    sources, targets = t.training
    history = rc.fit(
        net,
        sources,
        [np.append(target, t.end) for target in targets],
        loss="cross_entropy",
        optimizer=rc.Adam(rate),
        schedule=rc.CosineDecay(t.epochs),
        epochs=t.epochs,
        batch_size=t.batch_size,
        clip_norm=1.0,
        progress=False,
        seed=seed,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    return Outcome(
        validation=score(answer(net, t.validation[0], t, 1), t.validation[1]),
        greedy=score(answer(net, t.test[0], t, 1), t.test[1]),
        beam=score(answer(net, t.test[0], t, t.beam), t.test[1]),
        seconds=sum(history.seconds),
        parameters=net.flat.size,
    )


def wrong(outcome: Outcome) -> float:
    """What the search makes small."""
    return 1 - outcome.validation.exact


def without_network(t: Task) -> dict[str, Score]:
    """Scores of what needs no recurrent network."""
    symbols, (sources, targets) = len(t.source.symbols), t.training
    questions, wanted = t.test
    return {
        "answer of the most similar number": score(nearest(sources, targets, symbols, questions), wanted),
        "logistic regression, place by place": score(by_place(sources, targets, symbols, questions), wanted),
    }


def row(name: str, found: Found[float, Outcome]) -> list[str]:
    """A line of the table."""
    outcomes = found.results
    columns = [
        report.median([o.greedy.exact for o in outcomes], ".1%"),
        report.median([o.beam.exact for o in outcomes], ".1%"),
        report.median([o.greedy.edits for o in outcomes], ".3f"),
    ]
    seconds = statistics.median(o.seconds for o in outcomes)
    return [name, str(outcomes[0].parameters), f"{found.setting:g}", *columns, f"{seconds:.1f}"]


def run(options: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Print the study; the outcomes by network."""
    t = task(options.quick, options.back)
    report.print_header(
        f"Numbers from {t.source.name} to {t.target.name}",
        options.command,
        f"{len(t.training[0])} training, {len(t.validation[0])} validation and {len(t.test[0])} test numbers "
        f"below a million, all different, with n + 1 drawn uniformly in its logarithm; answers of "
        f"{np.mean([len(y) for y in t.test[1]]):.1f} symbols on average, such as "
        f'"{t.source.spell(t.test[0][0])}" -> "{t.target.spell(t.test[1][0])}"',
        f"Networks: embeddings of size {EMBEDDED}, a bidirectional GRU of {t.units} units in each direction "
        f"that reads, a GRU of {2 * t.units} that writes, float32; Adam, batch {t.batch_size}, clip_norm 1, "
        f"{t.epochs} epochs, the rate falling by a cosine from one of "
        f"{', '.join(f'{rate:g}' for rate in t.rates)}, chosen by greedy answers to the validation numbers "
        f"with a seed of its own; seeds {', '.join(map(str, t.seeds))}",
        f"Share of test numbers answered without a mistake, by greedy search and by a beam of {t.beam}, and "
        "edits (insertions, deletions, replacements) per symbol that the greedy answers need: median and all "
        "seeds. Seconds: of one training, median",
    )
    rows = [
        [name, "", "", f"{plain.exact:.1%}", "", f"{plain.edits:.3f}", ""]
        for name, plain in without_network(t).items()
    ]
    outcomes, searches = {}, []
    for name, attention in ATTENTIONS.items():
        found = search(name, t.rates, partial(train, attention, t=t), wrong, t.seeds)
        rows.append(row(name, found))
        outcomes[name] = found.results
        tried = [f"{rate:g}: {error:.1%}" for rate, error in found.searched.items()]
        searches.append(f"{name}: {', '.join(tried)}")
    columns = ("translator", "parameters", "rate", "greedy", f"beam of {t.beam}", "edits", "seconds")
    report.print_table(columns, rows)
    print("Wrong answers of the search, on the validation numbers:\n")
    for line in searches:
        print(f"- {line}")
    print(flush=True)
    return outcomes
