"""Language models: words and characters of a grammar whose entropy is known, and of Python's own manual."""

from __future__ import annotations

import argparse
import importlib.util
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies import grammar, report
from studies.cells import OPEN
from studies.kneser_ney import KneserNey

Ids = npt.NDArray[np.int64]

ORDER, BATCH, WINDOW, CLIP = 5, 20, 35, 1.0
ONLINE_WINDOW, ONLINE_RATE = 5, 0.1


@dataclass(frozen=True)
class Sizes:
    """How much is learned, and how long."""

    sentences: tuple[int, int]  # of the grammar, for training and test
    characters: int  # of the manual
    units: int
    epochs: tuple[int, int]  # words, characters
    rate: float = 2e-3


FULL = Sizes((10_000, 2000), 400_000, 128, (8, 5))
QUICK = Sizes((600, 150), 12_000, 24, (40, 6), 1e-2)


@dataclass(frozen=True)
class Task:
    """A text as ids, in parts, and what is known of it."""

    name: str
    tokenizer: rc.text.Tokenizer
    training: Ids
    test: Ids
    epochs: int
    rate: float | None = None  # the exact entropy rate, nats per token
    of_test: float | None = None  # what the source itself gives the test text, nats per token


@dataclass(frozen=True)
class Result:
    """A model's perplexity on the test text."""

    model: str
    perplexity: float
    updates: int = 0
    seconds: float = math.nan


def grammar_tasks(sizes: Sizes) -> list[Task]:
    """Sentences of the grammar, by words and by characters."""
    rules = grammar.make_rules()
    exact = grammar.rates(rules)
    training, _ = grammar.text(rules, sizes.sentences[0], seed=1)
    test, log_probability = grammar.text(rules, sizes.sentences[1], seed=2)
    tasks = []
    for kind, spread, epochs in (
        (rc.text.WordTokenizer, exact.words, sizes.epochs[0]),
        (rc.text.CharTokenizer, exact.characters, sizes.epochs[1]),
    ):
        tokenizer = kind.build(training)
        learned, tested = (tokenizer.encode(part, start=True) for part in (training, test))
        of_test = -log_probability / (len(tested) - 1)
        name = f"grammar, {tokenizer.level}s"
        tasks.append(Task(name, tokenizer, learned, tested, epochs, exact.entropy / spread, of_test))
    return tasks


def manual(characters: int) -> str:
    """Texts of the language reference that comes with Python, its words apart from punctuation."""
    from pydoc_data.topics import topics

    text = "\n".join(topics[name] for name in sorted(topics))[:characters]
    return re.sub(r"[ \t]+", " ", re.sub(r"([^\w\s])", r" \1 ", text)).lower()


def manual_tasks(sizes: Sizes) -> list[Task]:
    """Python's manual, by words and by characters; the last tenth is the test."""
    text = manual(sizes.characters)
    cut = text.index("\n", len(text) * 9 // 10) + 1
    tasks = []
    for kind, least, epochs in (
        (rc.text.WordTokenizer, 3, sizes.epochs[0]),
        (rc.text.CharTokenizer, 1, sizes.epochs[1]),
    ):
        tokenizer = kind.build(text[:cut], min_count=least)
        learned, tested = (tokenizer.encode(part, start=True) for part in (text[:cut], text[cut:]))
        tasks.append(Task(f"manual, {tokenizer.level}s", tokenizer, learned, tested, epochs))
    return tasks


def make_lstm(task: Task, sizes: Sizes) -> rc.Network:
    """An embedding, an LSTM, a readout."""
    tokens, units = len(task.tokenizer), sizes.units
    layers = [rc.Embedding(tokens, units), rc.LSTM(units, units), rc.Linear(units, tokens)]
    return rc.Network(layers, seed=0, init=OPEN)


def updates(task: Task) -> int:
    """Of a training by tracks."""
    return task.epochs * math.ceil(math.ceil((len(task.training) - 1) / BATCH) / WINDOW)


def counted(task: Task, sizes: Sizes) -> Result:
    """The 5-gram."""
    start = time.perf_counter()
    model = KneserNey(task.training, ORDER, len(task.tokenizer))
    seconds = time.perf_counter() - start
    return Result(f"Kneser-Ney {ORDER}-gram", model.perplexity(task.test), 0, seconds)


def lstm(task: Task, sizes: Sizes) -> Result:
    """Truncated BPTT over tracks."""
    network = make_lstm(task, sizes)
    x, y, lengths = rc.text.tracks(task.training, WINDOW, BATCH)
    history = rc.fit(
        network,
        x,
        y,
        lengths=lengths,
        loss="cross_entropy",
        optimizer=rc.Adam(sizes.rate),
        epochs=task.epochs,
        batch_size=BATCH,
        clip_norm=CLIP,
        shuffle=False,
        stateful=True,
        progress=False,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    found = rc.text.perplexity(network, task.test)
    return Result("LSTM", found, updates(task), sum(history.seconds))


def lstm_torch(task: Task, sizes: Sizes) -> Result:
    """The same in PyTorch."""
    from studies.lm_torch import Twin

    twin = Twin(make_lstm(task, sizes))
    parts = rc.text.tracks(task.training, WINDOW, BATCH)
    seconds = twin.train(parts, BATCH, task.epochs, sizes.rate, CLIP)
    return Result("the same in PyTorch", twin.perplexity(task.test), updates(task), seconds)


def online(task: Task, sizes: Sizes) -> list[Result]:
    """An Elman network that learns token by token, once through the text; then also while it is tested."""
    tokens, units = len(task.tokenizer), sizes.units
    layers = [
        rc.Embedding(tokens, units),
        rc.Elman(units, units, activation="logistic"),
        rc.Linear(units, tokens),
    ]
    network = rc.Network(layers, seed=0)
    start = time.perf_counter()
    rc.text.learn_online(learner(network), task.training)
    seconds = time.perf_counter() - start
    found = rc.text.perplexity(network, task.test)
    dynamic = math.exp(rc.text.learn_online(learner(network), task.test))
    steps = len(task.training) - 1
    return [
        Result("Elman, online", found, steps, seconds),
        Result("Elman, online, dynamic evaluation", dynamic, steps, seconds),
    ]


def learner(network: rc.Network) -> rc.Online:
    """T. Mikolov et al., Interspeech 2010 and ICASSP 2011."""
    return rc.Online(network, rc.BPTT(ONLINE_WINDOW), "cross_entropy", rc.SGD(ONLINE_RATE), clip_norm=CLIP)


def study(task: Task, sizes: Sizes) -> list[Result]:
    """All models on one text."""
    results: list[Result] = []
    if task.rate is not None and task.of_test is not None:
        results.append(Result("entropy rate, exact", math.exp(task.rate)))
        results.append(Result("the grammar itself", math.exp(task.of_test)))
    models: list[Callable[[Task, Sizes], Result]] = [counted, lstm]
    if importlib.util.find_spec("torch") is not None:
        models.append(lstm_torch)
    for model in models:
        print(f"{task.name}, {model.__name__}", file=sys.stderr, flush=True)
        results.append(model(task, sizes))
    if isinstance(task.tokenizer, rc.text.WordTokenizer) and task.rate is not None:
        print(f"{task.name}, online", file=sys.stderr, flush=True)
        results += online(task, sizes)
    return results


def run(options: argparse.Namespace) -> dict[str, list[Result]]:
    """Print the study; the results by text."""
    sizes = QUICK if options.quick else FULL
    tasks = [*grammar_tasks(sizes), *manual_tasks(sizes)]
    report.print_header(
        "Language models",
        options.command,
        f"Test perplexity by token. The grammar's sentences are independent, {sizes.sentences[0]} to learn "
        f"from and {sizes.sentences[1]} to test; its entropy rate is computed, not measured, and what the "
        "grammar gives this test text itself is beside it. The manual is Python's own, as pydoc has it, the "
        "last tenth the test; its words seen fewer than 3 times are one token. Lower case, punctuation apart",
        f"LSTM: {sizes.units} units with as large an embedding, forget biases begin at 1, Adam with rate "
        f"{sizes.rate:g}, {BATCH} tracks, windows of {WINDOW} steps with the state carried on, clip_norm "
        f"{CLIP:g}; PyTorch begins with the same weights and sees the same batches. Elman, on the grammar's "
        f"words: {sizes.units} logistic units, SGD with rate {ONLINE_RATE:g} after every token, errors over "
        f"{ONLINE_WINDOW} steps, once through the text; dynamic evaluation goes on learning while it is "
        f"tested. {sizes.epochs[0]} epochs of words, {sizes.epochs[1]} of characters. Seconds: of training",
    )
    found = {}
    for task in tasks:
        found[task.name] = study(task, sizes)
        print(
            f"{task.name}: {len(task.training) - 1} tokens to learn from, {len(task.test) - 1} to test, "
            f"vocabulary {len(task.tokenizer)}\n"
        )
        report.print_table(("model", "perplexity", "updates", "seconds"), [_row(r) for r in found[task.name]])
    return found


def _row(result: Result) -> list[str]:
    seconds = "" if math.isnan(result.seconds) else f"{result.seconds:.1f}"
    return [result.model, f"{result.perplexity:.3f}", str(result.updates or ""), seconds]
