"""Cells, in both directions too, equal ONNX Runtime's operators, and PyTorch's modules with a projection."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_cases import INPUT, LENGTHS, TIME, UNITS, layer
from onnx_twin import OPERATORS, run
from problems import Array, assert_close, randomize
from reference_terms import inner

torch = pytest.importorskip("torch")

from torch_twin import TORCH_CELLS, torch_module, torch_run  # noqa: E402

NONEMPTY = np.maximum(LENGTHS, 1)  # an empty sequence is nobody else's case
FLOAT32 = (2e-5, 2e-6)
Operands = tuple[list[Mapping[str, Array]], list[Mapping[str, Array]]]  # of each direction
Result = tuple[Any, list[dict[str, Any]]]  # outputs, and last states of each direction


class Posed:
    """A random network of one layer, and what the operators need of it."""

    def __init__(self, made: Any) -> None:  # noqa: ANN401
        rng = np.random.default_rng(4)
        self.network = rc.Network([made], dtype="float64")
        randomize(self.network, 5)
        self.x = rng.normal(size=(len(NONEMPTY), TIME, INPUT))
        self.state = self.network.initial_state(len(NONEMPTY))
        for values in self.state.values():
            values[:] = rng.normal(size=values.shape)

    def operands(self, *prefixes: str) -> Operands:
        parameters: list[Mapping[str, Array]] = [inner(self.network.parameters, p) for p in prefixes]
        return parameters, [inner(self.state, p) for p in prefixes]

    def check(self, result: Result, close: tuple[float, float], *prefixes: str) -> None:
        y, finals = result
        ours, last = self.network(self.x, lengths=NONEMPTY, state=self.state, return_state=True)
        assert_close(ours, y, close)
        assert len(last) == sum(len(final) for final in finals)
        for prefix, final in zip(prefixes, finals, strict=True):
            for name, values in final.items():
                assert_close(last[prefix + name], values, close, prefix + name)


def bidirectional(name: str) -> Any:  # noqa: ANN401
    wrap: Any = rc
    return wrap.Bidirectional(layer(name))


@pytest.mark.parametrize("name", OPERATORS)
def test_onnx_operators(name: str) -> None:
    posed = Posed(layer(name))
    parameters, states = posed.operands("0.")
    posed.check(run(name, parameters, posed.x, NONEMPTY, states), FLOAT32, "0.")


@pytest.mark.parametrize("name", OPERATORS)
def test_onnx_operators_in_both_directions(name: str) -> None:
    posed = Posed(bidirectional(name))
    parameters, states = posed.operands("0.forward.", "0.reverse.")
    result = run(name, parameters, posed.x, NONEMPTY, states)
    posed.check(result, FLOAT32, "0.forward.", "0.reverse.")


def of_torch(name: str, posed: Posed, *prefixes: str) -> Result:
    parameters, states = posed.operands(*prefixes)
    module = torch_module(name, [{k: torch.tensor(v) for k, v in p.items()} for p in parameters])
    tensors = [{k: torch.tensor(v) for k, v in state.items()} for state in states]
    with torch.no_grad():
        return torch_run(module, torch.tensor(posed.x), NONEMPTY, tensors)


@pytest.mark.parametrize("name", TORCH_CELLS)
def test_torch_in_both_directions(name: str) -> None:
    posed = Posed(bidirectional(name))
    result = of_torch(name, posed, "0.forward.", "0.reverse.")
    posed.check(result, (1e-11, 1e-12), "0.forward.", "0.reverse.")


def test_torch_s_projection() -> None:
    posed = Posed(layer("LSTM", projection=UNITS // 2))
    posed.check(of_torch("LSTM", posed, "0."), (1e-11, 1e-12), "0.")
