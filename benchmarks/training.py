"""A training step, no optimizer: forward, mean squared error on every output, backward to all weights."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import CELLS, copy_weights, flat_gradient
from benchmarks.native import Native
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns

TIME = 100
COLUMNS = (
    "cell",
    "hidden",
    "batch",
    "threads",
    "recurra",
    "PyTorch",
    "/ ours",
    "GFLOP/s",
    "of peak",
    "spread",
)
WIDTHS = (5, 6, 5, 7, 9, 9, 7, 7, 7, 6)


def peers(cell: str, hidden: int, batch: int) -> dict[str, Run]:
    """Set both sides up on the same weights and data, and find their losses and gradients equal."""
    kind = CELLS[cell]
    net = kind.network(hidden, hidden)
    module = kind.sequence(hidden, hidden, batch_first=True)
    copy_weights(net, module, "_l0")
    random = np.random.default_rng(0)
    x, target = (random.standard_normal((batch, TIME, hidden)).astype(np.float32) for _ in range(2))
    x_torch, target_torch = torch.from_numpy(x), torch.from_numpy(target)

    def torch_step() -> torch.Tensor:
        module.zero_grad()
        y, _ = module(x_torch)
        loss = torch.nn.functional.mse_loss(y, target_torch)
        torch.autograd.backward(loss)
        return loss

    loss, gradient = net.loss_and_gradient(x, target)
    wanted = torch_step().item()
    reference = flat_gradient(module, net)
    error = np.linalg.norm(gradient - reference) / np.linalg.norm(reference)
    if abs(loss - wanted) > 1e-5 * wanted or error > 1e-4:
        raise AssertionError(f"{cell} {hidden}: losses {loss} and {wanted}, gradients differ by {error}")

    def run_ours(count: int) -> None:
        for _ in range(count):
            net.loss_and_gradient(x, target)

    def run_torch(count: int) -> None:
        for _ in range(count):
            torch_step()

    return {"recurra": run_ours, "torch": run_torch}


def measure(cell: str, hidden: int, batch: int, threads: int, seconds: float) -> dict[str, Any]:
    """Return one row: nanoseconds of both, and our operations per nanosecond."""
    torch.set_num_threads(threads)
    rc.set_num_threads(threads)
    timings = by_turns(peers(cell, hidden, batch), seconds, pause=0.01 if threads > 1 else 0.0)
    row: dict[str, Any] = {"table": "training", "cell": cell, "input": hidden, "hidden": hidden, "time": TIME}
    row |= {"batch": batch, "threads": threads}
    for name, timing in timings.items():
        row |= {name: timing.median, f"{name}_low": timing.low, f"{name}_high": timing.high}
    row["spread"] = max(timing.spread for timing in timings.values())
    row["gflops"] = CELLS[cell].training_operations(hidden, hidden) * batch * TIME / row["recurra"]
    return row


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    threads = [count for count in (1, 2) if count <= rc.num_threads()]
    peaks = {count: native.peaks(count).get(rc.isa()) for count in threads}
    print(f"\nA training step, sequences of {TIME}, input size = hidden size. Milliseconds, medians.")
    for count, peak in peaks.items():
        print(f"Peak of {rc.isa()} multiply-adds, threads {count}: {number(peak, 1)} GFLOP/s.")
    print_row(COLUMNS, WIDTHS)
    sizes, batches = ((32, 256), (1, 32)) if quick else ((32, 128, 256), (1, 8, 32))
    for count, cell, hidden, batch in product(threads, CELLS, sizes, batches):
        row = measure(cell, hidden, batch, count, 0.3 if quick else 2.0)
        peak = peaks[count]
        row["peak"] = peak
        ours, theirs = row["recurra"], row["torch"]
        texts = [number(ours / 1e6, 3), number(theirs / 1e6, 3), ratio(theirs / ours)]
        share = "-" if peak is None else f"{row['gflops'] / peak:.0%}"
        numbers = [str(value) for value in (hidden, batch, count)]
        print_row([cell, *numbers, *texts, number(row["gflops"], 1), share, f"{row['spread']:.0%}"], WIDTHS)
        yield row
