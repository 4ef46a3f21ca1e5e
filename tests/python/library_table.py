"""The second table of docs/cells.md: how far the cells are from PyTorch's and ONNX Runtime's.

It is printed by cell_table.py. PyTorch computes in float64, with gradients; ONNX Runtime in float32, as we do
beside it. A ragged batch from random states, one and both directions.
"""

from typing import Any

import numpy as np
import recurra as rc
import torch
from cell_references import parse
from onnx_twin import OPERATORS
from onnx_twin import run as run_onnx
from problems import Array, randomize
from torch_twin import TORCH_CELLS, torch_module, torch_run

LIBRARY_HEADER = ("cell", "PyTorch: outputs", "PyTorch: gradients", "ONNX Runtime: outputs")
INPUT, UNITS, PROJECTED = 3, 6, 4
LENGTHS = np.array([4, 1, 6, 3])
DIRECTIONS = ("0.",), ("0.forward.", "0.reverse.")

PROJECTION = "LSTM with a projection"  # PyTorch's alone
LIBRARY_CELLS = (*dict.fromkeys((*TORCH_CELLS, *OPERATORS)), PROJECTION)
LIBRARY_ROWS = tuple((name, prefixes) for name in LIBRARY_CELLS for prefixes in DIRECTIONS)


def _layer(name: str) -> rc.Layer:
    if name == PROJECTION:
        return rc.LSTM(INPUT, UNITS, projection=PROJECTED)
    type_name, variant = parse(name)
    made: rc.Layer = getattr(rc, type_name)(INPUT, UNITS, **variant)
    return made


def library_call(name: str, prefixes: tuple[str, ...]) -> str:
    """The public name, as it is written in Python."""
    type_name, variant = ("LSTM", {"projection": PROJECTED}) if name == PROJECTION else parse(name)
    options = [f"{key}={value!r}".replace("'", '"') for key, value in variant.items()]
    call = f"{type_name}({', '.join(['input_size', 'hidden_size', *options])})"
    return f"`{call}`" if len(prefixes) == 1 else f"`Bidirectional({call})`"


class Beside:
    """One of our networks and its data."""

    def __init__(self, name: str, prefixes: tuple[str, ...]) -> None:
        self.name, self.prefixes = name, prefixes
        layer = _layer(name)
        self.layers = [layer] if len(prefixes) == 1 else [rc.Bidirectional(layer)]
        self.network = rc.Network(self.layers, dtype="float64")
        randomize(self.network, 1)
        rng = np.random.default_rng(2)
        self.x = rng.normal(size=(len(LENGTHS), max(LENGTHS), INPUT))
        self.target = rng.normal(size=(*self.x.shape[:2], self.network.output_size))
        self.state = self.network.initial_state(len(LENGTHS))
        for values in self.state.values():
            values[:] = rng.normal(size=values.shape)

    def _each(self, arrays: Any) -> list[dict[str, Array]]:  # noqa: ANN401
        return [
            {k.removeprefix(p): np.array(v) for k, v in arrays.items() if k.startswith(p)}
            for p in self.prefixes
        ]

    def torch(self) -> tuple[float, float]:
        """The largest differences of outputs and last states, and of gradients, in float64."""
        parameters = [{k: torch.tensor(v) for k, v in p.items()} for p in self._each(self.network.parameters)]
        states = [{k: torch.tensor(v) for k, v in s.items()} for s in self._each(self.state)]
        module = torch_module(self.name.split(" with ")[0], parameters)
        y, finals = torch_run(module, torch.tensor(self.x), LENGTHS, states)
        valid = torch.arange(y.shape[1])[None] < torch.tensor(LENGTHS)[:, None]
        ((y - torch.tensor(self.target))[valid] ** 2).mean().backward()
        gradients: dict[str, Array] = {}
        for prefix, suffix in zip(self.prefixes, ("l0", "l0_reverse"), strict=False):
            found = {k: getattr(module, f"{k}_{suffix}").grad.numpy() for k in ("weight_ih", "weight_hh")}
            found["bias"] = getattr(module, f"bias_ih_{suffix}").grad.numpy()
            if self.name.startswith("GRU"):  # the second bias of the candidate is our b_q
                found["bias"] = np.append(found["bias"], getattr(module, f"bias_hh_{suffix}").grad[-UNITS:])
            if self.name == PROJECTION:
                found["weight_hr"] = getattr(module, f"weight_hr_{suffix}").grad.numpy()
            gradients |= {prefix + k: v for k, v in found.items()}
        _, ours = self.network.loss_and_gradient(self.x, self.target, lengths=LENGTHS, state=self.state)
        theirs = np.concatenate([gradients[k].ravel() for k in self.network.parameters])
        last = [{s: v.detach().numpy() for s, v in final.items()} for final in finals]
        return self._outputs(self.network, y.detach().numpy(), last), float(np.abs(ours - theirs).max())

    def onnx(self) -> float:
        """The largest difference of outputs and last states, in float32."""
        single = rc.Network(self.layers, dtype="float32")
        single.flat[:] = self.network.flat
        y, last = run_onnx(
            self.name,
            list(self._each(self.network.parameters)),
            self.x,
            LENGTHS,
            list(self._each(self.state)),
        )
        return self._outputs(single, y, last)

    def _outputs(self, network: rc.Network, y: Array, finals: list[dict[str, Array]]) -> float:
        state = network.initial_state(len(LENGTHS))
        for name, values in state.items():
            values[:] = self.state[name]
        ours, last = network(self.x.astype(network.dtype), lengths=LENGTHS, state=state, return_state=True)
        theirs = {p + s: v for p, final in zip(self.prefixes, finals, strict=True) for s, v in final.items()}
        assert set(theirs) == set(last)
        return max(float(np.abs(a - b).max()) for a, b in [(ours, y), *((last[s], theirs[s]) for s in last)])


def library_differences(
    name: str, prefixes: tuple[str, ...]
) -> tuple[float | None, float | None, float | None]:
    """The columns that are measurements; None where the library lacks the cell."""
    beside = Beside(name, prefixes)
    outputs, gradients = beside.torch() if name in (*TORCH_CELLS, PROJECTION) else (None, None)
    return outputs, gradients, beside.onnx() if name in OPERATORS else None
