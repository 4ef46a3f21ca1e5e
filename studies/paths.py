"""Shortest paths: what a graph network knows after R rounds of messages, distance by distance.

The source of a connected graph shows a colour that flips along the edges of shortest paths; every node has to
tell its own. A message goes one edge further in each round, so that a node further away than R edges has not
heard of the source after R rounds and can only guess. Beside the graph networks an LSTM that reads the edges
one by one and is then asked about each node: edges in a random order, or sorted outwards from the source,
which does half of the work for it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import recurra as rc

from studies import report
from studies.graphs import (
    FEWEST,
    MOST,
    QUESTION,
    STEP_FEATURES,
    Graph,
    Ids,
    both_ways,
    colours,
    distances,
    draw_many,
    marks,
    outwards,
    read_out,
)
from studies.search import Found, search

UNITS = 32  # of the graph networks: states and messages
FURTHEST = 9  # distances from here on share a column
NAMES = [*map(str, range(FURTHEST)), f"{FURTHEST}+"]
FORGET_BIAS = 3.0  # of the LSTM: questions come some forty steps after the source
SCALE = np.float32(4)  # of its one-hot inputs: with 1 it did not learn at all


Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Data:
    """Inputs, the colours wanted, and what else training needs to know."""

    x: Any  # (nodes, 1), or a list of sequences
    y: Any
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A network and how it sees graphs."""

    name: str
    network: Callable[[int], rc.Network]  # of a seed
    data: Callable[[Sequence[Graph]], Data]
    scores: Callable[[rc.Network, Data], Floats]  # of each node, graph after graph
    epochs: int


def gated(rounds: int, seed: int) -> rc.Network:
    """A gated graph network: so many rounds, then two scores at each node."""
    message = rc.Linear(UNITS, UNITS)
    net = rc.GraphNet(rc.GRU(UNITS, UNITS), message=message, rounds=rounds, features="state")
    return rc.Network([rc.Linear(1, UNITS), net, rc.Linear(UNITS, 2)], seed=seed)


def together(graphs: Sequence[Graph]) -> Data:
    """All graphs at once."""
    sizes = [graph.num_nodes for graph in graphs]
    before = np.cumsum(sizes) - sizes
    ends = [np.stack(both_ways(graph)) + first for graph, first in zip(graphs, before, strict=True)]
    source, target = np.concatenate(ends, axis=1)
    x = np.concatenate([marks(graph) for graph in graphs])
    return Data(x, of_all(colours, graphs), {"topology": rc.Graphs(source, target, sizes)})


def graph_scores(net: rc.Network, data: Data) -> Floats:
    """Of all nodes."""
    scores: Floats = net(data.x, data.options["topology"])
    return scores


def lstm(units: int, seed: int) -> rc.Network:
    """Two scores at each step."""
    layers = [rc.LSTM(STEP_FEATURES, units), rc.Linear(units, 2)]
    return rc.Network(layers, seed=seed, init=rc.Init(forget_bias=FORGET_BIAS))


def one_by_one(order: Callable[[Graph], Graph], graphs: Sequence[Graph]) -> Data:
    """Sequences of edges in this order; only the questions behind them count."""
    x = [read_out(order(graph)) * SCALE for graph in graphs]
    mask = [steps[:, QUESTION] > 0 for steps in x]
    y = [np.zeros(len(steps), np.int64) for steps in x]
    for row, asked, graph in zip(y, mask, graphs, strict=True):
        row[asked] = colours(graph)
    return Data(x, y, {"mask": mask})


def lstm_scores(net: rc.Network, data: Data) -> Floats:
    """Of the questions."""
    return np.concatenate([net(x)[asked] for x, asked in zip(data.x, data.options["mask"], strict=True)])


def of_all(what: Callable[[Graph], Ids], graphs: Sequence[Graph]) -> Ids:
    """Numbers of all nodes, graph after graph."""
    return np.concatenate([what(graph) for graph in graphs])


@dataclass(frozen=True)
class Task:
    """Data and settings."""

    training: list[Graph]
    validation: list[Graph]
    test: list[Graph]
    contenders: Sequence[Contender]
    rates: Sequence[float]
    seeds: Sequence[int]
    batch_size: int = 32


def contenders(rounds: Sequence[int], epochs: int, lstm_epochs: int) -> list[Contender]:
    """Graph networks of these rounds, and LSTMs with at most as many parameters."""
    units, parameters = 1, gated(1, 0).flat.size
    while lstm(units + 1, 0).flat.size <= parameters:
        units += 1
    graph_nets = [
        Contender(f"graph network, R = {r}", partial(gated, r), together, graph_scores, epochs)
        for r in rounds
    ]
    orders: Mapping[str, Callable[[Graph], Graph]] = {
        "edges at random": lambda graph: graph,
        "edges outwards": outwards,
    }
    lstms = [
        Contender(f"LSTM, {name}", partial(lstm, units), partial(one_by_one, order), lstm_scores, lstm_epochs)
        for name, order in orders.items()
    ]
    return [*graph_nets, *lstms]


def task(quick: bool) -> Task:
    """The study's, or one of seconds."""
    counts = (600, 50, 100) if quick else (20_000, 500, 1000)
    training, validation, test = (draw_many(count, seed) for seed, count in enumerate(counts, 1))
    return Task(
        training,
        validation,
        test,
        contenders((1, 3), 12, 2) if quick else contenders((1, 2, 4, 8), 4, 16),
        rates=(1e-2,) if quick else (3e-3, 1e-2),
        seeds=(0,) if quick else (0, 1, 2),
    )


@dataclass(frozen=True)
class Outcome:
    """What training gave."""

    wrong: float  # share of wrong colours in the validation graphs
    right: npt.NDArray[np.bool_]  # of each node of the test graphs
    seconds: float
    parameters: int


def train(contender: Contender, rate: float, seed: int, t: Task) -> Outcome:
    """Train one network."""
    net, data = contender.network(seed), contender.data(t.training)
    history = rc.fit(
        net,
        data.x,
        data.y,
        **data.options,
        loss="cross_entropy",
        optimizer=rc.Adam(rate),
        schedule=rc.CosineDecay(contender.epochs),
        epochs=contender.epochs,
        batch_size=t.batch_size,
        clip_norm=1.0,
        progress=False,
        seed=seed,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    wrong, right = (
        contender.scores(net, contender.data(part)).argmax(axis=1) == of_all(colours, part)
        for part in (t.validation, t.test)
    )
    return Outcome(1 - float(wrong.mean()), right, sum(history.seconds), net.flat.size)


def by_distance(outcomes: Sequence[Outcome], t: Task) -> list[float]:
    """Shares of right colours at distances 0, 1, .. and from `FURTHEST` on, median over the outcomes."""
    far = np.minimum(of_all(distances, t.test), FURTHEST)
    return [
        statistics.median(float(outcome.right[far == distance].mean()) for outcome in outcomes)
        for distance in range(FURTHEST + 1)
    ]


def row(found: Found[float, Outcome], t: Task) -> list[str]:
    """A line of the table."""
    outcomes = found.results
    seconds = statistics.median(outcome.seconds for outcome in outcomes)
    return [
        found.name,
        str(outcomes[0].parameters),
        f"{found.setting:g}",
        report.median([float(outcome.right.mean()) for outcome in outcomes], ".1%"),
        *(f"{share:.0%}" for share in by_distance(outcomes, t)),
        f"{seconds:.0f}",
    ]


def plot(path: Path, outcomes: Mapping[str, Sequence[Outcome]], t: Task) -> None:
    """Draw the shares by distance."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, results in outcomes.items():
        axes.plot(by_distance(results, t), marker="o", label=name)
    axes.axhline(0.5, color="0.7", linestyle=":")
    axes.set(title="Right colours after R rounds", xlabel="distance from the source", ylabel="share")
    axes.set_xticks(range(FURTHEST + 1), NAMES)
    figure.legend(loc="outside lower center", ncols=3)
    figure.savefig(path)


def run(options: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Print the study; the outcomes by network."""
    t = task(options.quick)
    far = np.minimum(of_all(distances, t.test), FURTHEST)
    report.print_header(
        "Shortest paths in rounds",
        options.command,
        f"{len(t.training)} training, {len(t.validation)} validation and {len(t.test)} test graphs of "
        f"{FEWEST} to {MOST} nodes, {np.mean([len(graph.edges) for graph in t.test]):.1f} edges on average",
        f"Graph networks: a GRU of {UNITS} units, messages of as many numbers, which are summed, R rounds "
        f"with the same parameters, {t.contenders[0].epochs} epochs. LSTM: at most as many parameters, a "
        f"forget bias that begins at {FORGET_BIAS:g}, a step for the source, each edge and each question, "
        f"inputs one-hot times {SCALE:g}, {t.contenders[-1].epochs} epochs. Float32, Adam, batch "
        f"{t.batch_size}, clip_norm 1, the rate falling by a cosine from one of "
        f"{', '.join(f'{rate:g}' for rate in t.rates)}, chosen by validation with a seed of its own; seeds "
        f"{', '.join(map(str, t.seeds))}",
        "Share of right colours of the test graphs' nodes, median and all seeds, and by the distance from "
        "the source, median; guesses are right half of the time. Seconds: of one training, median",
    )
    rows, outcomes, searches = [], {}, []
    for contender in t.contenders:
        found = search(
            contender.name, t.rates, partial(train, contender, t=t), lambda outcome: outcome.wrong, t.seeds
        )
        rows.append(row(found, t))
        outcomes[contender.name] = found.results
        tried = [f"{rate:g}: {error:.1%}" for rate, error in found.searched.items()]
        searches.append(f"- {contender.name}: {', '.join(tried)}")
    shares = [f"{(far == distance).mean():.1%}" for distance in range(FURTHEST + 1)]
    rows.append(["share of the nodes", "", "", "", *shares, ""])
    report.print_table(("network", "parameters", "rate", "all", *NAMES, "seconds"), rows)
    print("Wrong colours of the search, in the validation graphs:\n")
    print("\n".join(searches), end="\n\n", flush=True)
    if options.plot:
        plot(options.plot, outcomes, t)
    return outcomes
