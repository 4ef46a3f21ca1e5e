"""What a summary counts: formulas by hand for every kind of layer, the counts of the benchmarks, ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, NETWORKS, cell

X, H, Y, M, R = 3, 5, 2, 4, 3  # inputs, units, outputs, message, rounds
Layers = list[rc.Layer]


def products(flops: Mapping[str, int], pointwise: Mapping[str, int]) -> dict[str, int]:
    """Multiply-adds, without what is pointwise; a unit that has none is left out."""
    counts = {unit: (count - pointwise.get(unit, 0)) / 2 for unit, count in flops.items()}
    return {unit: int(count) for unit, count in counts.items() if count or unit == "step"}


def forward(layers: Layers) -> dict[str, int]:
    summary = rc.Network(layers).summary()
    return products(summary.flops, summary.pointwise_flops)


def training(layers: Layers) -> dict[str, int]:
    summary = rc.Network(layers).summary()
    return products(summary.training_flops, summary.pointwise_training_flops)


CASES: dict[str, tuple[Layers, dict[str, int], dict[str, int]]] = {
    "Linear": ([rc.Linear(X, Y)], {"step": X * Y}, {"step": 2 * X * Y}),
    "two": (
        [rc.Linear(X, H), rc.Relu(), rc.Linear(H, Y)],
        {"step": X * H + H * Y},
        {"step": 2 * X * H + 3 * H * Y},
    ),
    "AdaptiveSoftmax": (  # a head of 3 + 2 scores; 2 units for 4 classes, 1 for 3
        [rc.AdaptiveSoftmax(5, 10, (3, 7), div_value=2)],
        {"step": 5 * (3 + 2 + 2 + 1) + 2 * 4 + 1 * 3},
        {"step": 2 * 5 * (3 + 2 + 2 + 1) + 3 * (2 * 4 + 1 * 3)},
    ),
    "Embedding": ([rc.Embedding(7, X), rc.Linear(X, Y)], {"step": X * Y}, {"step": 3 * X * Y}),
    "pooled": (
        [rc.GRU(X, H), rc.Mean(), rc.Linear(H, Y)],
        {"step": 3 * H * (X + H), "sequence": H * Y},
        {"step": 6 * H * X + 9 * H * H, "sequence": 3 * H * Y},
    ),
    "heads": ([rc.LSTM(X, 6, heads=2)], {"step": 4 * 6 * (X + 3)}, {"step": 4 * 6 * (2 * X + 3 * 3)}),
    "projection": (
        [rc.LSTM(X, H, projection=Y)],
        {"step": 4 * H * (X + Y) + Y * H},
        {"step": 4 * H * (2 * X + 3 * Y) + 3 * Y * H},
    ),
    "Delay": ([rc.Delay(2, input_size=X), rc.Linear(3 * X, Y)], {"step": 3 * X * Y}, {"step": 9 * X * Y}),
    "Feedback": ([rc.Feedback(rc.Linear(X + Y, Y))], {"step": (X + Y) * Y}, {"step": 3 * (X + Y) * Y}),
    # The interface; three terms for each cell of a stack.
    "StackMemory": (
        [rc.Linear(X, H), rc.StackMemory(5, 2, stacks=2), rc.Linear(H + 4, Y)],
        {"step": X * H + 10 * H + 3 * 20 + (H + 4) * Y},
        {"step": 2 * X * H + 3 * (10 * H + 3 * 20 + (H + 4) * Y)},
    ),
    # For each head the dot products with the key and of the key, and three shifts; for all the norms; erase
    # (two), add, read.
    "NTMMemory": (
        [rc.Linear(X, H), rc.NTMMemory(5, 2), rc.Linear(H + 2, Y)],
        {"step": X * H + 20 * H + 2 * (10 + 2 + 15) + 50 + (H + 2) * Y},
        {"step": 2 * X * H + 3 * (20 * H + 2 * (10 + 2 + 15) + 50 + (H + 2) * Y)},
    ),
    "Bidirectional": (
        [rc.Bidirectional(rc.GRU(X, H), rc.Elman(X, Y))],
        {"step": 3 * H * (X + H) + Y * (X + Y)},
        {"step": 3 * H * (2 * X + 3 * H) + Y * (2 * X + 3 * Y)},
    ),
    "Residual": (
        [rc.Residual([rc.Linear(X, H), rc.Tanh(), rc.Linear(H, X)])],
        {"step": 2 * X * H},
        {"step": 5 * X * H},
    ),
    "Skip": (
        [rc.Linear(X, H), rc.Skip(rc.Linear(H, Y))],
        {"step": X * H + H * Y},
        {"step": 2 * X * H + 3 * H * Y},
    ),
    "Tree": (
        [rc.Tree(rc.Elman(X, H))],
        {"step": X * H, "below": H * H},
        {"step": 2 * X * H, "below": 3 * H * H},
    ),
    "Tree of LSTM": (
        [rc.Tree(rc.LSTM(X, H))],
        {"step": 4 * X * H + H * H, "below": 3 * H * H},
        {"step": 8 * X * H + 3 * H * H, "below": 9 * H * H},
    ),
    "Tree with an arity": (
        [rc.Tree(rc.LSTM(X, H), arity=2)],
        {"step": 4 * X * H, "below": (3 + 2) * H * 2 * H},
        {"step": 8 * X * H, "below": 3 * (3 + 2) * H * 2 * H},
    ),
    "Tree down": (
        [rc.Tree(rc.Elman(X, H), direction="down")],
        {"step": X * H, "above": H * H},
        {"step": 2 * X * H, "above": 3 * H * H},
    ),
    "bilinear": (
        [rc.Tree(rc.Elman(X, H), arity=2, bilinear=True)],
        {"step": X * H, "below": H * 2 * H + H * (2 * H) * (2 * H) + H * 2 * H},
        {"step": 2 * X * H, "below": 3 * (H * 2 * H + H * (2 * H) * (2 * H) + H * 2 * H)},
    ),
    "GraphNet": (
        [rc.GraphNet(rc.GRU(M, H), rc.Linear(H, M), R, input_size=X)],
        {"step": R * (3 * H * (M + H) + H * M), "edge": R * M},
        {"step": 3 * R * (3 * H * (M + H) + H * M), "edge": 2 * R * M},
    ),
    "unshared": (
        [rc.GraphNet(rc.GRU(M, H), rc.Linear(H, M), R, shared=False, input_size=X)],
        {"step": R * (3 * H * (M + H) + H * M), "edge": R * M},
        {"step": 3 * R * (3 * H * (M + H) + H * M), "edge": 2 * R * M},
    ),
    "ByType": (
        [rc.GraphNet(rc.Elman(M, H), rc.ByType(H, M, 4), R, input_size=X), rc.Readout("sum")],
        {"step": R * (H * (M + H) + 4 * H * M), "edge": R * M},
        {"step": 3 * R * (H * (M + H) + 4 * H * M), "edge": 2 * R * M},
    ),
    "EdgeNet": (
        [rc.GraphNet(rc.Elman(M, H), rc.EdgeNet(H, M, 2, [rc.Linear(2, 6)]), R, input_size=X)],
        {"step": R * (H * (M + H) + 7 * H * M), "edge": 2 * 6 + R * 7 * M},
        {"step": 3 * R * (H * (M + H) + 7 * H * M), "edge": 2 * 2 * 6 + 3 * R * 7 * M},
    ),
    "MLP": (
        [
            rc.GraphNet(
                rc.Elman(M, H), rc.MLP(H, 6, [rc.Relu(), rc.Linear(6, M)], edge_size=2), R, input_size=X
            )
        ],
        {"step": R * (H * (M + H) + 2 * H * 6), "edge": 2 * 6 + R * (6 * M + M)},
        {"step": 3 * R * (H * (M + H) + 2 * H * 6), "edge": 2 * 2 * 6 + R * (3 * 6 * M + 2 * M)},
    ),
    "graph attention": (
        [rc.GraphNet(rc.Elman(M, H), rc.Linear(H, M), R, attention=True, input_size=X)],
        {"step": R * (H * (M + H) + H * M + 2 * H), "edge": R * M},
        {"step": 3 * R * (H * (M + H) + H * M + 2 * H), "edge": 3 * R * M},
    ),
    "gated readout": (
        [rc.Tree(rc.Elman(X, H)), rc.Readout("gated", Y), rc.Linear(Y, 7)],
        {"step": X * H + 2 * Y * H, "below": H * H, "sequence": Y * 7},
        {"step": 2 * X * H + 6 * Y * H, "below": 3 * H * H, "sequence": 3 * Y * 7},
    ),
    "EncoderDecoder": (
        [
            rc.EncoderDecoder(
                [rc.Embedding(9, X), rc.Elman(X, H)],
                [rc.Embedding(9, X), rc.Elman(X, H), rc.Attention("dot"), rc.Linear(2 * H, 8)],
                start=8,
            )
        ],
        {"step": H * (X + H), "written": H * (X + H) + 2 * H * 8, "match": 2 * H},
        {"step": 3 * H * (X + H), "written": 3 * (H * (X + H) + 2 * H * 8), "match": 6 * H},
    ),
    "additive, bridge": (
        [
            rc.EncoderDecoder(
                [rc.Linear(X, H), rc.Elman(H, H)],
                [rc.Elman(Y, M), rc.Attention("additive", 6), rc.Linear(M + H, Y)],
                bridge="linear",
            )
        ],
        {
            "step": H * X + 2 * H * H,
            "written": M * (Y + M) + M * 6 + (M + H) * Y,
            "sequence": H * M,
            "read": H * 6,
            "match": 6 + H,
        },
        {
            "step": 2 * H * X + 6 * H * H,
            "written": 3 * (M * (Y + M) + M * 6 + (M + H) * Y),
            "sequence": 3 * H * M,
            "read": 3 * H * 6,
            "match": 3 * (6 + H),
        },
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_flops_are_those_counted_by_hand(name: str) -> None:
    layers, expected, learning = CASES[name]
    assert forward(layers) == expected
    assert training(layers) == learning


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_multiplies_each_weight_once(name: str) -> None:
    net = rc.Network([cell(name, X, H)])
    weights = {key[2:]: view.size for key, view in net.parameters.items() if key.startswith("0.weight")}
    assert forward(list(net.layers)) == {"step": sum(weights.values())}
    learned = 3 * sum(weights.values()) - weights.get("weight_ih", 0)
    assert training(list(net.layers)) == {"step": learned}


POINTWISE: dict[str, tuple[Layers, dict[str, int], dict[str, int]]] = {
    # One tanh; back its slope, 1 - h h, times what comes.
    "Elman": ([rc.Elman(X, H)], {"step": H}, {"step": (1 + 3) * H}),
    # Four gates, f c-, i g, their sum, tanh c, o tanh c. Back: four slopes and products with them, 3 each;
    # df and dc-; di and dg; tanh c, do, and dc + dh o (1 - tanh c tanh c), 5.
    "LSTM": ([rc.LSTM(X, H)], {"step": 9 * H}, {"step": (9 + 12 + 2 + 2 + 7) * H}),
    "Linear": ([rc.Linear(X, H), rc.Tanh()], {"step": 0}, {"step": 0}),
    "Bidirectional": (
        [rc.Bidirectional(rc.LSTM(X, H), rc.Elman(X, Y)), rc.Last(), rc.Linear(H + Y, 2)],
        {"step": 9 * H + Y},
        {"step": 32 * H + 4 * Y},
    ),
    # A leaf has no edge; on an edge a message is summed, and a child's h.
    "Tree": (
        [rc.Tree(rc.LSTM(X, H))],
        {"step": 7 * H, "edge": (2 + 1 + 1) * H},
        {"step": (7 + 18) * H, "edge": (2 + 5 + 1 + 1) * H},
    ),
    "Tree with an arity": (
        [rc.Tree(rc.LSTM(X, H), arity=2)],
        {"step": 7 * H, "edge": (2 + 1) * H},
        {"step": (7 + 18) * H, "edge": (2 + 5 + 1) * H},
    ),
    "GraphNet": (
        [rc.GraphNet(rc.LSTM(M, H), rc.Linear(H, M), R, input_size=X)],
        {"step": R * 9 * H},
        {"step": R * 32 * H},
    ),
    "Decoder": (
        [rc.EncoderDecoder([rc.LSTM(X, H)], [rc.Elman(Y, M), rc.Linear(M, Y)], bridge="linear")],
        {"step": 9 * H, "written": M},
        {"step": 32 * H, "written": 4 * M},
    ),
}


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_work_is_that_counted_by_hand(name: str) -> None:
    layers, expected, learning = POINTWISE[name]
    summary = rc.Network(layers).summary()
    assert summary.pointwise_flops == expected
    assert summary.pointwise_training_flops == learning
    for unit, count in expected.items():
        assert summary.flops[unit] == 2 * forward(layers).get(unit, 0) + count


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Elman"])
def test_training_is_counted_as_in_the_benchmarks(name: str) -> None:
    pytest.importorskip("torch")
    from benchmarks.cells import CELLS as KINDS

    kind = KINDS[name]
    net = kind.network(17, 9)
    assert 2 * forward(list(net.layers))["step"] == kind.step_operations(17, 9)
    assert 2 * training(list(net.layers))["step"] == kind.training_operations(17, 9)


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_the_networks_own(name: str) -> None:
    net = rc.Network(NETWORKS[name](), dtype="float64")
    summary = net.summary()
    assert summary.parameters == summary.trained == net.flat.size
    assert summary.bytes == net.flat.nbytes
    assert summary.state == sum(block.shape[-1] for block in net.initial_state().values())
    top = [layer for layer in summary.layers if layer.depth == 0]
    assert [layer.name for layer in top] == [str(i) for i in range(len(net.layers))]
    assert top[-1].output_size == net.output_size
    for layer in summary.layers:
        begin = layer.name + "."
        assert layer.parameters == sum(v.size for key, v in net.parameters.items() if key.startswith(begin))
    assert all(layer.description for layer in summary.layers)


def test_layers_inside() -> None:
    net = rc.Network(
        [
            rc.Bidirectional(rc.GRU(X, H)),
            rc.Residual([rc.Linear(2 * H, 4), rc.Chain([rc.Tanh(), rc.Linear(4, 2 * H)])]),
        ]
    )
    rows = [(layer.name, layer.depth, layer.description.split("(")[0]) for layer in net.summary().layers]
    assert rows == [
        ("0", 0, "Bidirectional"),
        ("0.forward", 1, "GRU"),
        ("0.reverse", 1, "GRU"),
        ("1", 0, "Residual"),
        ("1.0", 1, "Linear"),
        ("1.1", 1, "Chain"),
        ("1.1.0", 2, "Tanh"),
        ("1.1.1", 2, "Linear"),
    ]
    layers = net.summary().layers
    assert layers[0].parameters == layers[1].parameters + layers[2].parameters
    assert layers[0].state == 2 * H


def test_a_layer_inside_counts_in_the_networks_units() -> None:
    (graph, *inside) = rc.Network(CASES["MLP"][0]).summary().layers
    assert [layer.name for layer in inside if layer.depth == 1] == ["0.cell", "0.message"]
    parts = [layer for layer in inside if layer.depth == 1]
    assert sum(part.flops["step"] for part in parts) == graph.flops["step"]
    assert sum(part.flops.get("edge", 0) for part in parts) == graph.flops["edge"]
    (both, *inside) = rc.Network(CASES["additive, bridge"][0]).summary().layers
    assert {layer.name: layer.flops for layer in inside}["0.bridge"] == {"step": 0, "sequence": 2 * H * M}
    assert sum(layer.flops.get("written", 0) for layer in inside if layer.depth == 1) == both.flops["written"]


def test_tied_and_frozen_parameters() -> None:
    net = rc.Network([rc.GRU(X, H), rc.GRU(H, H), rc.Linear(H, Y)])
    square = 3 * H * H
    net.tie("0.weight_hh", "1.weight_hh")
    net.freeze("2")
    summary = net.summary()
    assert summary.tied == square
    assert summary.frozen == H * Y + Y
    assert summary.parameters == net.flat.size - square
    assert summary.trained == summary.parameters - summary.frozen
    assert [layer.tied for layer in summary.layers] == [0, square, 0]
    net.freeze("0.weight_hh")
    assert net.summary().tied == square
    assert net.summary().frozen == summary.frozen + square


def test_the_table() -> None:
    text = str(rc.Network([rc.LSTM(1000, 100), rc.Last(), rc.Linear(100, 5)]).summary())
    lines = text.splitlines()
    assert "LSTM(hidden_size=100, input_size=1000)" in lines[2]
    assert "440,400" in lines[2]
    assert "880,900" in lines[2]
    assert "1,000 sequence" in lines[4]
    assert len({len(line) for line in lines[:-1]}) == 1


def test_it_is_a_snapshot() -> None:
    net = rc.Network([rc.Linear(X, Y)])
    summary: Any = net.summary()
    with pytest.raises(AttributeError):
        summary.trained = 3
    with pytest.raises(TypeError):
        summary.flops["step"] = 3
    net.freeze("0")
    assert summary.trained == net.flat.size
    assert np.isfinite(net.flat).all()
