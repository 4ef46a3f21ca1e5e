"""Recursive networks, transcribed node by node from the equations of their papers.

They run on NumPy arrays and, with `xp=torch`, on tensors, so that autograd gives gradients. `children` lists
the children of each node; where their order counts, by slot, None for an empty one. Matrices have the papers'
names. `tree_lstm` and `tensor_network` take the parameters of a layer by its own names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from reference_terms import Vector, Vectors, split

Array = npt.NDArray[Any]
Children = list[list[int | None]]
Rows = Any  # a vector, or for V a matrix, each: an array, a tensor or a list
States = Any  # (nodes, units)
START = -1  # the number of a leaf's child that is no node


def children_of(
    parents: Iterable[int], slots: Iterable[int] | None = None, arity: int | None = None
) -> Children:
    """Of each node of a forest, in the order of their numbers or by slot."""
    above = [int(p) for p in parents]
    below = [v for v, p in enumerate(above) if p >= 0]
    places = None if slots is None else [s for s, p in zip(slots, above, strict=True) if p >= 0]
    return children_along(below, [above[v] for v in below], len(above), places, arity)


def children_along(
    source: Iterable[int],
    target: Iterable[int],
    num_nodes: int,
    slots: Iterable[int] | None = None,
    arity: int | None = None,
) -> Children:
    """Of each node of an acyclic graph, whose edges lead from the child to the node above, in their order."""
    found: list[dict[int, int]] = [{} for _ in range(num_nodes)]
    if slots is None:
        for child, node in zip(source, target, strict=True):
            found[int(node)][len(found[int(node)])] = int(child)
    else:
        for child, node, slot in zip(source, target, slots, strict=True):
            assert int(slot) not in found[int(node)], f"two children in slot {slot} of node {node}"
            found[int(node)][int(slot)] = int(child)
    return [[below.get(k) for k in range(max(arity or 0, max(below, default=-1) + 1))] for below in found]


def downwards(parents: Iterable[int], slots: Iterable[int] | None = None) -> Children:
    """A forest from its roots: what a node reads is the node above, by slot in its own."""
    above = [int(p) for p in parents]
    places = [0] * len(above) if slots is None else [int(s) for s in slots]
    return [[*[None] * slot, p] if p >= 0 else [] for p, slot in zip(above, places, strict=True)]


def leaves_first(children: Children) -> list[int]:
    """All nodes, each behind its children."""
    waiting = [sum(k is not None for k in below) for below in children]
    above: list[list[int]] = [[] for _ in children]
    for node, below in enumerate(children):
        for k in below:
            if k is not None:
                above[k].append(node)
    order = [node for node, count in enumerate(waiting) if count == 0]
    for node in order:  # grows as it is walked
        for parent in above[node]:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                order.append(parent)
    assert len(order) == len(children), "the graph has a cycle"
    return order


def sigmoid(a: Vector, xp: Any) -> Vector:  # noqa: ANN401
    return 1 / (1 + xp.exp(-a))


def child_sum(
    x: Rows,
    children: Children,
    W: Vectors,
    U: Vectors,
    b: Vectors,
    xp: Any = np,  # noqa: ANN401
    start: tuple[Vector, Vector] | None = None,
    V: Mapping[str, Rows] | None = None,
) -> tuple[States, States]:
    """h and c of the child-sum Tree-LSTM; leaves read `start`, the h and c of a child that is no node.

    With `V`, q'Vq joins the pre-activations of i, o and u, q the sum of the children's h.

    K. S. Tai, R. Socher and C. D. Manning, Improved semantic representations from tree-structured long
    short-term memory networks, ACL 2015, eqs. 2-8.
    """
    starts = {} if start is None else {START: start}
    h, c = ({j: state[n] for j, state in starts.items()} for n in (0, 1))
    for j in leaves_first(children):
        C = [k for k in children[j] if k is not None] or list(starts)
        h_sum = sum((h[k] for k in C), 0 * b["i"])  # 2
        bent = bilinear(V, h_sum, xp)
        i = sigmoid(W["i"] @ x[j] + U["i"] @ h_sum + b["i"] + bent["i"], xp)  # 3
        f = {k: sigmoid(W["f"] @ x[j] + U["f"] @ h[k] + b["f"], xp) for k in C}  # 4
        o = sigmoid(W["o"] @ x[j] + U["o"] @ h_sum + b["o"] + bent["o"], xp)  # 5
        u = xp.tanh(W["u"] @ x[j] + U["u"] @ h_sum + b["u"] + bent["u"])  # 6
        c[j] = i * u + sum(f[k] * c[k] for k in C)  # 7
        h[j] = o * xp.tanh(c[j])  # 8
    return stacked(h, xp), stacked(c, xp)


def n_ary(
    x: Rows,
    children: Children,
    W: Vectors,
    U: Mapping[str, Any],
    b: Vectors,
    xp: Any = np,  # noqa: ANN401
    start: tuple[Vector, Vector] | None = None,
    V: Mapping[str, Rows] | None = None,
) -> tuple[States, States]:
    """h and c of the N-ary Tree-LSTM: U[gate][s] for slot s, U["f"][m][s] for the gate of slot m.

    In an empty slot h and c are 0; leaves read `start` in their first. `V` as above, q the children's h side
    by side.

    The same paper, eqs. 9-14.
    """
    starts = {} if start is None else {START: start}
    h, c = ({j: state[n] for j, state in starts.items()} for n in (0, 1))
    for j in leaves_first(children):
        C = [(s, k) for s, k in enumerate(children[j]) if k is not None] or list(enumerate(starts))
        q = {s: h[k] for s, k in C}
        bent = bilinear(V, xp.concatenate([q.get(s, 0 * b["i"]) for s in range(len(U["i"]))]), xp)
        i = sigmoid(W["i"] @ x[j] + sum(U["i"][s] @ h[k] for s, k in C) + b["i"] + bent["i"], xp)  # 9
        f = {  # 10
            m: sigmoid(W["f"] @ x[j] + sum(U["f"][m][s] @ h[k] for s, k in C) + b["f"], xp) for m, _ in C
        }
        o = sigmoid(W["o"] @ x[j] + sum(U["o"][s] @ h[k] for s, k in C) + b["o"] + bent["o"], xp)  # 11
        u = xp.tanh(W["u"] @ x[j] + sum(U["u"][s] @ h[k] for s, k in C) + b["u"] + bent["u"])  # 12
        c[j] = i * u + sum(f[s] * c[k] for s, k in C)  # 13
        h[j] = o * xp.tanh(c[j])  # 14
    return stacked(h, xp), stacked(c, xp)


def bilinear(V: Mapping[str, Rows] | None, q: Vector, xp: Any) -> Vectors:  # noqa: ANN401
    """q'Vq of the gates that read all children, 0 without V."""
    if V is None:
        return dict.fromkeys("iou", 0)
    return {gate: xp.stack([q @ V_k @ q for V_k in slices]) for gate, slices in V.items()}


def rntn(
    x: Rows,
    children: Children,
    V: Rows,
    W: Vector,
    L: Vector,
    b: Vector,
    xp: Any = np,  # noqa: ANN401
) -> States:
    """h = tanh(q' V^[1:d] q + W q + L x + b), q the children's h side by side, 0 where a slot is empty.

    R. Socher et al., Recursive deep models for semantic compositionality over a sentiment treebank, EMNLP
    2013, section 4.3, where V^[k] is a slice; there leaves are given, here tanh(L x + b) is what they are.
    """
    h: dict[int, Vector] = {}
    for j in leaves_first(children):
        slots = W.shape[1] // len(b)
        below = [*children[j], *[None] * (slots - len(children[j]))]
        q = xp.concatenate([0 * b if k is None else h[k] for k in below])
        h[j] = xp.tanh(xp.stack([q @ V_k @ q for V_k in V]) + W @ q + L @ x[j] + b)
    return stacked(h, xp)


def stacked(states: Mapping[int, Vector], xp: Any) -> States:  # noqa: ANN401
    return xp.stack([states[j] for j in sorted(states.keys() - {START})])


def tree_lstm(
    parameters: Mapping[str, Any],
    x: Rows,
    children: Children,
    arity: int | None = None,
    xp: Any = np,  # noqa: ANN401
) -> tuple[States, States]:
    """Child-sum, or N-ary, with our parameters: gates i f g o; N-ary, f has a block of rows for each slot."""
    papers = {"i": "i", "f": "f", "g": "u", "o": "o"}
    learned = "initial_h" in parameters
    start = (parameters["initial_h"], parameters["initial_c"]) if learned else None
    W, b = (by_paper(split(parameters[name], "i f g o"), papers) for name in ("weight_ih", "bias"))
    hh, V = parameters["weight_hh"], None
    if "tensor" in parameters:
        V = by_paper(split(parameters["tensor"], "i g o"), papers)
    if arity is None:
        return child_sum(x, children, W, by_paper(split(hh, "i f g o"), papers), b, xp, start, V)
    edges = [f"f{k}" for k in range(arity)]
    rows = split(hh, " ".join(["i", *edges, "g", "o"]))
    units = hh.shape[1] // arity
    by_slot = {gate: [m[:, k * units : (k + 1) * units] for k in range(arity)] for gate, m in rows.items()}
    U = by_paper({gate: by_slot[gate] for gate in "igo"}, papers) | {"f": [by_slot[gate] for gate in edges]}
    return n_ary(x, children, W, U, b, xp, start, V)


def by_paper(ours: Mapping[str, Any], papers: Mapping[str, str]) -> dict[str, Any]:
    return {papers[gate]: values for gate, values in ours.items()}


def tensor_network(
    parameters: Mapping[str, Any],
    x: Rows,
    children: Children,
    xp: Any = np,  # noqa: ANN401
) -> States:
    """The RNTN with our parameters of an Elman cell with a tensor."""
    p = parameters
    return rntn(x, children, p["tensor"], p["weight_hh"], p["weight_ih"], p["bias"], xp)


def differentiated(
    run: Callable[[Mapping[str, Any], Any], States],
    parameters: Mapping[str, Array],
    x: Array,
    target: Array,
) -> tuple[Array, float, Array]:
    """States, mean squared loss over all of them, and the gradient of all parameters, one behind the other.

    `run` takes the parameters and x as PyTorch's tensors.
    """
    import torch

    leaves = {name: torch.tensor(values, requires_grad=True) for name, values in parameters.items()}
    h = run(leaves, torch.tensor(x))
    loss = ((h - torch.tensor(target)) ** 2).mean()
    torch.autograd.backward(loss)
    gradients = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in leaves.values()]
    return h.detach().numpy(), loss.item(), torch.cat([g.flatten() for g in gradients]).numpy()
