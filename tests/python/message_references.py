"""Rounds of message passing on tensors, edge by edge: what `GraphNet` says, in PyTorch.

Names are those of a layer, without its number. A message is f(h_v, h_u, e); `messages` has one f per type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from graph_references import biases
from reference_terms import inner
from topology_cases import Web

torch: Any = pytest.importorskip("torch")

Tensor = Any
Parameters = Mapping[str, Tensor]
Function = Callable[[Parameters, Tensor, Tensor, Web], Tensor]  # of h_v, h_u and the edges: (edges, message)


def affine(p: Parameters, to: Tensor, sender: Tensor, web: Web) -> Tensor:
    """A h_u + b."""
    return sender @ p["weight"].T + p.get("bias", 0)


def by_type(p: Parameters, to: Tensor, sender: Tensor, web: Web) -> Tensor:
    """A_t h_u + b_t. Y. Li et al., ICLR 2016."""
    kinds = torch.from_numpy(web.types)
    return torch.einsum("emh,eh->em", p["weight"][kinds], sender) + (p["bias"][kinds] if "bias" in p else 0)


def edge_net(net: Callable[[Parameters, Tensor], Tensor]) -> Function:
    """(A_0 + sum_k a_k A_k) h_u + b_0 + sum_k a_k b_k, a = net(e). J. Gilmer et al., ICML 2017."""

    def message(p: Parameters, to: Tensor, sender: Tensor, web: Web) -> Tensor:
        a = net(inner(p, "edges."), torch.from_numpy(web.features))
        matrices = torch.einsum("ek,kmh->emh", a, p["weight"][:-1]) + p["weight"][-1]
        return torch.einsum("emh,eh->em", matrices, sender) + a @ p["bias"][:-1] + p["bias"][-1]

    return message


def mlp(net: Callable[[Parameters, Tensor], Tensor]) -> Function:
    """net(W_v h_v + W_u h_u + W_e e + b)."""

    def message(p: Parameters, to: Tensor, sender: Tensor, web: Web) -> Tensor:
        hidden = to @ p["weight"][0].T + sender @ p["weight"][1].T + p["bias"].sum(0)
        if "edges.weight" in p:
            hidden = hidden + torch.from_numpy(web.features) @ p["edges.weight"].T
        return net(inner(p, "net."), hidden)

    return message


def shares(p: Parameters, to: Tensor, sender: Tensor, web: Web) -> Tensor:
    """A softmax of leaky_relu(p h_v + q h_u + r e) over a node's edges. P. Velickovic et al., ICLR 2018."""
    score = to @ p["weight"][0] + sender @ p["weight"][1]
    if "edges.weight" in p:
        score = score + torch.from_numpy(web.features) @ p["edges.weight"][0]
    raised = torch.exp(torch.nn.functional.leaky_relu(score, 0.2))
    target = torch.from_numpy(web.target)
    total = raised.new_zeros(web.nodes).index_add(0, target, raised)
    return raised / total[target]


def aggregate(messages: Tensor, web: Web, how: str) -> Tensor:
    """The sum, mean or maximum of what arrives at each node, 0 where nothing does."""
    target = torch.from_numpy(web.target)
    zero = messages.new_zeros(web.nodes, messages.shape[1])
    if how == "max":
        index = target[:, None].expand_as(messages)
        return zero.scatter_reduce(0, index, messages, "amax", include_self=False)
    found = zero.index_add(0, target, messages)
    counts = torch.bincount(target, minlength=web.nodes).clamp(min=1)
    return found / counts[:, None] if how == "mean" else found


def graph_net(
    p: Parameters,
    x: Tensor,
    web: Web,
    message: Function,
    rounds: int,
    aggregation: str = "sum",
    features: str = "state",
    attention: bool = False,
    shared: bool = True,
) -> Tensor:
    """h of all nodes after rounds of a GRU, reset after."""
    units = p["cell.weight_hh"].shape[1]
    joins = features == "input"
    h = x.new_zeros(len(x), units) if joins else torch.nn.functional.pad(x, (0, units - x.shape[1]))
    source, target = torch.from_numpy(web.source), torch.from_numpy(web.target)
    for r in range(rounds):
        own = inner(p, "message." if shared else f"message.{r}.")
        m = message(own, h[target], h[source], web) * torch.from_numpy(web.weights)[:, None]
        if attention:
            m = m * shares(inner(p, "message.attention."), h[target], h[source], web)[:, None]
        heard = aggregate(m, web, aggregation)
        heard = torch.cat([heard, x], 1) if joins else heard
        h = torch.gru_cell(heard, h, p["cell.weight_ih"], p["cell.weight_hh"], *biases(p["cell.bias"]))
    return h


def readout(p: Parameters, h: Tensor, web: Web, pool: str) -> Tensor:
    """A row for each graph, node by node; zeros for one without nodes."""
    rows, first = [], 0
    for size in web.sizes:
        own, first = h[first : first + size], first + size
        if pool == "gated":
            half = len(p["weight"]) // 2
            a = own @ p["weight"].T + p["bias"]
            rows.append((torch.sigmoid(a[:, :half]) * torch.tanh(a[:, half:])).sum(0))
        elif pool == "max":
            rows.append(own.max(0).values if size else h.new_zeros(h.shape[1]))
        else:
            rows.append(own.sum(0) / (max(size, 1) if pool == "mean" else 1))
    return torch.stack(rows)
