"""Networks and data for the tests: a network per layer type, random weights, ragged batches and states."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc
from recurra import _core

Array = npt.NDArray[Any]
LossName = Literal["mse", "cross_entropy"]

DTYPES = ("float32", "float64")
CELLS = tuple(_core.cell_names())
IDS = 6
INPUT, OUTPUT = 3, 2
LOSSES: tuple[LossName, ...] = ("mse", "cross_entropy")
Tolerance = tuple[float, float]  # relative, absolute
POOLING = ("Last", "Mean", "Max")
EXACT: Tolerance = (1e-12, 1e-14)


def close_to(dtype: str) -> Tolerance:
    """What rounding in another order may change."""
    return (2e-5, 2e-6) if dtype == "float32" else EXACT


def assert_close(
    got: npt.ArrayLike, expected: npt.ArrayLike, close: Tolerance = EXACT, about: str = ""
) -> None:
    """Equality within a tolerance, with the numbers in the message."""
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), *close, err_msg=about)


def cell(name: str, input_size: int, hidden_size: int) -> rc.Cell:
    """A cell by its registered name, such as "GRU(reset=after)"."""
    type_name, _, variant = name.rstrip(")").partition("(")
    options: dict[str, Any] = {"leak": 0.3} if type_name == "LeakyElman" else {}
    for option in filter(None, variant.split(", ")):
        key, _, value = option.partition("=")
        words = {"true": True, "false": False}
        options[key] = int(value) if value.isdigit() else words.get(value, value)
    return rc.Cell(type_name, input_size, hidden_size, **options)


def with_readout(made: rc.Layer) -> list[rc.Layer]:
    """A layer and a Linear on top that fits."""
    return [made, rc.Linear(rc.Network([made]).output_size, OUTPUT)]


NETWORKS: dict[str, Callable[[], list[rc.Layer]]] = {
    name: lambda name=name: with_readout(cell(name, INPUT, 5))
    for name in CELLS
} | {
    "bare LSTM": lambda: [rc.LSTM(INPUT, 11)],
    "stack": lambda: [rc.GRU(INPUT, 5), rc.LSTM(5, 4), rc.Elman(4, OUTPUT)],
    "Linear": lambda: [rc.Linear(INPUT, 4), rc.Tanh(), rc.Linear(4, OUTPUT)],
    "Embedding": lambda: [rc.Embedding(IDS, 4), rc.LSTM(4, 5), rc.Linear(5, OUTPUT)],
    "AdaptiveSoftmax": lambda: [rc.GRU(INPUT, 5), rc.AdaptiveSoftmax(5, 7, (2, 4), 1.5)],
    "bare Embedding": lambda: [rc.Embedding(IDS, OUTPUT)],
    "Last": lambda: [rc.LSTM(INPUT, 5), rc.Last(), rc.Linear(5, OUTPUT)],
    "Last at the end": lambda: [rc.Elman(INPUT, 5), rc.Last()],
    "Last of the input": lambda: [rc.Linear(INPUT, 4), rc.Last(), rc.Tanh()],
    "Mean": lambda: [rc.GRU(INPUT, 5), rc.Mean(), rc.Linear(5, OUTPUT)],
    "Mean at the end": lambda: [rc.Linear(INPUT, 4), rc.Logistic(), rc.Mean()],
    "Embedding and Mean": lambda: [rc.Embedding(IDS, 4), rc.Mean(), rc.Linear(4, OUTPUT)],
    "Max": lambda: [rc.GRU(INPUT, 5), rc.Max(), rc.Linear(5, OUTPUT)],
    "Max at the end": lambda: [rc.Linear(INPUT, 4), rc.Logistic(), rc.Max()],
    "Embedding and Max": lambda: [rc.Embedding(IDS, 4), rc.Max(), rc.Linear(4, OUTPUT)],
    "Dropout": lambda: [rc.Linear(3, 4), rc.Dropout(0.4), rc.LSTM(4, 5), rc.Dropout(0.2), rc.Linear(5, 2)],
    "Dropout after Mean": lambda: [rc.Elman(INPUT, 5), rc.Mean(), rc.Dropout(0.3), rc.Linear(5, OUTPUT)],
    "Tanh": lambda: [rc.LSTM(INPUT, 4), rc.Tanh()],
    "Relu": lambda: [rc.Linear(INPUT, 5), rc.Relu(), rc.Linear(5, OUTPUT)],
    "Logistic": lambda: [rc.GRU(INPUT, 4), rc.Logistic()],
    "stages": lambda: [rc.LSTM(INPUT, 6, layer_norm=True, zoneout=0.2, recurrent_dropout=0.2, heads=2),
                       rc.LSTM(6, 6, projection=3, learned_initial_state=True), rc.Linear(3, OUTPUT)],
    "Delay": lambda: [rc.Delay(2, dilation=2, input_size=INPUT), rc.Linear(9, 4), rc.Tanh(), rc.Delay(1),
                      rc.Linear(8, OUTPUT)],
    "NARX": lambda: [rc.Delay(1, input_size=INPUT),
                     rc.Feedback([rc.Linear(10, 5), rc.Tanh(), rc.Linear(5, OUTPUT)], delays=2)],
    "Jordan": lambda: [rc.Feedback([rc.Linear(INPUT + OUTPUT, 5), rc.Logistic(), rc.Linear(5, OUTPUT)])],
    "Feedback around cells": lambda: [rc.LSTM(INPUT, 4),
                                      rc.Feedback([rc.GRU(8, 4), rc.Delay(1), rc.Linear(8, 2)], 2)],
    "autoregressive": lambda: [rc.Feedback(rc.Linear(6, OUTPUT), delays=3)],
    "Residual and Skip": lambda: [rc.Residual([rc.GRU(INPUT, INPUT)]), rc.Skip(rc.LSTM(INPUT, 4)),
                                  rc.Linear(7, OUTPUT)],
    "StackMemory": lambda: [rc.Feedback([rc.Elman(INPUT + 4, 5), rc.StackMemory(3, 2, stacks=2)], fed=4),
                            rc.Linear(9, OUTPUT)],
    "NTMMemory": lambda: [rc.Feedback([rc.LSTM(INPUT + 2, 5), rc.NTMMemory(4, 2)], fed=2),
                          rc.Linear(7, OUTPUT)],
}  # fmt: skip


def build(name: str, dtype: str = "float64", seed: int = 1) -> rc.Network:
    """A network of `NETWORKS` with random weights and biases of the same, large size."""
    network = rc.Network(NETWORKS[name](), dtype=dtype, seed=seed)
    randomize(network, seed)
    return network


def randomize(network: rc.Network, seed: int) -> None:
    """Draw all parameters anew, biases too."""
    network.flat[:] = np.random.default_rng(seed).uniform(-0.8, 0.8, network.flat.size)


def draw_input(network: rc.Network, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Class ids or features for these (batch, time) or (time,) steps."""
    if network._core.takes_ids:
        return rng.integers(0, network._core.num_ids, shape)
    return rng.normal(size=(*shape, network.input_size)).astype(network.dtype)


def draw_target(network: rc.Network, y: Array, loss: LossName, rng: np.random.Generator) -> Array:
    """A target for these outputs."""
    if loss == "mse":
        return rng.normal(size=y.shape).astype(network.dtype)
    return rng.integers(0, network.output_size, y.shape[:-1])


def draw_state(network: rc.Network, batch: int, rng: np.random.Generator) -> rc.State:
    """A random state; the count inside the state of a Mean or Max stays a count."""
    state = network.initial_state(batch)
    for name, values in state.items():
        values[:] = (
            rng.integers(1, 4, values.shape)
            if name.endswith(".count")
            else rng.uniform(0.5, 2, values.shape)
            if name.endswith((".n", "weighting"))  # what sLSTM divides by; where heads are
            else rng.normal(size=values.shape)
        )
    return state


@dataclass
class Problem:
    """A ragged batch with a random initial state."""

    network: rc.Network
    x: Array
    lengths: Array
    state: rc.State
    target: Array
    loss: LossName

    def value_and_gradient(self, **options: Any) -> tuple[float, Array]:  # noqa: ANN401
        """The loss and its gradient."""
        return self.network.loss_and_gradient(
            self.x, self.target, self.loss, lengths=self.lengths, state=self.state, **options
        )


def pose(
    network: rc.Network, loss: LossName = "mse", batch: int = 4, time: int = 6, seed: int = 2
) -> Problem:
    """A problem whose lengths are in no order and include 0 and `time`."""
    rng = np.random.default_rng(seed)
    x = draw_input(network, (batch, time), rng)
    lengths = rng.integers(0, time + 1, batch)
    lengths[:3] = (2, 0, time)
    return Problem(
        network,
        x,
        lengths,
        draw_state(network, batch, rng),
        draw_target(network, network(x), loss, rng),
        loss,
    )


@contextmanager
def refused(
    error: type[Exception], *words: str, network: rc.Network, state: rc.State | None = None
) -> Iterator[None]:
    """Expects an error whose message has these words, and that it left parameters and state alone."""
    flat, kept = network.flat.copy(), None if state is None else state.copy()
    with pytest.raises(error) as caught:
        yield
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
    assert np.array_equal(network.flat, flat, equal_nan=True)
    if state is not None and kept is not None:
        assert all(np.array_equal(state[block], kept[block]) for block in state)
