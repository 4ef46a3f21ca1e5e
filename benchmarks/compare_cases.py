"""What two builds of ours are compared by: cases that both have, on weights that no build draws."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat

import numpy as np
import recurra as rc

from benchmarks.timing import Run


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    kind: str
    cell: str
    input: int
    hidden: int
    batch: int

    def network(self) -> rc.Network:
        """Make the network, in float32."""
        net = rc.Network([getattr(rc, self.cell)(self.input, self.hidden)])
        bound = 1 / np.sqrt(self.hidden)
        net.flat[:] = np.random.default_rng(1).uniform(-bound, bound, net.flat.size)
        return net


CELLS = ("LSTM", "GRU", "Elman")


def cases(quick: bool) -> list[Case]:
    """List them."""
    hidden, batches = ((32, 256), (1, 32)) if quick else ((32, 128, 256, 512), (1, 8, 32))
    result = [
        Case(kind, cell, size, size, batch)
        for kind in ("training", "inference")
        for cell in CELLS
        for size in hidden
        for batch in batches
    ]
    result += [Case("training", cell, 128, 128, 32) for cell in ("SRU", "LRU") if not quick]
    steps = (8, 64, 256) if quick else (8, 16, 32, 64, 128, 256, 512)
    return result + [Case("streaming", cell, size, size, 1) for cell in CELLS for size in steps]


def module() -> tuple[str, Run]:
    """Say which build this is."""
    return str(rc.__file__), lambda count: None


def isa() -> tuple[str, Run]:
    """Say which instruction set it uses."""
    return rc.isa(), lambda count: None


def make(case: Case, threads: int) -> tuple[float, Run]:
    """Return a number that both builds must find, and what is timed."""
    rc.set_num_threads(threads)
    return {"training": training, "inference": inference, "streaming": streaming}[case.kind](case)


def training(case: Case) -> tuple[float, Run]:
    """Forward, loss and backward, 100 steps."""
    net = case.network()
    random = np.random.default_rng(0)
    x = random.standard_normal((case.batch, 100, net.input_size)).astype(np.float32)
    target = random.standard_normal((case.batch, 100, net.output_size)).astype(np.float32)
    _, gradient = net.loss_and_gradient(x, target)

    def run(count: int) -> None:
        for _ in repeat(None, count):
            net.loss_and_gradient(x, target)

    return float(np.linalg.norm(gradient)), run


def inference(case: Case) -> tuple[float, Run]:
    """Forward, 256 steps."""
    net = case.network()
    x = np.random.default_rng(0).standard_normal((case.batch, 256, case.input)).astype(np.float32)

    def run(count: int) -> None:
        for _ in repeat(None, count):
            net(x)

    return float(np.linalg.norm(net(x))), run


def streaming(case: Case) -> tuple[float, Run]:
    """One step, from Python."""
    net = case.network()
    stream = net.stream()
    x, y = np.ones(net.input_size, np.float32), np.empty(net.output_size, np.float32)
    step = stream.step
    for _ in range(20):
        step(x, out=y)
    found = float(np.linalg.norm(y))

    def run(count: int) -> None:
        for _ in repeat(None, count):
            step(x, out=y)

    return found, run
