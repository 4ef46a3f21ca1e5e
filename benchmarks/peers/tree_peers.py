"""The child-sum Tree-LSTM in PyTorch: node by node, as its equations are written, and level by level.

K. S. Tai, R. Socher and C. D. Manning, ACL 2015, eqs. 2-8. No tree is a single node.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import linear, mse_loss

Array = npt.NDArray[Any]
Parents = npt.NDArray[np.int64]


def depths(parents: Parents) -> Parents:
    """Count the nodes above each node."""
    depth, above = np.zeros_like(parents), parents.copy()
    while (inside := above >= 0).any():
        depth[inside] += 1
        above[inside] = parents[above[inside]]
    return depth


class TreeLSTM(torch.nn.Module):
    """Our LSTM's parameters, gates in the order i o g f: those of the children's sum side by side."""

    def __init__(self, parameters: Mapping[str, Array]) -> None:
        super().__init__()
        ih, hh, bias = (torch.from_numpy(parameters[n].copy()) for n in ("weight_ih", "weight_hh", "bias"))
        self.units = hh.shape[1]
        self.weight, self.bias = (torch.nn.Parameter(self._reordered(t)) for t in (ih, bias))
        sums, edges = self._reordered(hh).split((3 * self.units, self.units))
        self.of_sum, self.of_child = (torch.nn.Parameter(t.clone()) for t in (sums, edges))

    @staticmethod
    def _reordered(ours: Tensor) -> Tensor:
        i, f, g, o = ours.chunk(4)
        return torch.cat([i, o, g, f])

    def gradient(self) -> dict[str, Array]:
        """Name the gradients as ours are, and lay them out so."""
        found = {"weight_ih": self.weight.grad, "bias": self.bias.grad}
        found["weight_hh"] = torch.cat([self.of_sum.grad, self.of_child.grad])
        ordered = ((name, gradient.chunk(4)) for name, gradient in found.items())
        return {name: torch.cat([i, f, g, o]).numpy() for name, (i, o, g, f) in ordered}

    def step(self, x: Tensor, target: Tensor) -> float:
        """Leave the gradient of the mean squared loss over all nodes."""
        self.zero_grad()
        loss = mse_loss(self(x), target)
        torch.autograd.backward(loss)
        return loss.item()


class NodeByNode(TreeLSTM):
    """One call per operation and node, all input products of a tree at once.

    A training step goes tree by tree: one graph of autograd for a whole forest took half as long again.
    """

    def __init__(self, parameters: Mapping[str, Array], parents: Parents, sizes: list[int]) -> None:
        super().__init__(parameters)
        self.sizes = sizes  # of the trees, whose nodes follow each other
        self.plans = []
        for end, size in zip(np.cumsum(sizes).tolist(), sizes, strict=True):
            above = np.maximum(parents[end - size : end] - (end - size), -1)
            upwards = np.argsort(-depths(above), kind="stable").tolist()
            self.plans.append([(v, np.flatnonzero(above == v).tolist()) for v in upwards])

    def tree(self, x: Tensor, plan: list[tuple[int, list[int]]]) -> Tensor:
        """Compute the states of one tree's nodes."""
        units = self.units
        of_child = self.of_child.T
        # unbind: the gradient of a row taken by its number would be as large as the whole
        inputs = linear(x, self.weight, self.bias).unbind()
        h, c = list(inputs), list(inputs)  # each place is written before it is read
        for v, children in plan:
            a, a_f = inputs[v].split((3 * units, units))
            if children:
                below = torch.stack([h[k] for k in children])
                f = torch.sigmoid(torch.addmm(a_f, below, of_child))
                kept = (f * torch.stack([c[k] for k in children])).sum(0)
                a = torch.addmv(a, self.of_sum, below.sum(0))
            i_o, g = a.split((2 * units, units))
            i, o = torch.sigmoid(i_o).chunk(2)
            c[v] = torch.addcmul(kept, i, torch.tanh(g)) if children else i * torch.tanh(g)
            h[v] = o * torch.tanh(c[v])
        return torch.stack(h)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the states of all nodes."""
        trees = zip(x.split(self.sizes), self.plans, strict=True)
        return torch.cat([self.tree(part, plan) for part, plan in trees])

    def step(self, x: Tensor, target: Tensor) -> float:
        """Leave the gradient of the mean squared loss over all nodes."""
        self.zero_grad()
        total = 0.0
        for part, wanted, plan in zip(x.split(self.sizes), target.split(self.sizes), self.plans, strict=True):
            loss = mse_loss(self.tree(part, plan), wanted, reduction="sum") / target.numel()
            torch.autograd.backward(loss)
            total += loss.item()
        return total


class LevelByLevel(TreeLSTM):
    """All leaves at once, then the other nodes by depth, from below: no work in Python depends on the nodes.

    Levels by depth, and not by height, since all children of a level are then in the level before or leaves.
    The time of what else was tried, over this one's: by height 1.1 to 1.3, as the states of all levels must
    be kept in one place to gather from; leaves in their levels up to 1.2; R times each child's h instead of
    their sum up to 1.3; a product per gate 0.95 (forests of 256) to 1.07 (one tree); a backward pass by hand,
    on buffers made once, 0.93 (one tree of 150 units) to 1.25.
    """

    def __init__(self, parameters: Mapping[str, Array], parents: Parents) -> None:
        super().__init__(parameters)
        depth, inner = depths(parents), np.unique(parents[parents >= 0])
        inner = inner[np.argsort(-depth[inner], kind="stable")]
        leaves = np.setdiff1d(np.arange(len(parents)), inner)
        self.sizes = np.bincount(depth[inner])[::-1].tolist()
        place = np.zeros_like(parents)
        place[inner] = np.arange(len(inner))
        starts = np.cumsum([0, *self.sizes]).tolist()
        self.above_leaves = torch.from_numpy(place[parents[leaves]])
        self.above = [
            torch.from_numpy(place[parents[inner[begin:end]]] - end) for begin, end in pairwise(starts[:-1])
        ]
        order = np.concatenate([leaves, inner])
        self.order, self.back = torch.from_numpy(order), torch.from_numpy(np.argsort(order))
        self.parts = (len(leaves), len(inner))

    def states(self, a: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        """Compute h and c from the pre-activations of i, o, g and what is kept of the children's c."""
        i_o, g = a.split((2 * self.units, self.units), 1)
        i, o = torch.sigmoid(i_o).chunk(2, 1)
        c = i * torch.tanh(g) if kept is None else torch.addcmul(kept, i, torch.tanh(g))
        return o * torch.tanh(c), c

    def forward(self, x: Tensor) -> Tensor:
        """Compute the states of all nodes."""
        leaves, inner = x.index_select(0, self.order).split(self.parts)
        parts = (3 * self.units, self.units)
        (weight, weight_f), (bias, bias_f) = self.weight.split(parts), self.bias.split(parts)
        of_sum, of_child = self.of_sum.T, self.of_child.T
        a, a_f = linear(inner, weight, bias), linear(inner, weight_f, bias_f)  # leaves forget nothing

        def kept(a_f: Tensor, above: Tensor, h: Tensor, c: Tensor) -> Tensor:
            return torch.sigmoid(torch.addmm(a_f.index_select(0, above), h, of_child)) * c

        h, c = self.states(linear(leaves, weight, bias), None)
        below = h.new_zeros(len(inner), self.units).index_add_(0, self.above_leaves, h)
        memory = torch.zeros_like(below).index_add_(0, self.above_leaves, kept(a_f, self.above_leaves, h, c))
        found = [h]
        levels = zip(*(t.split(self.sizes) for t in (a, a_f, below, memory)), strict=True)
        for k, (a_k, a_f_k, below_k, memory_k) in enumerate(levels):
            if k > 0:
                above = self.above[k - 1]
                below_k = below_k.index_add(0, above, h)
                memory_k = memory_k.index_add(0, above, kept(a_f_k, above, h, c))
            h, c = self.states(torch.addmm(a_k, below_k, of_sum), memory_k)
            found.append(h)
        return torch.cat(found).index_select(0, self.back)
