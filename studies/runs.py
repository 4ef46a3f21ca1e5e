"""One training run, and the search for a learning rate that every cell gets alike."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies.cells import ENTRIES, Entry

Array: TypeAlias = npt.NDArray[Any]
Data: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class Problem:
    """Data and settings that all cells share."""

    training: Data
    validation: Data
    test: Data
    outputs: int
    loss: Literal["mse", "cross_entropy"]
    parameters: int
    epochs: int
    batch_size: int
    clip_norm: float
    rates: Sequence[float]
    seeds: Sequence[int]

    @property
    def updates_per_epoch(self) -> int:
        """Updates in an epoch."""
        return math.ceil(len(self.training[0]) / self.batch_size)

    def settings(self) -> str:
        """The settings in words."""
        return (
            f"{len(self.training[0])} training, {len(self.validation[0])} validation and {len(self.test[0])} "
            f"test sequences, float32; at most {self.parameters} parameters per network, readout included; "
            f"Adam (betas 0.9 and 0.999), batch {self.batch_size}, clip_norm {self.clip_norm:g}, "
            f"{self.epochs} epochs = {self.epochs * self.updates_per_epoch} updates; "
            f"learning rate from {', '.join(f'{rate:g}' for rate in self.rates)} by one run each with a seed "
            f"of its own ({SEARCH_SEED}); seeds {', '.join(map(str, self.seeds))}"
        )


@dataclass
class Run:
    """What training gave: scores are what a study calls the error, the smaller the better."""

    validation: list[float]  # loss after each epoch
    final: tuple[float, float]  # error and loss on the validation set
    test: float  # error on the test set
    seconds: float

    def updates_to(self, loss: float, per_epoch: int) -> int | None:
        """Updates after which the validation loss was first below `loss`, to the next whole epoch."""
        return next((e * per_epoch for e, v in enumerate(self.validation, 1) if v < loss), None)


@dataclass
class Outcome:
    """A cell's rate and its runs, one per seed."""

    name: str
    units: int
    parameters: int
    rate: float
    searched: dict[float, float]  # validation error by rate
    runs: list[Run] = field(default_factory=list)


SEARCH_SEED = 1000
FAILED = Run([], (math.inf, math.inf), math.inf, math.nan)


def error(net: rc.Network, problem: Problem, data: Data) -> float:
    """Mean squared error, or the share of wrong classes."""
    if problem.loss == "mse":
        return rc.evaluate(net, *data, loss="mse")
    return float(np.mean(net(data[0]).argmax(axis=1) != data[1]))


def train(entry: Entry, units: int, rate: float, seed: int, problem: Problem) -> Run:
    """Train one network. One that diverges counts as infinitely bad."""
    print(f"{entry.name}, rate {rate:g}, seed {seed}", file=sys.stderr, flush=True)
    inputs = problem.training[0].shape[2]
    net = entry.network(inputs, units, problem.outputs, seed)
    try:
        history = rc.fit(
            net,
            *problem.training,
            loss=problem.loss,
            optimizer=rc.Adam(rate),
            epochs=problem.epochs,
            batch_size=problem.batch_size,
            clip_norm=problem.clip_norm,
            validation=problem.validation,
            progress=False,
            seed=seed,
        )
    except OverflowError:
        return FAILED
    if history.interrupted:
        raise KeyboardInterrupt
    final = (error(net, problem, problem.validation), history.validation_loss[-1])
    return Run(history.validation_loss, final, error(net, problem, problem.test), sum(history.seconds))


def study(problem: Problem, entries: Sequence[Entry] = ENTRIES) -> list[Outcome]:
    """For each cell: search its rate on the validation set, then run all seeds with it."""
    outcomes = []
    for entry in entries:
        inputs = problem.training[0].shape[2]
        units = entry.units(inputs, problem.outputs, problem.parameters)
        searched = {r: train(entry, units, r, SEARCH_SEED, problem).final for r in problem.rates}
        rate = min(searched, key=lambda r: searched[r])
        parameters = entry.network(inputs, units, problem.outputs, 0).flat.size
        errors = {r: final[0] for r, final in searched.items()}
        runs = [train(entry, units, rate, seed, problem) for seed in problem.seeds]
        outcomes.append(Outcome(entry.name, units, parameters, rate, errors, runs))
    return outcomes
