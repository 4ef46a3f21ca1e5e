"""The layers of an estimator's network, by its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import numpy.typing as npt

import recurra as rc
from recurra._arrays import count, flag

CellChoice: TypeAlias = str | Callable[[int, int], rc.Layer]

Pooling: TypeAlias = Literal["last", "mean", "max"]

CELLS: dict[str, Callable[[int, int], rc.Layer]] = {
    "elman": rc.Elman,
    "elstm": rc.ELSTM,
    "gru": rc.GRU,
    "indrnn": rc.IndRNN,
    "lru": rc.LRU,
    "lstm": rc.LSTM,
    "mingru": rc.MinGRU,
    "minlstm": rc.MinLSTM,
    "residualrnn": rc.ResidualRNN,
    "slstm": rc.SLSTM,
    "sru": rc.SRU,
}
POOLING: dict[str, Callable[[], rc.Layer]] = {"last": rc.Last, "mean": rc.Mean, "max": rc.Max}


def recurrent_layers(
    cell: CellChoice,
    input_size: int,
    hidden_size: int,
    num_layers: int,
    bidirectional: bool,
    dropout: float,
    dtype: npt.DTypeLike,
) -> tuple[list[rc.Layer], int]:
    """Layers of cells, one on top of the other, each with dropout behind it; and how many features leave."""
    make, layers = _maker(cell), list[rc.Layer]()
    width = input_size
    for _ in range(count("num_layers", num_layers, 1)):
        layer = make(width, hidden_size)
        if not isinstance(layer, rc.Layer):
            raise TypeError(
                f"cell is {cell!r}, which makes a {type(layer).__name__}, expected a recurra.Layer"
            )
        layers.append(rc.Bidirectional(layer) if flag("bidirectional", bidirectional) else layer)
        width = rc.Network(layers[-1:], dtype).output_size  # a cell may give more than it has units
        if dropout != 0:
            layers.append(rc.Dropout(dropout))
    return layers, width


def pooling_layer(pooling: Pooling) -> rc.Layer:
    """The layer that makes one vector of a sequence."""
    if not isinstance(pooling, str) or pooling not in POOLING:
        raise ValueError(f"pooling is {pooling!r}, expected one of {', '.join(map(repr, POOLING))}")
    return POOLING[pooling]()


def narx_layers(
    input_size: int,
    output_size: int,
    input_delays: int,
    output_delays: int,
    present_input: bool,
    hidden_sizes: Sequence[int],
) -> list[rc.Layer]:
    """A delay line of the input, and a multilayer perceptron whose outputs are fed back to it."""
    input_delays = count("input_delays", input_delays, 0)
    taps = input_delays + flag("present_input", present_input)
    if taps == 0:
        raise ValueError("input_delays is 0 and present_input is False, expected at least one input")
    if not isinstance(hidden_sizes, list | tuple):
        raise TypeError(f"hidden_sizes is {hidden_sizes!r}, expected a list of sizes")
    width, inside = (
        taps * input_size + count("output_delays", output_delays, 1) * output_size,
        list[rc.Layer](),
    )
    for i, hidden_size in enumerate(hidden_sizes):
        inside += [rc.Linear(width, count(f"hidden_sizes[{i}]", hidden_size, 1)), rc.Tanh()]
        width = hidden_size
    loop = rc.Feedback([*inside, rc.Linear(width, output_size)], delays=output_delays)
    if input_delays == 0:
        return [loop]
    return [rc.Delay(input_delays, present=present_input, input_size=input_size), loop]


def _maker(cell: CellChoice) -> Callable[[int, int], rc.Layer]:
    if callable(cell):
        return cell
    if not isinstance(cell, str) or cell not in CELLS:
        known = ", ".join(map(repr, CELLS))
        raise ValueError(f"cell is {cell!r}, expected one of {known}, or a class such as recurra.GRU")
    return CELLS[cell]
