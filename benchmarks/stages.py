"""A training step of the LSTM with each of its variants and stages, beside the same mathematics in PyTorch.

PyTorch's own LSTM has none of them but the projection: there a loop over time compiled by TorchScript is
what its users have. All variants of one size take turns, so that their ratios hold on a busy machine too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import Array, copy_weights
from benchmarks.native import Native
from benchmarks.peers.script_lstm import ScriptLSTM
from benchmarks.summary import extreme
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, Timing, by_turns

BATCH, TIME = 32, 100
PLAIN = "plain"
COLUMNS = (
    "hidden",
    "variant",
    "recurra",
    "/ plain",
    "loop",
    "/ plain",
    "/ ours",
    "nn.LSTM",
    "/ ours",
    "spread",
)
MARKS = (
    ("peephole", (32, 128, 256)),
    ("coupled", (32, 128, 256)),
    ("layer_norm", (32,)),
    ("layer_norm", (128, 256)),
)
"""What is held to the plain LSTM, at these sizes."""
WIDTHS = (6, 22, 9, 7, 9, 7, 7, 9, 7, 6)


def layers(hidden: int) -> dict[str, rc.Layer]:
    """Make the layers to compare, by the name of what they add."""
    return {
        PLAIN: rc.LSTM(hidden, hidden),
        "layer_norm": rc.LSTM(hidden, hidden, layer_norm=True),
        "peephole": rc.LSTM(hidden, hidden, peephole="current"),
        "coupled": rc.LSTM(hidden, hidden, coupled=True),
        "zoneout": rc.LSTM(hidden, hidden, zoneout=0.1),
        "recurrent_dropout": rc.LSTM(hidden, hidden, recurrent_dropout=0.25),
        "projection": rc.LSTM(hidden, hidden, projection=hidden // 2),
        "layer_norm and zoneout": rc.LSTM(hidden, hidden, layer_norm=True, zoneout=0.1),
    }


def torch_step(module: torch.nn.Module, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Leave all gradients in the module."""
    module.zero_grad()
    y = module(x)
    loss = torch.nn.functional.mse_loss(y if isinstance(y, torch.Tensor) else y[0], target)
    torch.autograd.backward(loss)
    return loss


def data(net: rc.Network) -> tuple[Array, Array]:
    """Draw inputs and targets."""
    random = np.random.default_rng(0)
    shapes = ((BATCH, TIME, size) for size in (net.input_size, net.output_size))
    x, target = (random.standard_normal(shape).astype(net.dtype) for shape in shapes)
    return x, target


def require_equal(name: str, layer: rc.Layer) -> None:
    """Find loss and gradient equal where noise is off.

    In float64: an LSTM with layer normalisation is chaotic over so many steps, and gradients in float32, ours
    and PyTorch's alike, are off by a hundredth.
    """
    net = rc.Network([layer], dtype="float64", seed=1)
    x, target = data(net)
    loss, gradient = net.loss_and_gradient(x, target)
    loop = torch.jit.script(ScriptLSTM(net)).eval()
    wanted = torch_step(loop, torch.from_numpy(x), torch.from_numpy(target)).item()
    gradients = {key: parameter.grad for key, parameter in loop.named_parameters()}
    reference = np.concatenate([gradients[key.removeprefix("0.")].numpy().ravel() for key in net.parameters])
    error = np.linalg.norm(gradient - reference) / np.linalg.norm(reference)
    if abs(loss - wanted) > 1e-10 * wanted or error > 1e-8:
        raise AssertionError(f"{name}: losses {loss} and {wanted}, gradients differ by {error}")


def library_lstm(name: str, net: rc.Network) -> torch.nn.Module | None:
    """Make PyTorch's own layer with our weights, where it has one."""
    if name not in (PLAIN, "projection"):
        return None
    projected = net.output_size if name == "projection" else 0
    module = torch.nn.LSTM(
        net.input_size, net.layers[0].options["hidden_size"], batch_first=True, proj_size=projected
    )
    copy_weights(net, module, "_l0")
    if projected:
        with torch.no_grad():
            module.weight_hr_l0.copy_(torch.from_numpy(net.parameters["0.weight_hr"]))
    return module


def peers(name: str, layer: rc.Layer) -> dict[str, Run]:
    """Set all sides up on the same weights and data, and find their losses equal where noise is off."""
    net = rc.Network([layer], seed=1)
    x, target = data(net)
    x_torch, target_torch = torch.from_numpy(x), torch.from_numpy(target)
    wanted, _ = net.loss_and_gradient(x, target)

    def run_ours(count: int) -> None:
        for seed in range(count):
            net.loss_and_gradient(x, target, training=True, seed=seed)

    def run_torch(module: torch.nn.Module) -> Run:
        loss = torch_step(module.eval(), x_torch, target_torch).item()
        if abs(loss - wanted) > 1e-5 * wanted:
            raise AssertionError(f"{name}: losses {wanted} and {loss}")
        module.train()

        def run(count: int) -> None:
            for _ in range(count):
                torch_step(module, x_torch, target_torch)

        run(3)  # TorchScript watches its first calls and compiles at the next
        return run

    runs = {"recurra": run_ours, "loop": run_torch(torch.jit.script(ScriptLSTM(net)))}
    if library := library_lstm(name, net):
        runs["torch"] = run_torch(library)
    return runs


def rows(hidden: int, timings: dict[tuple[str, str], Timing]) -> Iterator[dict[str, Any]]:
    """Make one row for each variant: nanoseconds of each peer, and the ratios to its own plain LSTM."""
    for name in layers(hidden):
        row: dict[str, Any] = {"table": "stages", "cell": "LSTM", "variant": name, "input": hidden}
        row |= {"hidden": hidden, "time": TIME, "batch": BATCH, "threads": 1}
        of_variant = {peer: timing for (variant, peer), timing in timings.items() if variant == name}
        for peer, timing in of_variant.items():
            row |= {peer: timing.median, f"{peer}_low": timing.low, f"{peer}_high": timing.high}
            row[f"{peer}_over_plain"] = timing.median / timings[PLAIN, peer].median
        row["spread"] = max(timing.spread for timing in of_variant.values())
        yield row


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, size by size."""
    torch.set_num_threads(1)
    rc.set_num_threads(1)
    print(
        f"\nA training step of the LSTM, noise on, batch {BATCH}, sequences of {TIME}, input = hidden size."
    )
    print("One thread. Milliseconds, medians. loop: the same mathematics as a TorchScript loop over time.")
    print("/ plain: over the same peer's plain LSTM; / ours: over ours of the same row.")
    print_row(COLUMNS, WIDTHS)
    found: list[dict[str, Any]] = []
    for hidden in (32,) if quick else (32, 128, 256):
        for name, layer in layers(hidden).items():
            require_equal(name, layer)
        runs = {
            (name, peer): each
            for name, layer in layers(hidden).items()
            for peer, each in peers(name, layer).items()
        }
        for row in rows(hidden, by_turns(runs, 1.0 if quick else 30.0)):
            ours, loop, library = row["recurra"], row["loop"], row.get("torch")
            texts = [number(ours / 1e6, 3), ratio(row["recurra_over_plain"])]
            texts += [number(loop / 1e6, 3), ratio(row["loop_over_plain"]), ratio(loop / ours)]
            texts += [number(library and library / 1e6, 3), ratio(library and library / ours)]
            print_row([str(hidden), row["variant"], *texts, f"{row['spread']:.0%}"], WIDTHS)
            found.append(row)
            yield row
    print("Over our plain LSTM, at the most:")
    marks: dict[str, Any] = {"table": "stages_summary"}
    for name, sizes in MARKS:
        some = [row for row in found if row["variant"] == name and row["hidden"] in sizes]
        marks |= extreme(
            f"{name}, hidden {sizes[0]} to {sizes[-1]}",
            some,
            lambda row: row["recurra_over_plain"],
            largest=True,
        )
    yield marks
