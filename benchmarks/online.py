"""Steps of online learning: exact RTRL beside the plain recursion in NumPy and PyTorch; all the rules."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.native import Native
from benchmarks.peers.plain_rtrl import PLAIN, Plain
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, nanoseconds

RATE = 1e-4
COLUMNS = (
    "cell",
    "hidden",
    "update every",
    "recurra",
    "NumPy",
    "/ ours",
    "PyTorch",
    "/ ours",
    "one pass",
    "ours /",
)
WIDTHS = (6, 6, 12, 10, 10, 7, 10, 7, 10, 7)
RULES: dict[str, rc.OnlineRule] = {
    "RTRL": rc.RTRL(),
    "SnAp-1": rc.SnAp(1),
    "e-prop": rc.EProp(),
    "KF-RTRL": rc.KFRTRL(),
    "UORO": rc.UORO(),
    "BPTT(1)": rc.BPTT(1),
    "BPTT(8)": rc.BPTT(8),
    "BPTT(64)": rc.BPTT(64),
}


def network(cell: str, hidden: int) -> rc.Network:
    """One layer, as many inputs as units, weights small enough for a long run."""
    net = rc.Network([getattr(rc, cell)(hidden, hidden), rc.Linear(hidden, 1)], seed=1)
    net.flat[:] *= 0.5
    return net


def series(hidden: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a long stream of inputs, and of targets."""
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (4096, hidden)).astype(np.float32)
    return x, random.uniform(-1, 1, (4096, 1)).astype(np.float32)


def ours(
    net: rc.Network, rule: rc.OnlineRule, every: int, x: np.ndarray, y: np.ndarray
) -> tuple[rc.Online, Run]:
    """Make a learner, and steps of it."""
    learner = rc.Online(net, rule, optimizer=rc.SGD(RATE), update_every=every)
    position = 0

    def run(count: int) -> None:
        nonlocal position
        for _ in range(count):
            learner.step(x[position], y[position])
            position = (position + 1) % len(x)

    return learner, run


def theirs(
    xp: ModuleType, net: rc.Network, cell: str, every: int, x: np.ndarray, y: np.ndarray
) -> tuple[Plain, Run]:
    """The same, plain."""
    learner = PLAIN[cell](xp, net, RATE, every)
    rows = x if xp is np else torch.from_numpy(x)
    targets = y[:, 0].tolist()
    position = 0

    def run(count: int) -> None:
        nonlocal position
        for _ in range(count):
            learner.step(rows[position], targets[position])
            position = (position + 1) % len(targets)

    return learner, run


def check(learner: rc.Online, peer: Plain, net: rc.Network) -> None:
    """Hold both gradients against each other after the same steps."""
    latest, at, blocks = learner.gradient(), 0, {}
    for name, value in net.parameters.items():
        blocks[name] = latest[at : at + value.size].reshape(value.shape)
        at += value.size
    expected = np.asarray(peer.gradient)
    rows = len(expected)
    joined = [blocks["0.weight_ih"], blocks["0.weight_hh"], blocks["0.bias"][:rows, None]]
    error = np.abs(np.concatenate(joined, axis=1) - expected).max() / np.abs(expected).max()
    if not error < 1e-4:
        raise AssertionError(f"the gradients differ by {error} of the largest")


def one_pass(net: rc.Network, cell: str, hidden: int) -> Run:
    """v^T J as NumPy does it: what an update at every step cannot do without."""
    columns = net.flat.size - hidden - 1  # all but the readout
    states = hidden * (2 if cell == "LSTM" else 1)
    j = np.random.default_rng(0).standard_normal((states, columns)).astype(np.float32)
    v = np.ones(len(j), np.float32)

    def run(count: int) -> None:
        for _ in range(count):
            v @ j

    return run


def exact(quick: bool) -> Iterator[dict[str, Any]]:
    """Exact gradients: ours and plain."""
    print("\nExact RTRL: one layer, as many inputs as units, a linear output, float32, SGD. One thread.")
    print("Microseconds per step, medians. / ours: their time over ours. one pass: NumPy's v J; ours / it.")
    print_row(COLUMNS, WIDTHS)
    for hidden in (32,) if quick else (32, 64, 128):
        for cell in PLAIN:
            for every in (1, 8):
                net = network(cell, hidden)
                x, y = series(hidden)
                runs = {"pass": one_pass(net, cell, hidden)}
                learner, runs["recurra"] = ours(net, rc.RTRL(), every, x, y)
                for name, xp in (("numpy", np), ("torch", torch)):
                    peer, runs[name] = theirs(xp, network(cell, hidden), cell, every, x, y)
                    twin = network(cell, hidden)
                    first, first_run = ours(twin, rc.RTRL(), every, x, y)
                    nanoseconds(first_run, 8)
                    nanoseconds(runs[name], 8)
                    check(first, peer, twin)
                timings = {name: t.median / 1e3 for name, t in by_turns(runs, 0.5 if quick else 6.0).items()}
                row: dict[str, Any] = {
                    "table": "online",
                    "cell": cell,
                    "hidden": hidden,
                    "update_every": every,
                }
                row |= timings | {"block": learner.report().block, "bytes": learner.report().bytes}
                mine = timings["recurra"]
                texts = [cell, str(hidden), str(every), number(mine, 1)]
                for name in ("numpy", "torch"):
                    texts += [number(timings[name], 1), ratio(timings[name] / mine)]
                print_row([*texts, number(timings["pass"], 1), ratio(mine / timings["pass"])], WIDTHS)
                yield row


def rules(quick: bool) -> Iterator[dict[str, Any]]:
    """All rules side by side."""
    hidden = 64
    print(
        f"\nThe rules, hidden {hidden}, an update at every step. Microseconds per step, medians; / BPTT(1)."
    )
    print_row(("rule", *(f"{cell:>8} / BPTT(1)" for cell in PLAIN)), (10, 20, 20, 20))
    x, y = series(hidden)
    columns = {}
    for cell in PLAIN:
        runs = {name: ours(network(cell, hidden), rule, 1, x, y)[1] for name, rule in RULES.items()}
        columns[cell] = {name: t.median / 1e3 for name, t in by_turns(runs, 0.5 if quick else 6.0).items()}
    for name in RULES:
        texts = [f"{number(c[name], 1)} {ratio(c[name] / c['BPTT(1)'])}" for c in columns.values()]
        print_row((name, *texts), (10, 20, 20, 20))
        yield {"table": "online_rules", "rule": name, "hidden": hidden} | {
            cell: c[name] for cell, c in columns.items()
        }


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print both tables."""
    torch.set_num_threads(1)
    rc.set_num_threads(1)
    with torch.inference_mode():
        yield from exact(quick)
    yield from rules(quick)
