"""Descriptions of layers."""

import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
import recurra as rc
from problems import CELLS, build, cell


def test_representations() -> None:
    network = rc.Network([rc.LSTM(3, 5), rc.Dropout(0.25), rc.Linear(5, 2)])
    text = repr(network)
    for part in (
        "LSTM(hidden_size=5, input_size=3)",
        "Dropout(probability=0.25)",
        "float32",
        "192 parameters",
    ):
        assert part in text
    assert repr(network.layers[0]) in text
    assert repr(rc.GRU(1, 2)) == "GRU(hidden_size=2, input_size=1, reset=after)"
    assert rc.Linear(2, 3).options == {"input_size": 2, "output_size": 3}
    assert repr(pickle.loads(pickle.dumps(rc.Elman(1, 2)))) == repr(rc.Elman(1, 2))


def test_layers_describe_the_network() -> None:
    network = build("Dropout")
    again = rc.Network(network.layers, dtype="float64")
    assert repr(again) == repr(network)


@pytest.mark.parametrize("name", CELLS)
def test_every_registered_cell_can_be_described(name: str) -> None:
    layer = cell(name, 3, 4)
    assert repr(rc.Network([layer]).layers[0]) == repr(layer)
    assert (layer.options["input_size"], layer.options["hidden_size"]) == (3, 4)


def test_named_cells_are_the_registered_ones() -> None:
    activations: tuple[Any, ...] = ("tanh", "relu", "logistic", "saturated")
    named = [rc.Elman(3, 4, activation) for activation in activations]
    described = [cell(f"Elman(activation={activation})", 3, 4) for activation in activations]
    for left, right in zip(
        [*named, rc.LSTM(3, 4), rc.GRU(3, 4)],
        [*described, cell("LSTM", 3, 4), cell("GRU(reset=after)", 3, 4)],
        strict=True,
    ):
        assert repr(left) == repr(right)


SIZED: dict[str, Callable[[Any], rc.Layer]] = {
    "LSTM: input_size": lambda size: rc.LSTM(size, 2),
    "LSTM: hidden_size": lambda size: rc.LSTM(2, size),
    "GRU: hidden_size": lambda size: rc.GRU(2, size),
    "Elman: hidden_size": lambda size: rc.Elman(2, size),
    "Linear: input_size": lambda size: rc.Linear(size, 2),
    "Linear: output_size": lambda size: rc.Linear(2, size),
    "AdaptiveSoftmax: input_size": lambda size: rc.AdaptiveSoftmax(size, 2),
    "AdaptiveSoftmax: num_classes": lambda size: rc.AdaptiveSoftmax(2, size),
    "Embedding: num_embeddings": lambda size: rc.Embedding(size, 2),
    "Embedding: size": lambda size: rc.Embedding(2, size),
}


@pytest.mark.parametrize("name", SIZED)
def test_sizes(name: str) -> None:
    for size, error, expected in (
        (0, ValueError, "at least 1"),
        (-3, ValueError, "at least 1"),
        (2**63, ValueError, f"at most {2**62}"),
        (2**70, ValueError, f"at most {2**62}"),
        (2.0, TypeError, "an integer"),
        ("2", TypeError, "an integer"),
        (None, TypeError, "an integer"),
    ):
        with pytest.raises(error) as caught:
            SIZED[name](size)
        assert str(caught.value) == f"{name} is {size!r}, expected {expected}"


def narrow_and_wide() -> list[rc.Layer]:
    return [rc.Linear(2**40, 2**12) if i % 2 else rc.Linear(2**12, 2**40) for i in range(64)]


HUGE: dict[str, Callable[[], list[rc.Layer]]] = {
    "LSTM": lambda: [rc.LSTM(2**40, 2**40)],
    "hidden": lambda: [rc.GRU(1, 2**40)],
    "input": lambda: [rc.Elman(2**61, 2)],
    "Linear": lambda: [rc.Linear(2**31, 2**32)],
    "Embedding": lambda: [rc.Embedding(2**20, 2**40)],
    "ids": lambda: [rc.Embedding(2**60, 1)],
    "all layers together": narrow_and_wide,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", HUGE)
def test_sizes_that_overflow(case: str, dtype: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"Network: .*(overflow|expected at most)"):
        rc.Network(HUGE[case](), dtype=dtype)
    assert time.perf_counter() - start < 1


MISFITS: dict[str, tuple[Callable[[], list[rc.Layer]], str]] = {
    "nothing": (lambda: [], "got no layers, expected at least one"),
    "features": (
        lambda: [rc.LSTM(3, 5), rc.Linear(4, 2)],
        "layer 1 (Linear) expects 4 features, got 5 from layer 0 (LSTM)",
    ),
    "cells": (
        lambda: [rc.LSTM(3, 5), rc.GRU(3, 5)],
        "layer 1 (GRU) expects 3 features, got 5 from layer 0 (LSTM)",
    ),
    "after pooling": (
        lambda: [rc.LSTM(3, 5), rc.Last(), rc.LSTM(5, 2)],
        "layer 2 (LSTM) expects a sequence, got one vector per sequence from layer 1 (Last)",
    ),
    "pooling twice": (
        lambda: [rc.LSTM(3, 5), rc.Last(), rc.Mean()],
        "layer 2 (Mean) expects a sequence, got one vector per sequence from layer 1 (Last)",
    ),
    "pooling in another way": (
        lambda: [rc.LSTM(3, 5), rc.Mean(), rc.Max()],
        "layer 2 (Max) expects a sequence, got one vector per sequence from layer 1 (Mean)",
    ),
    "late ids": (
        lambda: [rc.LSTM(3, 5), rc.Embedding(5, 2)],
        "layer 1 (Embedding) takes class ids, expected it as the first layer",
    ),
    "no features": (lambda: [rc.Tanh(), rc.Linear(3, 2)], "layer 0 (Tanh) needs a layer before it"),
    "nothing but Dropout": (lambda: [rc.Dropout(0.5)], "layer 0 (Dropout) needs a layer before it"),
    "same object": (
        lambda: [rc.LSTM(3, 3)] * 2,
        "layers[1] is the same object as layers[0], expected a layer of its own",
    ),
    "unknown cell": (
        lambda: [rc.Cell("Lstm", 3, 3)],
        "layer 0 (Lstm) is unknown as 'Lstm', expected one of Elman(",
    ),
    "unknown variant": (
        lambda: [rc.Cell("LSTM", 3, 3, peephole=True)],
        "layer 0 (LSTM) is unknown as 'LSTM(peephole=true)', expected one of Elman(",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_layers_that_do_not_fit(case: str) -> None:
    layers, message = MISFITS[case]
    with pytest.raises(ValueError) as caught:
        rc.Network(layers())
    assert f"Network: {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("thing", "kind"), [(rc.LSTM, "type"), (3, "int"), ("LSTM", "str"), (None, "NoneType")]
)
def test_what_is_no_layer(thing: Any, kind: str) -> None:  # noqa: ANN401
    with pytest.raises(TypeError) as caught:
        rc.Network([rc.LSTM(1, 1), thing])
    assert str(caught.value) == f"Network: layers[1] is a {kind}, expected a layer"


@pytest.mark.parametrize("probability", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_probability(probability: float) -> None:
    with pytest.raises(
        ValueError, match=rf"Dropout: probability is {probability}, expected 0 <= probability < 1"
    ):
        rc.Dropout(probability)


@pytest.mark.parametrize("dtype", ["float16", "int64", ">f4", "nonsense", object, None, "longdouble"])
def test_dtype(dtype: Any) -> None:  # noqa: ANN401
    with pytest.raises(ValueError) as caught:
        rc.Network([rc.LSTM(1, 1)], dtype=dtype)
    assert str(caught.value) == f"dtype is {dtype!r}, expected 'float32' or 'float64'"


def test_variants() -> None:
    with pytest.raises(
        ValueError, match=r"Elman: activation is 'sin', expected 'tanh', 'relu', 'logistic' or 'saturated'"
    ):
        rc.Elman(1, 1, "sin")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"GRU: reset is 'never', expected 'after' or 'before'"):
        rc.GRU(1, 1, reset="never")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"LSTM: got {'coupled': True, 'peephole': 'previous'}, expected"):
        rc.LSTM(1, 1, coupled=True, peephole="previous")
    with pytest.raises(ValueError, match=r"LeakyElman: leak is 0, expected 0 < leak <= 1"):
        rc.LeakyElman(1, 1, leak=0)
    with pytest.raises(ValueError, match=r"LSTM1997: block_size is 5, expected 1, 2, 3 or 4"):
        rc.LSTM1997(1, 1, block_size=5)
    with pytest.raises(TypeError, match=r"SRU: got an unexpected keyword 'zone'"):
        rc.SRU(1, 1, zone=0.5)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"SRU: zoneout is 1.5, expected 0 <= zoneout < 1"):
        rc.SRU(1, 1, zoneout=1.5)
    for seed in (-1, 2**64, 0.5):
        with pytest.raises(ValueError, match=r"seed is .*, expected an integer in 0 .. 2\*\*64 - 1"):
            rc.Network([rc.LSTM(1, 1)], seed=seed)  # type: ignore[arg-type]
