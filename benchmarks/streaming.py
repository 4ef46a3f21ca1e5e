"""One step of a stream, batch 1: beside peers, a reference written by hand, and the memory's bandwidth.

Every peer feeds its state back. Streams in C++, the references and the pass over as many bytes as the weights
have are in a program of their own and take turns with the peers in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import CELLS, Array
from benchmarks.native import Native
from benchmarks.native_program import NativeProgram
from benchmarks.peers.onnx_step import OnnxStep
from benchmarks.peers.torch_step import TorchStep
from benchmarks.streaming_table import print_head, print_line, summary
from benchmarks.timing import Run, by_turns, columns, latency

SQUARE = tuple([(size, size)] for size in (8, 16, 32, 64, 128, 256, 512))
AUDIO = (*([(1, size)] for size in (12, 16, 20, 24, 40)), [(1, 8), (8, 8)])
"""Of models of audio effects: one sample in."""
BLOCK = 64
"""Steps in a call of `process`."""
NARROW = ("cpp_bfloat16", "cpp_int8")
TEAM = "cpp_threads2"


def probe(input_size: int) -> Array:
    """Make the 20 inputs that every peer gets before it is timed; the C++ program has the same formula."""
    x = np.cos(np.arange(20)[:, np.newaxis] + np.arange(input_size) / 10)
    return np.asarray(x, np.float32)


def require_equal(name: str, wanted: Array, got: Array) -> None:
    if not np.allclose(wanted, got, atol=2e-5):
        raise AssertionError(f"{name} computes something else: off by {np.abs(wanted - got).max()}")


def ours(net: rc.Network) -> tuple[Array, dict[str, Run]]:
    """Return the output after the probe, and our runs from Python."""
    stream = net.stream()
    x, y = np.zeros(net.input_size, np.float32), np.empty(net.output_size, np.float32)
    step = stream.step
    for x_t in probe(net.input_size):
        step(x_t, out=y)
    wanted = y.copy()

    def run(count: int) -> None:
        for _ in repeat(None, count):
            step(x, out=y)

    process = stream.process
    block, out = (np.zeros((BLOCK, size), np.float32) for size in (net.input_size, net.output_size))

    def run_blocks(count: int) -> None:
        for _ in repeat(None, count):
            process(block, out=out)

    return wanted, {"recurra": run, "process": run_blocks}


def peers(cell: str, net: rc.Network, wanted: Array) -> dict[str, Run]:
    """Make the peers of a network with one layer, found equal."""
    x = probe(net.input_size)
    onnx_step = OnnxStep(cell, net, np.zeros(net.input_size, np.float32))
    torch_step = TorchStep(CELLS[cell], net)
    require_equal("ONNX Runtime", wanted, onnx_step.play(x))
    require_equal("PyTorch", wanted, torch_step.play(x))
    return {"onnxruntime": onnx_step.run, "torch": torch_step.run}


def native_runs(program: NativeProgram, wanted: Array) -> tuple[dict[str, Run], dict[str, float]]:
    """Return what the program can time, found equal, and how far narrow weights are off."""
    errors = {}
    for name, fact in program.facts.items():
        if "y" not in fact:  # the pass over bytes
            continue
        got = np.asarray(fact["y"], np.float32)
        if name in NARROW:
            errors[f"{name}_error"] = float(np.abs(got - wanted).max())
        else:
            require_equal(name, wanted, got)
    apart = (TEAM, *references(program))
    return {name: run for name, run in program.runs.items() if name not in apart}, errors


def team(program: NativeProgram, seconds: float) -> dict[str, float]:
    """Time one thread and two in blocks so long that it does not count how the second one was woken."""
    runs: dict[str, Run] = {"cpp_one_thread": program.runs["cpp"], TEAM: program.runs[TEAM]}
    return {name: timing.median for name, timing in by_turns(runs, seconds, block=2e7).items()}


def references(program: NativeProgram) -> dict[str, Run]:
    """Return the steps written by hand, which differ in the width of their registers."""
    return {name: run for name, run in program.runs.items() if name.startswith("reference")}


def by_hand(program: NativeProgram, seconds: float) -> dict[str, Any]:
    """Time the step and the fastest of those by hand, by themselves.

    They are tens of ns apart: what a peer in between leaves behind, in clock, caches and branch prediction,
    is more.
    """
    runs = references(program)
    if not runs:
        return {}
    timings = by_turns({"cpp": program.runs["cpp"]} | runs, seconds, block=2e6)
    best = min(runs, key=lambda name: timings[name].median)
    bits = int(best.removeprefix("reference"))
    return {"cpp_beside": timings["cpp"].median, "reference": timings[best].median, "reference_bits": bits}


def measure(cell: str, sizes: list[tuple[int, int]], native: Native, seconds: float) -> dict[str, Any]:
    """Find the outputs equal, then return one row: nanoseconds of each peer."""
    net = rc.Network([CELLS[cell].layer(*size) for size in sizes], seed=1)
    row: dict[str, Any] = {"table": "streaming", "isa": rc.isa(), "cell": cell, "layers": len(sizes)}
    row |= {"input": net.input_size, "hidden": net.output_size, "weight_bytes": net.flat.nbytes}
    wanted, runs = ours(net)
    if len(sizes) == 1:
        runs |= peers(cell, net, wanted)
    call = runs["recurra"]
    assert callable(call)
    program = native.stream(net)
    if program is None:
        row |= columns(by_turns(runs, seconds, block=4e5, least=20, pause=0.0))
    else:
        with program:
            more, errors = native_runs(program, wanted)
            timings = by_turns(runs | more, seconds, block=4e5, least=20, pause=0.0)
            row |= columns(timings) | errors | by_hand(program, seconds / 4) | team(program, seconds / 4)
            tail = program.runs["cpp"].latency(20_000 if row["cpp"] < 1e5 else 2_000)
            row |= {f"cpp_{name}": value for name, value in tail.items()}
        row["overhead"] = row["recurra"] - row["cpp"]
    row["p50"], row["p99"] = latency(lambda: call(1), 2_000)
    row["process"] /= BLOCK
    return row


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, row by row."""
    torch.set_num_threads(1)
    print_head()
    rows = []
    for cell in CELLS:
        for sizes in (*SQUARE[::3], AUDIO[1]) if quick else (*SQUARE, *AUDIO):
            row = measure(cell, sizes, native, 0.3 if quick else 1.5)
            rows.append(row)
            print_line(row)
            yield row
    yield {"table": "streaming_summary", **summary(rows)}
