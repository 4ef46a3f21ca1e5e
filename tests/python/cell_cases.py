"""Every cell of the package and every stage it admits, in ragged batches beside its transcription."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_references import bound, parse
from problems import Array, randomize
from reference_terms import PLAIN, Run, Stages, Vectors, around, bidirectional, chain, inner, walk

torch = pytest.importorskip("torch")

INPUT, UNITS, TIME = 3, 6, 6
LENGTHS = np.array([2, 0, TIME, 5])
Build = Callable[[ModuleType, Vectors], Run]  # a run of the transcription with these parameters

ACTIVATIONS = ("tanh", "relu", "logistic", "saturated")
ACTIVATED = ("Elman", "FullyRecurrent", "LeakyElman", "ResidualRNN", "IndRNN")
# With one activation each: what the stages and the wrappers are tried on.
CELLS = (
    "Elman", "FullyRecurrent", "LeakyElman", "ResidualRNN", "ResidualRNN(recurrent=false)",
    "LSTM", "LSTM(forget_gate=false)", "LSTM(coupled=true)",
    "LSTM(peephole=current)", "LSTM(peephole=previous)", "LSTM(coupled=true, peephole=current)",
    *(f"LSTM1997(block_size={size})" for size in (1, 2, 3, 4)), "LSTM1997(block_size=2, gates_out=false)",
    "GRU(reset=after)", "GRU(reset=before)",
    "IndRNN", "MinGRU", "MinLSTM", "SRU", "ELSTM", "LRU", "SLSTM",
)  # fmt: skip
ALL_CELLS = (
    *CELLS,
    *(f"{name}(activation={activation})" for name in ACTIVATED for activation in ACTIVATIONS),
    *(f"ResidualRNN(activation={activation}, recurrent=false)" for activation in ACTIVATIONS),
    *(f"LSTM1997(block_size={size}, gates_out=false)" for size in (1, 3, 4)),
)
# Arguments that have no default.
REQUIRED: dict[str, dict[str, Any]] = {"LeakyElman": {"leak": 0.3}, "FullyRecurrent": {"output_size": 4}}

STAGES: dict[str, dict[str, Any]] = {
    "layer_norm": {"layer_norm": True},
    "zoneout": {"zoneout": 0.3},
    "zoneout of h and c": {"zoneout": {"h": 0.2, "c": 0.4}},
    "projection": {"projection": 4},
    "heads of 3": {"heads": 2},
    "heads of 2": {"heads": 3},
    "learned_initial_state": {"learned_initial_state": True},
    "recurrent_dropout": {"recurrent_dropout": 0.4},
    "layer_norm, zoneout, heads": {"layer_norm": True, "zoneout": 0.3, "heads": 2},
    "layer_norm, zoneout, initial": {"layer_norm": True, "zoneout": 0.3, "learned_initial_state": True},
    "layer_norm, zoneout, projection": {"layer_norm": True, "zoneout": {"c": 0.3}, "projection": 4},
}
# One state is fed, by a full matrix.
FEED_ONE = ("Elman", "FullyRecurrent", "LeakyElman", "ResidualRNN", "LSTM", "GRU", "SLSTM")
# And it is read by nothing but that matrix, so it may have another width than the units.
FEED_ONLY = ("Elman", "LSTM", "SLSTM")


def admits(name: str, options: dict[str, Any]) -> bool:
    """Whether a cell has a use for these stages."""
    type_name, variant = parse(name)
    recurrent = variant.get("recurrent", True)
    if "heads" in options and not (type_name in FEED_ONE and recurrent):
        return False
    if "recurrent_dropout" in options and not (
        type_name in (*FEED_ONE, "LSTM1997") and recurrent and name != "GRU(reset=before)"
    ):
        return False
    if "projection" in options and type_name not in FEED_ONLY:
        return False
    return not isinstance(options.get("zoneout"), dict) or type_name == "LSTM"


def layer(name: str, **stages: Any) -> Any:  # noqa: ANN401
    """The public object."""
    type_name, variant = parse(name)
    return getattr(rc, type_name)(INPUT, UNITS, **(REQUIRED.get(type_name, {}) | variant | stages))


def transcription(name: str, **stages: Any) -> Build:  # noqa: ANN401
    """The same as an independent run."""
    required = dict(REQUIRED.get(parse(name)[0], {}))
    known = Stages(
        bool(stages.get("layer_norm")),
        "projection" in stages,
        stages.get("zoneout", PLAIN.zoneout),
        required.pop("output_size", None),
    )
    function = bound(name, **required)
    return lambda xp, p: walk(function, p, xp, known)


def linear(xp: ModuleType, p: Vectors) -> Run:
    """The transcription of a Linear layer."""
    return lambda xs, _: ([p["weight"] @ x + p["bias"] for x in xs], {})


def both(build: Build) -> Build:
    """That of a Bidirectional."""
    return lambda xp, p: bidirectional(build(xp, inner(p, "forward.")), build(xp, inner(p, "reverse.")), xp)


def series(*builds: Build) -> Build:
    """That of a list of layers."""
    return lambda xp, p: chain([build(xp, inner(p, f"{k}.")) for k, build in enumerate(builds)])


def residual(*builds: Build) -> Build:
    """That of a Residual."""
    return lambda xp, p: around(series(*builds)(xp, p), lambda x, y: x + y)


def skip(*builds: Build) -> Build:
    """That of a Skip."""
    return lambda xp, p: around(series(*builds)(xp, p), lambda x, y: xp.concatenate([x, y]))


@dataclass
class Result:
    """What is compared."""

    y: Array
    last: dict[str, Array]
    gradients: dict[str, Array]


class Case:
    """A network of one layer, its transcription, and a ragged batch in no order; one row is empty."""

    def __init__(self, made: Any, build: Build, *, start: bool = True, seed: int = 1) -> None:  # noqa: ANN401
        rng = np.random.default_rng(seed)
        self.network = rc.Network([made], dtype="float64")
        randomize(self.network, seed)
        self.build = series(build)
        self.x = rng.normal(size=(len(LENGTHS), TIME, INPUT))
        self.target = rng.normal(size=(len(LENGTHS), TIME, self.network.output_size))
        self.state = self.network.initial_state(len(LENGTHS)) if start else None
        for name, values in (self.state or {}).items():
            positive = name.endswith(".n")
            values[:] = rng.uniform(0.5, 2, values.shape) if positive else rng.normal(size=values.shape)

    def ours(self) -> Result:
        """What Recurra computes."""
        y, last = self.network(self.x, lengths=LENGTHS, state=self.state, return_state=True)
        _, gradient = self.network.loss_and_gradient(self.x, self.target, lengths=LENGTHS, state=self.state)
        gradients, begin = {}, 0
        for name, values in self.network.parameters.items():
            gradients[name] = gradient[begin : begin + values.size].reshape(values.shape)
            begin += values.size
        assert begin == gradient.size
        return Result(y, dict(last), gradients)

    def _rows(self, xp: ModuleType, parameters: Vectors, array: Callable[[Array], Any]) -> list[Any]:
        run = self.build(xp, parameters)
        states = [
            {name: array(values[row].copy()) for name, values in (self.state or {}).items()}
            for row in range(len(LENGTHS))
        ]
        return [
            run([array(x) for x in self.x[row, :length]], states[row]) for row, length in enumerate(LENGTHS)
        ]

    def theirs(self) -> Result:
        """What the transcription computes: values in NumPy, gradients by autograd."""
        parameters = {name: np.array(values) for name, values in self.network.parameters.items()}
        y, finals = np.zeros_like(self.target), []
        for row, (ys, final) in enumerate(self._rows(np, parameters, np.asarray)):
            y[row, : len(ys)] = np.reshape(ys, (len(ys), y.shape[2]))
            finals.append(final)
        last = {name: np.stack([final[name] for final in finals]) for name in finals[0]}
        return Result(y, last, self._gradients())

    def _gradients(self) -> dict[str, Array]:
        """Autograd refuses a parameter that the transcription never used, which is a test of its own."""
        parameters = {
            name: torch.tensor(values, requires_grad=True) for name, values in self.network.parameters.items()
        }
        loss = torch.zeros((), dtype=torch.float64)
        for row, (ys, _) in enumerate(self._rows(torch, parameters, torch.tensor)):
            for t, y in enumerate(ys):
                loss = loss + ((y - torch.tensor(self.target[row, t])) ** 2).sum()
        loss = loss / (LENGTHS.sum() * self.target.shape[2])
        found = torch.autograd.grad(loss, list(parameters.values()))
        return {name: values.numpy() for name, values in zip(parameters, found, strict=True)}
