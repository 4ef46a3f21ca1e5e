"""A network in numbers, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from recurra import _core

UNITS = ("step", "above", "below", "edge", "sequence", "written", "read", "match")
NONE = (0.0,) * len(UNITS)
_MEANING = {
    "above": "node of a tree with one above it",
    "below": "node of a tree with others below it",
    "edge": "edge of a graph or tree",
    "sequence": "sequence, tree or graph",
    "written": "step that is written",
    "read": "step that attention looks at",
    "match": "pair of these",
}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a layer or a network has and does.

    Args:
        trained: Parameters that learn.
        frozen: Parameters that rest.
        tied: Parameters that are copies of others, which are counted where the first of them is.
        state: Numbers that are carried from step to step, per sequence.
        flops: Of the way forward, by what they are done for: "step" of a sequence or node of trees and
            graphs, "edge", "sequence" and so on. Products of matrices, where a multiply-add counts 2, the
            weighted sums over the edges of graphs, and the pointwise part of cells.
        training_flops: Of forward, back and the gradient, without the loss and the optimizer.
        pointwise_flops: What cells do besides products, a part of `flops`: every operation on a unit counts
            1, be it a sum, a tanh or a comparison; signs are free.
        pointwise_training_flops: The same of `training_flops`.
        bytes: Of the parameters, copies included.
    """

    trained: int
    frozen: int
    tied: int
    state: int
    flops: Mapping[str, int]
    training_flops: Mapping[str, int]
    pointwise_flops: Mapping[str, int]
    pointwise_training_flops: Mapping[str, int]
    bytes: int

    @property
    def parameters(self) -> int:
        """Those that learn and those that rest: copies do not count."""
        return self.trained + self.frozen


@dataclass(frozen=True, kw_only=True)
class LayerSummary(Counts):
    """One layer, those inside it included, with its `Counts`.

    Args:
        name: Such as "0" or "0.reverse": what the names of its parameters begin with.
        description: Its type and options; empty for a part of a layer that has no description of its own.
        depth: 0, and one more for each layer around it.
        input_size: Features.
        output_size: Features.
    """

    name: str
    description: str
    depth: int
    input_size: int
    output_size: int


@dataclass(frozen=True, kw_only=True)
class Summary(Counts):
    """What `Network.summary` returns, the `Counts` of all layers together; its text is a table.

    Args:
        layers: Each before the layers inside it, which it includes.
    """

    layers: tuple[LayerSummary, ...]

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [
            ("layer", "output", "parameters", "trained", "frozen", "tied", "state", "bytes", "flops")
        ]
        for layer in self.layers:
            text = f"{layer.name}  {layer.description}" if layer.description else layer.name
            rows.append(("  " * layer.depth + text, f"{layer.output_size:,}", *_numbers(layer)))
        rows.append(("all", "", *_numbers(self)))
        lines = _table(rows)
        lines.insert(1, "-" * len(lines[0]))
        lines.insert(-1, "-" * len(lines[0]))
        units = [f"{unit} = per {_MEANING[unit]}" for unit in self.flops if unit != "step"]
        lines.append("flops forward, per step (or node)" + "".join(f", {unit}" for unit in units))
        return "\n".join(lines)


def summarize(core: _core._Network, itemsize: int) -> Summary:
    """The summary of a network whose numbers are so many bytes long."""
    layers = tuple(
        LayerSummary(
            name=row.name,
            description=row.description,
            depth=row.depth,
            input_size=row.input_size,
            output_size=row.output_size,
            trained=row.trained,
            frozen=row.frozen,
            tied=row.copies,
            state=row.state,
            flops=_flops(row.forward, row.pointwise_forward),
            training_flops=_flops(row.training, row.pointwise_training),
            pointwise_flops=_flops(NONE, row.pointwise_forward),
            pointwise_training_flops=_flops(NONE, row.pointwise_training),
            bytes=itemsize * (row.trained + row.frozen + row.copies),
        )
        for row in _core.summary(core)
    )
    top = [layer for layer in layers if layer.depth == 0]
    return Summary(
        layers=layers,
        trained=sum(layer.trained for layer in top),
        frozen=sum(layer.frozen for layer in top),
        tied=sum(layer.tied for layer in top),
        state=sum(layer.state for layer in top),
        flops=_sum([layer.flops for layer in top]),
        training_flops=_sum([layer.training_flops for layer in top]),
        pointwise_flops=_sum([layer.pointwise_flops for layer in top]),
        pointwise_training_flops=_sum([layer.pointwise_training_flops for layer in top]),
        bytes=sum(layer.bytes for layer in top),
    )


def _flops(multiply_adds: Sequence[float], pointwise: Sequence[float]) -> Mapping[str, int]:
    parts = zip(UNITS, multiply_adds, pointwise, strict=True)
    counts = {unit: 2 * int(products) + int(single) for unit, products, single in parts}
    return MappingProxyType({unit: count for unit, count in counts.items() if count or unit == "step"})


def _sum(parts: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    sums = {unit: sum(part.get(unit, 0) for part in parts) for unit in UNITS}
    return MappingProxyType({unit: count for unit, count in sums.items() if count or unit == "step"})


def _numbers(row: LayerSummary | Summary) -> tuple[str, ...]:
    counts = (row.parameters, row.trained, row.frozen, row.tied, row.state, row.bytes)
    flops = [f"{count:,}" if unit == "step" else f"{count:,} {unit}" for unit, count in row.flops.items()]
    return (*(f"{count:,}" for count in counts), " + ".join(flops))


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The first column on the left, the others on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
