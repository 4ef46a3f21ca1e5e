"""A training step, no optimizer: forward, mean squared error on every output, backward to all weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import CELLS, Array, copy_weights, flat_gradient
from benchmarks.child import Child, ChildRun
from benchmarks.native import Native
from benchmarks.peak import Peak, peak_of, text
from benchmarks.processors import chosen, keep_to, thread_counts
from benchmarks.summary import best_of, extreme, geometric_mean
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, columns

TIME = 100
COLUMNS = (
    "cell",
    "hidden",
    "batch",
    "threads",
    "recurra",
    "PyTorch",
    "/ ours",
    "JAX",
    "/ ours",
    "GFLOP/s",
    "of peak",
    "spread",
)
WIDTHS = (5, 6, 5, 7, 9, 9, 7, 9, 7, 7, 7, 6)


def jax_child(threads: int) -> Child:
    """Start a process with as many threads: XLA has one for each processor that it may use."""
    flags = (
        f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    )
    return Child(chosen(threads), {"XLA_FLAGS": flags.strip()})


def require_equal(name: str, loss: float, gradient: Array, wanted: float, reference: Array) -> None:
    error = np.linalg.norm(gradient - reference) / np.linalg.norm(reference)
    if abs(loss - wanted) > 1e-5 * wanted or error > 1e-4:
        raise AssertionError(f"{name}: losses {loss} and {wanted}, gradients differ by {error}")


def torch_run(net: rc.Network, cell: str, x: Array, target: Array, loss: float, gradient: Array) -> Run:
    """Make PyTorch's step, found equal to ours."""
    module = CELLS[cell].sequence(net.input_size, net.output_size, batch_first=True)
    copy_weights(net, module, "_l0")
    x_torch, target_torch = torch.from_numpy(x), torch.from_numpy(target)

    def step() -> torch.Tensor:
        module.zero_grad()
        y, _ = module(x_torch)
        found = torch.nn.functional.mse_loss(y, target_torch)
        torch.autograd.backward(found)
        return found

    require_equal(f"PyTorch's {cell}", step().item(), flat_gradient(module, net), loss, gradient)

    def run(count: int) -> None:
        for _ in range(count):
            step()

    return run


def jax_run(
    jax: Child, net: rc.Network, cell: str, x: Array, target: Array, loss: float, gradient: Array
) -> ChildRun:
    """Make JAX's step, found equal to ours."""
    jax.forget()
    weights = tuple(net.parameters[f"0.{name}"] for name in ("weight_ih", "weight_hh", "bias"))
    (found, parts), run = jax.make("benchmarks.peers.jax_training:make", cell, weights, x, target)
    require_equal(f"JAX's {cell}", found, np.concatenate([part.ravel() for part in parts]), loss, gradient)
    return run


def peers(cell: str, hidden: int, batch: int, jax: Child) -> dict[str, Run]:
    """Set all up on the same weights and data, and find their losses and gradients equal."""
    net = CELLS[cell].network(hidden, hidden)
    random = np.random.default_rng(0)
    x, target = (random.standard_normal((batch, TIME, hidden)).astype(np.float32) for _ in range(2))
    loss, gradient = net.loss_and_gradient(x, target)

    def run_ours(count: int) -> None:
        for _ in range(count):
            net.loss_and_gradient(x, target)

    both = (net, cell, x, target, loss, gradient)
    return {"recurra": run_ours, "torch": torch_run(*both), "jax": jax_run(jax, *both)}


def measure(
    cell: str, hidden: int, batch: int, threads: int, peak: Peak, jax: Child, seconds: float
) -> dict[str, Any]:
    """Return one row: nanoseconds of each, and our operations per nanosecond."""
    row: dict[str, Any] = {
        "table": "training",
        "isa": rc.isa(),
        "cell": cell,
        "input": hidden,
        "hidden": hidden,
    }
    row |= {"time": TIME, "batch": batch, "threads": threads}
    sides = peers(cell, hidden, batch, jax)
    # Blocks so long that threads that slept in the pause are back on a processor of their own, and the
    # clock is what it is in a long computation.
    timings = by_turns(sides | peak.runs, seconds, block=5e7, pause=0.01)
    row |= columns({name: timings[name] for name in sides})
    row["gflops"] = CELLS[cell].training_operations(hidden, hidden) * batch * TIME / row["recurra"]
    return row | peak.share(timings, row["gflops"])


def cases(threads: int, native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Measure all cases with so many threads, everybody on as many processors."""
    torch.set_num_threads(threads)
    rc.set_num_threads(threads)
    sizes, batches = ((32, 256), (1, 32)) if quick else ((32, 128, 256, 512), (1, 8, 32, 128))
    with keep_to(threads), jax_child(threads) as jax, peak_of(native, threads) as peak:
        for cell, hidden, batch in product(CELLS, sizes, batches):
            yield measure(cell, hidden, batch, threads, peak, jax, 0.3 if quick else 2.0)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Print the marks that this table is held to."""
    over = best_of("torch", "jax")
    large = [row for row in rows if row["hidden"] >= 256 and row["batch"] >= 32]
    small = [row for row in rows if row["hidden"] == 32]
    print("The best peer's time over ours, and our share of the peak:")
    return {
        **extreme("worst", rows, over),
        **extreme("worst at hidden 32", small, over),
        **geometric_mean("geometric mean", rows, over),
        **extreme("least share of peak, hidden >= 256 and batch >= 32", large, lambda row: row["of_peak"]),
    }


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    print(f"\nA training step, sequences of {TIME}, input size = hidden size. Milliseconds, medians.")
    print_row(COLUMNS, WIDTHS)
    rows = []
    for threads in thread_counts():
        for row in cases(threads, native, quick):
            rows.append(row)
            ours = row["recurra"]
            texts = [
                row["cell"],
                *(str(row[key]) for key in ("hidden", "batch", "threads")),
                number(ours / 1e6, 3),
            ]
            for peer in ("torch", "jax"):
                texts += [number(row[peer] / 1e6, 3), ratio(row[peer] / ours)]
            print_row(
                [*texts, number(row["gflops"], 1), text(row["of_peak"]), f"{row['spread']:.0%}"], WIDTHS
            )
            yield row
    yield {"table": "training_summary", **summary(rows)}
