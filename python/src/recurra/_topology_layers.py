"""Layers over trees and graphs: a cell in them runs over nodes instead of time."""

from __future__ import annotations

from collections.abc import Sequence

from recurra._arrays import count, flag
from recurra._cells import Cell
from recurra._layer import Layer, choice, listed, size
from recurra._layers import Linear


class Tree(Layer):
    """A cell over the nodes of a `Forest`: (nodes, features) -> (nodes, the cell's features).

    Without an arity a node reads the sum of what its children feed, and a gate such as the forget gate sees
    each child by itself (the child-sum Tree-LSTM, if the cell is an LSTM); their order does not matter. With
    an arity a node has that many slots, each with weights of its own (the N-ary Tree-LSTM): ``weight_hh`` has
    a block of columns for the child in each slot, and for a gate that sees each child by itself a block of
    rows for each. A slot may be empty. A leaf reads the initial state, as a sequence's first step does.

    Args:
        cell: The cell. Some admit one child only, and say so.
        arity: Slots of a node; None: children are summed.
        direction: "up", from the leaves to the roots, or "down": each node reads the one above it, or
            the sum of several (with an arity of those whose slot is the same).
        bilinear: u'Vu joins the pre-activations of the gates that read all children, where u is what the
            children feed, side by side or summed: with an Elman cell a recursive neural tensor network.
            Parameter: ``tensor`` (units of those gates, width of u, width of u).

    Source: K. S. Tai, R. Socher and C. D. Manning, ACL 2015; R. Socher et al., EMNLP 2013 (bilinear).
    """

    def __init__(
        self, cell: Cell, arity: int | None = None, *, direction: str = "up", bilinear: bool = False
    ) -> None:
        options: dict[str, int | str | bool] = {}
        if arity is not None:
            options["arity"] = size("Tree", "arity", arity)
        if choice("Tree: direction", direction, "up", "down") == "down":
            options["direction"] = direction
        if flag("Tree: bilinear", bilinear):
            options["bilinear"] = True
        super().__init__("Tree", cell, **options)


class ByType(Layer):
    """A message that is a linear map for each type of edge: A_t h_u + b_t, in a `GraphNet`.

    Parameters: ``weight`` (types, message, state), ``bias`` (types, message).

    Source: Y. Li et al., ICLR 2016.
    """

    def __init__(self, state_size: int, message_size: int, num_types: int, *, bias: bool = True) -> None:
        options: dict[str, int | bool] = {} if flag("ByType: bias", bias) else {"bias": False}
        super().__init__(
            "ByType",
            input_size=size("ByType", "state_size", state_size),
            output_size=size("ByType", "message_size", message_size),
            num_types=size("ByType", "num_types", num_types),
            **options,
        )


class EdgeNet(Layer):
    """A message whose matrix the edge's features make: (A_0 + sum_k a_k A_k) h_u + b, in a `GraphNet`.

    a are the edge's features, or what a net of layers makes of them. Parameters: ``weight`` (K + 1, message,
    state), A_0 the last, ``bias`` (K + 1, message), a vector for each as the matrices; ``edges.``, the net's.

    Source: J. Gilmer et al., ICML 2017.
    """

    def __init__(
        self, state_size: int, message_size: int, edge_size: int, net: Layer | Sequence[Layer] = ()
    ) -> None:
        super().__init__(
            "EdgeNet",
            *_net("EdgeNet", net),
            input_size=size("EdgeNet", "state_size", state_size),
            output_size=size("EdgeNet", "message_size", message_size),
            edge_size=size("EdgeNet", "edge_size", edge_size),
        )


class MLP(Layer):
    """A message by layers on the receiver's and the sender's states and the edge's features, in a `GraphNet`.

    net(W_v h_v + W_u h_u + W_e e + b). Parameters: ``weight`` (2, hidden, state), W_v and W_u, ``bias``
    (2, hidden), whose sum is b; ``edges.weight``, W_e; ``net.``, the net's.

    Args:
        state_size: Features of a node's state.
        hidden_size: Features that the net reads.
        net: Its layers, such as ``[Relu(), Linear(hidden, message)]``.
        edge_size: Features of an edge; 0: they are not read.
    """

    def __init__(
        self, state_size: int, hidden_size: int, net: Layer | Sequence[Layer], *, edge_size: int = 0
    ) -> None:
        features = count("MLP: edge_size", edge_size, 0, 2**62)
        options = {"edge_size": features} if features > 0 else {}
        super().__init__(
            "MLP",
            *_net("MLP", net),
            input_size=size("MLP", "state_size", state_size),
            hidden_size=size("MLP", "hidden_size", hidden_size),
            **options,
        )


class GraphNet(Layer):
    """Rounds of a cell over the nodes of `Graphs`: (nodes, features) -> (nodes, the cell's features).

    In each round a node hears m_v, the aggregate of f(h_v, h_u, e) over the edges from u to v, and takes a
    step of the cell, whose input m_v is. Parameters: ``cell.`` and ``message.``, those of ``message.0.``,
    ``message.1.``, .. if rounds do not share one.

    Args:
        cell: The cell, from the message's size to the state's.
        message: f: ``Linear(state, message)``, `ByType`, `EdgeNet` or `MLP`.
        rounds: How many.
        aggregation: "sum", "mean" or "max" over a node's incoming edges; 0 where there are none.
        features: "state": a node's features are what its state begins with, the rest of it zero (at most as
            many as the state has); "input": they join each message, and the cell's input has both.
        attention: Whether a softmax over a node's incoming edges, of leaky_relu(p h_v + q h_u + r e), weighs
            the messages. Parameters: ``message.attention.weight`` (2, state), p and q;
            ``message.attention.edges.weight``, r, where the message reads the edges' features.
        shared: Whether all rounds share one message; else a Linear, ByType or EdgeNet for each.
        input_size: Features of a node, where no layer before it tells; default the state's.

    A gated graph network is a GRU with messages Linear (one type of edge, PyTorch Geometric: no bias, not
    shared) or ByType (DGL: bias, shared).

    Source: Y. Li et al., ICLR 2016; J. Gilmer et al., ICML 2017; P. Velickovic et al., ICLR 2018 (attention).
    """

    def __init__(
        self,
        cell: Cell,
        message: Linear | ByType | EdgeNet | MLP,
        rounds: int,
        aggregation: str = "sum",
        *,
        features: str = "state",
        attention: bool = False,
        shared: bool = True,
        input_size: int | None = None,
    ) -> None:
        options: dict[str, int | str | bool] = {"rounds": size("GraphNet", "rounds", rounds)}
        if choice("GraphNet: aggregation", aggregation, "sum", "mean", "max") != "sum":
            options["aggregation"] = aggregation
        if choice("GraphNet: features", features, "state", "input") != "state":
            options["features"] = features
        if flag("GraphNet: attention", attention):
            options["attention"] = True
        if not flag("GraphNet: shared", shared):
            options["shared"] = False
        if input_size is not None:
            options["input_size"] = size("GraphNet", "input_size", input_size)
        super().__init__("GraphNet", cell, message, **options)


class Readout(Layer):
    """One vector for each tree or graph: (nodes, features) -> (structures, features).

    Args:
        pool: "sum", "mean" or "max" of the nodes, feature by feature; "root": that of a tree's root; "gated":
            sum_v sigmoid(W_i h_v + b_i) tanh(W_j h_v + b_j), with parameters ``weight`` [W_i, W_j] and
            ``bias``. A graph without nodes gives zeros.
        size: Of "gated", its features; default as many as there are.

    Source: Y. Li et al., ICLR 2016, eq. 7 (gated, without the outer tanh).
    """

    def __init__(self, pool: str, size: int | None = None) -> None:
        options: dict[str, int | str] = {
            "pool": choice("Readout: pool", pool, "sum", "mean", "max", "root", "gated")
        }
        if size is not None:
            if pool != "gated":
                raise ValueError(f"Readout: size is {size!r}, expected None for pool {pool!r}")
            options["size"] = _size("Readout", "size", size)
        super().__init__("Readout", **options)


_size = size


def _net(owner: str, net: Layer | Sequence[Layer]) -> list[Layer]:
    return [net] if isinstance(net, Layer) else listed(owner, net)
