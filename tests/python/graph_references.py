"""Message passing by the layers of PyTorch Geometric with our parameters, on tensors.

Names are those of a layer, without its number: "cell.weight_ih", "message.weight"; `edges` are source and
target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

torch: Any = pytest.importorskip("torch")
layers: Any = pytest.importorskip(
    "torch_geometric.nn"
)  # this leaves out its warnings: torch.jit.script is old

Tensor = Any
Parameters = Mapping[str, Tensor]
Edges = tuple[npt.ArrayLike, npt.ArrayLike]
AGGREGATION = {"sum": "add", "mean": "mean", "max": "max"}


def edge_index(edges: Edges) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(ends, np.int64) for ends in edges]))


def messages_of(parameters: Parameters, rounds: int) -> Tensor:
    """The messages' matrices, transposed: one for all rounds, or one for each."""
    found = [values.T for name, values in parameters.items() if "message." in name and values.ndim == 2]
    assert len(found) in (1, rounds), f"{len(found)} matrices for {rounds} rounds"
    return torch.stack(found * (rounds // len(found)))


def biases(bias: Tensor) -> tuple[Tensor, Tensor]:
    """Our GRU's bias is r z n of the input's and n of the recurrent one, whose r and z are 0."""
    rows = len(bias) // 4 * 3
    return bias[:rows], torch.cat([bias.new_zeros(rows // 3 * 2), bias[rows:]])


def gated_graph(
    parameters: Parameters,
    x: Tensor,
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    rounds: int,
    aggregation: str = "sum",
    edge_weights: Tensor = None,
) -> Tensor:
    """h of all nodes: GatedGraphConv, whose h_0 is [x, 0].

    Y. Li, D. Tarlow, M. Brockschmidt and R. Zemel, Gated graph sequence neural networks, ICLR 2016.
    """
    hh = parameters["cell.weight_hh"]
    layer = layers.GatedGraphConv(hh.shape[1], rounds, aggr=AGGREGATION[aggregation])
    bias_ih, bias_hh = biases(parameters["cell.bias"])
    theirs = {"weight": messages_of(parameters, rounds), "rnn.weight_ih": parameters["cell.weight_ih"]}
    theirs |= {"rnn.weight_hh": hh, "rnn.bias_ih": bias_ih, "rnn.bias_hh": bias_hh}
    return torch.func.functional_call(layer, theirs, (x, edge_index((source, target)), edge_weights))


def edge_network(
    parameters: Parameters,
    x: Tensor,
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    edge_features: Tensor,
    matrices: Tensor,
    net: Callable[[Tensor], Tensor],
    rounds: int,
    aggregation: str = "sum",
    features: str = "state",
    vectors: Tensor = None,
) -> Tensor:
    """h of all nodes: rounds of NNConv and a GRU that reads messages, from h_0 = [x, 0].

    Or, features being its "input", messages and x from 0. The message along an edge e is A(e) h + b(e), A(e)
    the sum of the `matrices` A_k and b(e) that of the `vectors` b_k (or none), weighted by what `net` gives.

    J. Gilmer, S. S. Schoenholz, P. F. Riley, O. Vinyals and G. E. Dahl, Neural message passing for quantum
    chemistry, ICML 2017, sections 2 and 5.
    """
    outputs, inputs = matrices.shape[1:]
    vectors = matrices.new_zeros(matrices.shape[:2]) if vectors is None else vectors
    matrices = torch.cat([matrices, vectors[:, :, None]], 2)  # of [h, 1]
    layer = layers.NNConv(
        inputs + 1,
        outputs,
        lambda e: net(e) @ matrices.transpose(1, 2).flatten(1),
        aggr=AGGREGATION[aggregation],
        root_weight=False,
        bias=False,
    )
    p, index, is_state = parameters, edge_index((source, target)), features == "state"
    h = torch.nn.functional.pad(x if is_state else x[:, :0], (0, inputs - is_state * x.shape[1]))
    for _ in range(rounds):
        message = layer(torch.nn.functional.pad(h, (0, 1), value=1.0), index, edge_features)
        a = message if is_state else torch.cat([message, x], 1)
        h = torch.gru_cell(a, h, p["cell.weight_ih"], p["cell.weight_hh"], *biases(p["cell.bias"]))
    return h
