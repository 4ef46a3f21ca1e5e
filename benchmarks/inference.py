"""Whole sequences forward, batch by batch, one thread."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import CELLS, Array, copy_weights
from benchmarks.native import Native
from benchmarks.peak import Peak, peak_of, text
from benchmarks.peers.onnx_sequence import OnnxSequence
from benchmarks.processors import keep_to
from benchmarks.summary import extreme, geometric_mean
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, columns

TIME = 256
COLUMNS = (
    "cell",
    "hidden",
    "batch",
    "recurra",
    "ONNX RT",
    "/ ours",
    "PyTorch",
    "/ ours",
    "GFLOP/s",
    "of peak",
    "spread",
)
WIDTHS = (5, 6, 5, 9, 9, 7, 9, 7, 7, 7, 6)


def torch_run(cell: str, net: rc.Network, x: Array) -> tuple[Array, Run]:
    """Return PyTorch's output and what makes it, in the layout it prefers."""
    module = CELLS[cell].sequence(net.input_size, net.output_size)
    copy_weights(net, module, "_l0")
    module.eval()
    steps = torch.from_numpy(np.ascontiguousarray(x.transpose(1, 0, 2)))

    @torch.inference_mode()
    def passes(count: int) -> torch.Tensor:
        y = steps
        for _ in range(count):
            y, _ = module(steps)
        return y

    def run(count: int) -> None:
        passes(count)

    return passes(1).numpy().transpose(1, 0, 2), run


def peers(cell: str, hidden: int, batch: int) -> dict[str, Run]:
    """Set all up on the same weights and data, and find their outputs equal."""
    net = CELLS[cell].network(hidden, hidden)
    x = np.random.default_rng(0).standard_normal((batch, TIME, hidden)).astype(np.float32)
    wanted = net(x)
    onnx = OnnxSequence(cell, net, x)
    torch_output, run_torch = torch_run(cell, net, x)
    for name, got in (("ONNX Runtime", onnx.output()), ("PyTorch", torch_output)):
        if not np.allclose(wanted, got, atol=2e-5):
            raise AssertionError(f"{name} computes something else: off by {np.abs(wanted - got).max()}")

    def run_ours(count: int) -> None:
        for _ in range(count):
            net(x)

    return {"recurra": run_ours, "onnxruntime": onnx.run, "torch": run_torch}


def measure(cell: str, hidden: int, batch: int, peak: Peak, seconds: float) -> dict[str, Any]:
    """Return one row: nanoseconds of each, and our operations per nanosecond."""
    row: dict[str, Any] = {"table": "inference", "isa": rc.isa(), "cell": cell, "input": hidden}
    row |= {"hidden": hidden, "time": TIME, "batch": batch, "threads": 1}
    sides = peers(cell, hidden, batch)
    timings = by_turns(sides | peak.runs, seconds, block=5e7, pause=0.01)
    row |= columns({name: timings[name] for name in sides})
    row["gflops"] = CELLS[cell].step_operations(hidden, hidden) * batch * TIME / row["recurra"]
    return row | peak.share(timings, row["gflops"])


def cases(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Measure all cases on one processor."""
    sizes, batches = ((64, 512), (1, 16)) if quick else ((64, 256, 512), (1, 16, 64))
    with keep_to(1), peak_of(native, 1) as peak:
        for cell, hidden, batch in product(CELLS, sizes, batches):
            yield measure(cell, hidden, batch, peak, 0.3 if quick else 2.0)


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    rc.set_num_threads(1)
    torch.set_num_threads(1)
    print(
        f"\nWhole sequences of {TIME} forward, input size = hidden size, one thread. Milliseconds, medians."
    )
    print_row(COLUMNS, WIDTHS)
    rows = []
    for row in cases(native, quick):
        rows.append(row)
        texts = [row["cell"], str(row["hidden"]), str(row["batch"]), number(row["recurra"] / 1e6, 3)]
        for peer in ("onnxruntime", "torch"):
            texts += [number(row[peer] / 1e6, 3), ratio(row[peer] / row["recurra"])]
        print_row([*texts, number(row["gflops"], 1), text(row["of_peak"]), f"{row['spread']:.0%}"], WIDTHS)
        yield row
    print("ONNX Runtime's time over ours:")
    worst = extreme("worst", rows, lambda row: row["onnxruntime"] / row["recurra"])
    mean = geometric_mean("geometric mean", rows, lambda row: row["onnxruntime"] / row["recurra"])
    yield {"table": "inference_summary", **worst, **mean}
