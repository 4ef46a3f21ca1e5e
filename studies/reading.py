"""Networks that read something, as a tree or as a sequence of symbols, and say of which class it is."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies.cells import OPEN
from studies.search import Found, search
from studies.trees import Ids, Tree, join

Item = TypeVar("Item")
Scores: TypeAlias = npt.NDArray[np.floating[Any]]

EMBEDDED = 32
AT_ONCE = 500  # items that are classified at once
SEARCHED = 3  # the search for a rate learns from the first of so many parts of the training data


@dataclass(frozen=True)
class Inputs:
    """Symbols of sequences, or labels of a forest's nodes."""

    x: list[Ids] | Ids
    forest: rc.Forest | None = None


def sequences(written: Sequence[list[int]]) -> Inputs:
    """Of symbols."""
    return Inputs([np.array(symbols) for symbols in written])


def forest(trees: Sequence[Tree]) -> Inputs:
    """All trees at once."""
    labels, parents, slots = join(trees)
    return Inputs(labels, rc.Forest(parents, slots))


@dataclass(frozen=True)
class Reader(Generic[Item]):
    """How a network sees items, and what it has between an embedding and a readout."""

    name: str
    inputs: Callable[[Sequence[Item]], Inputs]
    symbols: int
    recurrent: Callable[[int], list[rc.Layer]]  # so many units: one vector for each item
    readout: Callable[[int], list[rc.Layer]]

    def network(self, units: int, seed: int) -> rc.Network:
        """So many units."""
        layers = [rc.Embedding(self.symbols, EMBEDDED), *self.recurrent(units), *self.readout(units)]
        return rc.Network(layers, seed=seed, init=OPEN)

    def units(self, parameters: int) -> int:
        """The most units with which the whole network has at most so many parameters."""
        units = 1
        while self.network(units + 1, 0).flat.size <= parameters:
            units += 1
        return units

    def classify(self, net: rc.Network, items: Sequence[Item]) -> Ids:
        """The likeliest class of every item."""
        parts = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
        found: Ids = np.concatenate([scores(net, self.inputs(part)).argmax(axis=1) for part in parts])
        return found


def scores(net: rc.Network, inputs: Inputs) -> Scores:
    """Of every class, a row for each item."""
    if isinstance(inputs.x, np.ndarray):
        found: Scores = net(inputs.x, inputs.forest)
        return found
    lengths = [len(sequence) for sequence in inputs.x]
    padded = np.zeros((len(lengths), max(lengths)), np.int64)
    for row, sequence in zip(padded, inputs.x, strict=True):
        row[: len(sequence)] = sequence
    return net(padded, lengths=lengths)


def lstm(units: int) -> list[rc.Layer]:
    """Over a sequence, to its last state."""
    return [rc.LSTM(EMBEDDED, units), rc.Last()]


def ordered_tree(units: int) -> list[rc.Layer]:
    """An LSTM over trees of two ordered children, to the root's state."""
    return [rc.Tree(rc.LSTM(EMBEDDED, units), arity=2), rc.Readout("root")]


def summed_tree(units: int) -> list[rc.Layer]:
    """An LSTM over trees that sees the sum of a node's children, to the root's state."""
    return [rc.Tree(rc.LSTM(EMBEDDED, units)), rc.Readout("root")]


@dataclass(frozen=True)
class Task(Generic[Item]):
    """Data and settings that all networks share."""

    training: Sequence[Item]
    validation: Sequence[Item]
    test: Sequence[Item]
    answer: Callable[[Item], int]
    parameters: int
    epochs: int
    batch_size: int
    rates: Sequence[float]
    seeds: Sequence[int]

    def answers(self, items: Sequence[Item]) -> Ids:
        """Of all these."""
        return np.array([self.answer(item) for item in items])

    def settings(self) -> str:
        """The settings in words."""
        return (
            f"at most {self.parameters} parameters per network, of them an embedding of size {EMBEDDED} and "
            f"the readout; forget biases begin at 1; float32, Adam, batch {self.batch_size}, clip_norm 1, "
            f"{self.epochs} epochs, the rate falling by a cosine from one of "
            f"{', '.join(f'{rate:g}' for rate in self.rates)}, chosen on the validation data after learning "
            f"from a third of the training data with a seed of its own; "
            f"seeds {', '.join(map(str, self.seeds))}"
        )


@dataclass(frozen=True)
class Outcome:
    """What training gave."""

    validation: float  # share of wrong classes
    right: npt.NDArray[np.bool_]  # of each test item
    seconds: float


@dataclass(frozen=True)
class Compared:
    """A reader of a size, its search, and its outcomes, one per seed."""

    name: str
    units: int
    parameters: int
    found: Found[float, Outcome]
    outcomes: list[Outcome]

    def share(self, among: npt.NDArray[np.bool_]) -> list[float]:
        """Of right classes among these test items, by seed."""
        return [float(outcome.right[among].mean()) for outcome in self.outcomes]

    def columns(self) -> list[str]:
        """What every table begins with."""
        return [self.name, str(self.units), str(self.parameters), f"{self.found.setting:g}"]

    def seconds(self) -> str:
        """Of one training, median."""
        return f"{statistics.median(outcome.seconds for outcome in self.outcomes):.0f}"


def train(
    reader: Reader[Item], units: int, task: Task[Item], items: Sequence[Item], rate: float, seed: int
) -> Outcome:
    """Train one network with these items."""
    net, inputs = reader.network(units, seed), reader.inputs(items)
    history = rc.fit(
        net,
        inputs.x,
        task.answers(items),
        topology=inputs.forest,
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
    right = [reader.classify(net, data) == task.answers(data) for data in (task.validation, task.test)]
    return Outcome(1 - float(right[0].mean()), right[1], sum(history.seconds))


def compare(reader: Reader[Item], task: Task[Item]) -> Compared:
    """Choose a rate, then train with every seed."""
    units = reader.units(task.parameters)
    learn = partial(train, reader, units, task)
    some = task.training[: len(task.training) // SEARCHED]
    found = search(reader.name, task.rates, partial(learn, some), lambda outcome: outcome.validation, ())
    outcomes = []
    for seed in task.seeds:
        print(f"{reader.name}, seed {seed}", file=sys.stderr, flush=True)
        outcomes.append(learn(task.training, found.setting, seed))
    return Compared(reader.name, units, reader.network(units, 0).flat.size, found, outcomes)


def print_search(all_compared: Sequence[Compared]) -> None:
    """The search's validation errors."""
    print("Wrong classes of the search, on the validation data:\n")
    for compared in all_compared:
        tried = [f"{rate:g}: {error:.1%}" for rate, error in compared.found.searched.items()]
        print(f"- {compared.name}: {', '.join(tried)}")
    print(flush=True)
