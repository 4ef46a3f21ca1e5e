"""Identify a nonlinear plant from noisy records, and simulate it on inputs that it has not seen.

A NARX network (S. A. Billings, Nonlinear System Identification, Wiley 2013) learns the next output from the
measured ones (series-parallel, ``teacher=True``), then some more with its own outputs fed back (parallel). It
stands beside a linear ARX model by least squares. What counts is the simulation: from the inputs alone, with
the model's own outputs fed back, compared with what the plant really did.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import recurra as rc

from studies import report
from studies.arx import Arx
from studies.plants import HOLD, NOISE, PLANTS, Array, Plant, Record, nrmse, probe, record, typical
from studies.search import search

Orders = tuple[int, int]  # past outputs n, past inputs m: y_t of y_{t-1} .. y_{t-n} and u_t .. u_{t-m}


@dataclass(frozen=True)
class Task:
    """Data and settings of one plant."""

    plant: Plant
    training: Record
    validation: Record
    test: Record
    probe: Record
    hidden: int
    epochs: int
    tuning: int  # epochs in closed loop, after the others
    linear_orders: Sequence[Orders]
    orders: Sequence[Orders]
    tuning_rates: Sequence[float]
    seeds: Sequence[int]
    rate: float = 1e-2
    batch_size: int = 4


def task(plant: Plant, quick: bool) -> Task:
    """The study's, or one of seconds."""
    steps = 200
    training, validation, test = (
        record(plant, count, steps, seed) for seed, count in enumerate((8 if quick else 40, 10, 20), 1)
    )
    return Task(
        plant,
        training,
        validation,
        test,
        probe(plant, 1000),
        hidden=8 if quick else 32,
        epochs=200 if quick else 1500,
        tuning=20 if quick else 200,
        linear_orders=[(n, m) for n in range(1, 3 if quick else 7) for m in range(2 if quick else 7)],
        orders=((3, 1),) if quick else ((1, 0), (2, 1), (3, 1), (5, 3)),
        tuning_rates=(3e-3,) if quick else (3e-4, 1e-3, 3e-3, 1e-2),
        seeds=(0,) if quick else (0, 1, 2),
    )


@dataclass(frozen=True)
class Errors:
    """Normalised root mean squared errors; all but `one_step` of the simulation in closed loop."""

    validation: float  # against the measured outputs
    one_step: float  # of the fresh inputs, from the plant's true outputs so far
    test: float  # of the fresh inputs
    typical: float  # the same, but in the median over steps
    probe: float  # of the paper's test input
    seconds: float


def narx(plant: Plant, hidden: int, orders: Orders, seed: int) -> rc.Network:
    """One hidden layer of tanh on the past inputs and outputs."""
    n, m = orders
    seen = (m + 1) * plant.inputs + n * plant.outputs
    feedback = rc.Feedback([rc.Linear(seen, hidden), rc.Tanh(), rc.Linear(hidden, plant.outputs)], delays=n)
    past = [rc.Delay(m, input_size=plant.inputs)] if m else []
    return rc.Network([*past, feedback], dtype="float64", seed=seed)


def scale(t: Task) -> Array:
    """What the outputs are divided by for the networks."""
    deviations: Array = t.training.measured.std(axis=(0, 1))
    return deviations


def measure(net: rc.Network, t: Task, seconds: float) -> Errors:
    """The errors of a network."""
    unit = scale(t)
    simulated = net(t.test.u) * unit
    return Errors(
        validation=nrmse(net(t.validation.u) * unit, t.validation.measured),
        one_step=nrmse(net(t.test.u, teacher=t.test.y / unit) * unit, t.test.y),
        test=nrmse(simulated, t.test.y),
        typical=typical(simulated, t.test.y),
        probe=nrmse(net(t.probe.u) * unit, t.probe.y),
        seconds=seconds,
    )


def learn(net: rc.Network, t: Task, seed: int, epochs: int, rate: float, teacher: bool) -> float:
    """Train in place, with the measured outputs fed back or the network's own; the seconds it took."""
    history = rc.fit(
        net,
        t.training.u,
        t.training.measured / scale(t),
        teacher=True if teacher else None,
        optimizer=rc.Adam(rate),
        schedule=rc.CosineDecay(epochs),
        epochs=epochs,
        batch_size=t.batch_size,
        clip_norm=1.0,
        progress=False,
        seed=seed,
    )
    if history.interrupted:
        raise KeyboardInterrupt
    return sum(history.seconds)


@dataclass(frozen=True)
class Narx:
    """A trained network."""

    orders: Orders
    net: rc.Network
    errors: Errors


def teach(orders: Orders, seed: int, t: Task) -> Narx:
    """Train a network series-parallel."""
    net = narx(t.plant, t.hidden, orders, seed)
    seconds = learn(net, t, seed, t.epochs, t.rate, teacher=True)
    return Narx(orders, net, measure(net, t, seconds))


def tune(taught: Narx, rate: float, seed: int, t: Task) -> Narx:
    """Train a copy of it some more, in closed loop."""
    net = narx(t.plant, t.hidden, taught.orders, seed)
    net.flat[:] = taught.net.flat
    seconds = learn(net, t, seed, t.tuning, rate, teacher=False)
    return Narx(taught.orders, net, measure(net, t, taught.errors.seconds + seconds))


def linear(orders: Orders, seed: int, t: Task) -> Errors:
    """The ARX model, in which nothing is drawn by a seed."""
    del seed
    start = time.perf_counter()
    model = Arx.fit(t.training.u, t.training.measured, *orders)
    seconds = time.perf_counter() - start
    simulated = model.simulate(t.test.u)
    return Errors(
        validation=nrmse(model.simulate(t.validation.u), t.validation.measured),
        one_step=nrmse(model.one_step(t.test.u, t.test.y), t.test.y),
        test=nrmse(simulated, t.test.y),
        typical=typical(simulated, t.test.y),
        probe=nrmse(model.simulate(t.probe.u), t.probe.y),
        seconds=seconds,
    )


def row(name: str, setting: str, errors: Sequence[Errors]) -> list[str]:
    """A line of the table."""
    columns = [
        report.median([getattr(e, name) for e in errors], ".3f")
        for name in ("one_step", "test", "typical", "probe")
    ]
    seconds = statistics.median(e.seconds for e in errors)
    return [name, setting, *columns, f"{seconds:.1f}"]


def identify(t: Task) -> dict[str, list[Errors]]:
    """Print the table of one plant."""
    arx = search("ARX", t.linear_orders, partial(linear, t=t), lambda e: e.validation, t.seeds[:1])
    taught = cache(partial(teach, t=t))  # the search's network is tuned again and again
    narx = search("NARX", t.orders, taught, lambda result: result.errors.validation, t.seeds)
    loop = search(
        "NARX in closed loop", t.tuning_rates,
        lambda rate, seed: tune(taught(narx.setting, seed), rate, seed, t),
        lambda result: result.errors.validation, t.seeds,
    )  # fmt: skip
    results = {
        "ARX, least squares": arx.results,
        "NARX, series-parallel": [result.errors for result in narx.results],
        "NARX, then in closed loop": [result.errors for result in loop.results],
    }
    orders = [f"n, m = {n}, {m}" for n, m in (arx.setting, narx.setting)]
    settings = [*orders, f"{orders[1]}, rate {loop.setting:g}"]
    rows = [row(name, setting, results[name]) for name, setting in zip(results, settings, strict=True)]
    report.print_table(
        ("model", "setting", "one step", "simulation", "median step", "paper's input", "seconds"), rows
    )
    tried = [f"({n}, {m}): {error:.3f}" for (n, m), error in narx.searched.items()]
    tuned = [f"{rate:g}: {error:.3f}" for rate, error in loop.searched.items()]
    print(
        "Simulation errors of the search, on the noisy validation records: ARX "
        f"{arx.searched[arx.setting]:.3f} at the best of {len(t.linear_orders)} pairs; NARX "
        f"{', '.join(tried)}; then in closed loop at rate {', '.join(tuned)}.\n"
    )
    return results


def run(options: argparse.Namespace) -> dict[str, dict[str, list[Errors]]]:
    """Print the study; the errors by plant and model."""
    tasks = [task(plant, options.quick) for plant in PLANTS]
    t = tasks[0]
    count, steps, _ = t.training.u.shape
    report.print_header(
        "Identification of nonlinear plants",
        options.command,
        f"{count} training, {len(t.validation.u)} validation and {len(t.test.u)} test records of {steps} "
        f"steps from rest, inputs uniform in +-1, in every other record held for 1 to {HOLD} steps; outputs "
        f"measured with noise of {NOISE:.0%} of their deviation, but for the tests, where they are without",
        f"NARX: {t.hidden} hidden units, float64, Adam, batch {t.batch_size}, clip_norm 1, {t.epochs} epochs "
        f"with the measured outputs as teacher at a rate falling from {t.rate:g} by a cosine; then, in the "
        f"last line, {t.tuning} epochs more without teacher, from a rate of "
        f"{', '.join(f'{rate:g}' for rate in t.tuning_rates)}; seeds {', '.join(map(str, t.seeds))}",
        "Orders n, m (past outputs, past inputs beside the present one) and the last rate are those with the "
        "least simulation error on the validation records, by one run each with a seed of its own",
        "Normalised root mean squared error, median and all seeds: one step ahead of the true outputs, in "
        "simulation on the test inputs (and, in the median step, with a median over steps instead of the "
        "mean), and in simulation of the paper's own test of "
        f"{t.probe.u.shape[1]} steps. Seconds: of one training, median",
    )
    results = {}
    for t in tasks:
        print(f"{t.plant.name[0].upper()}{t.plant.name[1:]}: {t.plant.equation}.\n")
        results[t.plant.name] = identify(t)
    return results
