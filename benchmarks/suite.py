"""All tables, by name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np
import recurra as rc
import torch

from benchmarks import (
    bandwidth,
    diagonal,
    encoder_decoder,
    estimate,
    graphs,
    inference,
    language_models,
    online,
    products,
    stages,
    streaming,
    training,
    trees,
)
from benchmarks.isa import limits_in_force
from benchmarks.native import Native
from benchmarks.tables import machine

Table: TypeAlias = Callable[[Native, bool], Iterator[dict[str, Any]]]
TABLES: dict[str, Table] = {
    "bandwidth": bandwidth.run,
    "streaming": streaming.run,
    "training": training.run,
    "inference": inference.run,
    "diagonal": diagonal.run,
    "stages": stages.run,
    "products": products.run,
    "encoder_decoder": encoder_decoder.run,
    "online": online.run,
    "trees": trees.run,
    "graphs": graphs.run,
    "language_models": language_models.run,
    "estimate": estimate.run,
}
IN_PYTHON = (
    "inference",
    "stages",
    "encoder_decoder",
    "online",
    "trees",
    "graphs",
    "language_models",
    "estimate",
)


def torch_product() -> float:
    """Measure GFLOP/s of PyTorch's product of 1024 squares, one thread: it shows what a limit has done."""
    torch.set_num_threads(1)
    a = torch.ones(1024, 1024)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - start)
    return float(2e-9 * 1024**3 / np.median(times))


def run(names: list[str], build: Path, quick: bool, lines: TextIO | None) -> list[dict[str, Any]]:
    """Print the tables; write each row to `lines` as it comes."""
    rows: list[dict[str, Any]] = []

    def keep(row: dict[str, Any]) -> None:
        rows.append(row)
        if lines:
            print(json.dumps(row), file=lines, flush=True)

    facts = machine() | {"torch_product": round(torch_product(), 1)}
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    if rc.isa() != rc.available_isas()[-1]:
        print(f"Instruction set {rc.isa()}. {limits_in_force()}")
    keep({"table": "machine", **facts})
    if set(names) <= set(IN_PYTHON):
        native = Native(build / "benchmarks")
    else:
        native = Native.build(build, eigen="products" in names)
    for name in names:
        for row in TABLES[name](native, quick):
            keep(row)
    return rows
