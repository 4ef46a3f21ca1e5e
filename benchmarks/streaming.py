"""One step of a stream, batch 1, input size = hidden size, one thread. Every peer feeds its state back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np
import torch
from recurra import Network

from benchmarks.cells import CELLS, Array, CellKind, copy_weights
from benchmarks.native import Native
from benchmarks.peers.onnx_peer import OnnxStep
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import by_turns, latency

SIZES = (8, 16, 32, 64, 128, 256, 512)
COLUMNS = (
    "cell",
    "hidden",
    "C++",
    "p99",
    "Python",
    "p50",
    "p99",
    "ONNX RT",
    "/ ours",
    "PyTorch",
    "/ ours",
    "spread",
)
WIDTHS = (5, 6, 9, 9, 9, 9, 9, 9, 7, 9, 7, 6)


def probe(input_size: int) -> Array:
    """Make the 20 inputs that every peer gets before it is timed; the C++ program has the same formula."""
    x = np.cos(np.arange(20)[:, np.newaxis] + np.arange(input_size) / 10)
    return np.asarray(x, np.float32)


class TorchStep:
    """PyTorch's cell module under inference mode."""

    def __init__(self, kind: CellKind, net: Network) -> None:
        self._cell = kind.step(net.input_size, net.output_size)
        copy_weights(net, self._cell)
        self._x = torch.zeros(1, net.input_size)
        self._zero = torch.zeros(1, net.output_size)
        self._pair = kind.step is torch.nn.LSTMCell

    def run(self, count: int) -> None:
        """Make `count` steps."""
        self._steps(repeat(self._x, count))

    def play(self, steps: Array) -> Array:
        """Return the output after these inputs, from a zero state."""
        return self._steps(iter(torch.from_numpy(steps).unsqueeze(1))).numpy().ravel()

    @torch.inference_mode()
    def _steps(self, inputs: Iterator[torch.Tensor]) -> torch.Tensor:
        cell, h, c = self._cell, self._zero, self._zero
        if self._pair:
            for x in inputs:
                h, c = cell(x, (h, c))
        else:
            for x in inputs:
                h = cell(x, h)
        return h


def require_equal(name: str, wanted: Array, got: Array) -> None:
    if not np.allclose(wanted, got, atol=2e-5):
        raise AssertionError(f"{name} computes something else: off by {np.abs(wanted - got).max()}")


def measure(cell: str, hidden: int, native: Native, seconds: float) -> dict[str, Any]:
    """Find the outputs equal, then return one row: nanoseconds of each peer."""
    kind = CELLS[cell]
    net = kind.network(hidden, hidden)
    stream = net.stream()
    x, y = np.zeros(hidden, np.float32), np.empty(hidden, np.float32)
    step = stream.step
    for x_t in probe(hidden):
        step(x_t, out=y)
    wanted = y.copy()
    onnx_step = OnnxStep(cell, net, np.zeros(hidden, np.float32))
    torch_step = TorchStep(kind, net)
    require_equal("ONNX Runtime", wanted, onnx_step.play(probe(hidden)))
    require_equal("PyTorch", wanted, torch_step.play(probe(hidden)))

    def ours(count: int) -> None:
        for _ in repeat(None, count):
            step(x, out=y)

    timings = by_turns({"recurra": ours, "onnxruntime": onnx_step.run, "torch": torch_step.run}, seconds)
    p50, p99 = latency(lambda: step(x, out=y))
    row: dict[str, Any] = {"table": "streaming", "cell": cell, "input": hidden, "hidden": hidden}
    row |= {"p50": p50, "p99": p99}
    for name, timing in timings.items():
        row |= {name: timing.median, f"{name}_low": timing.low, f"{name}_high": timing.high}
    row["spread"] = max(timing.spread for timing in timings.values())
    if program := native.step(net, seconds / 3):
        require_equal("C++", wanted, np.asarray(program.pop("y"), np.float32))
        row |= {f"cpp_{name}": value for name, value in program.items()}
    return row


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    torch.set_num_threads(1)
    print("\nOne streaming step, batch 1, input size = hidden size, one thread. Nanoseconds, medians.")
    print("/ ours: over ours from Python. p50, p99: of steps timed one by one.")
    print("spread: the range of four fifths of a peer's blocks over their median, of the widest.")
    print_row(COLUMNS, WIDTHS)
    for cell in ("LSTM", "GRU"):
        for hidden in SIZES[::3] if quick else SIZES:
            row = measure(cell, hidden, native, 0.3 if quick else 1.5)
            peers = [(row[name], row[name] / row["recurra"]) for name in ("onnxruntime", "torch")]
            numbers = [row.get("cpp_median"), row.get("cpp_p99"), row["recurra"], row["p50"], row["p99"]]
            texts = [text for value, over in peers for text in (number(value), ratio(over))]
            print_row([cell, str(hidden), *map(number, numbers), *texts, f"{row['spread']:.0%}"], WIDTHS)
            yield row
