"""Training steps of a gated graph network beside PyTorch Geometric's and beside plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import recurra as rc
import torch
from torch import Tensor

from benchmarks.cells import split_bias
from benchmarks.native import Native
from benchmarks.peers.tree_peers import Array
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, repeated

UNITS, ROUNDS, DEGREE = 64, 5, 4
COLUMNS = ("nodes", "edges", "recurra", "PyG", "/ ours", "PyTorch", "/ ours")
WIDTHS = (6, 6, 9, 9, 7, 9, 7)


def draw(nodes: int) -> tuple[Array, Array]:
    """Draw source and target of edges between random pairs of nodes, both ways, sorted by target."""
    pairs = np.random.default_rng(0).choice(nodes * (nodes - 1) // 2, nodes * DEGREE // 2, replace=False)
    one, other = (ends[pairs] for ends in np.triu_indices(nodes, 1))
    source, target = np.concatenate([one, other]), np.concatenate([other, one])
    by_target = np.lexsort((source, target))
    return source[by_target], target[by_target]


class Plain(torch.nn.Module):
    """PyTorch Geometric's layer without its machinery: gather, index_add_, GRU."""

    def __init__(self, layer: torch.nn.Module, edges: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.source, self.target = edges

    def forward(self, h: Tensor) -> Tensor:
        """Compute the states of all nodes after the last round."""
        for weight in self.layer.weight.unbind():
            message = (h @ weight).index_select(0, self.source)
            h = self.layer.rnn(torch.zeros_like(h).index_add_(0, self.target, message), h)
        return h


class Case:
    """A graph, data on its nodes, our network, and the peers with its weights: one layer that both run."""

    def __init__(self, nodes: int) -> None:
        from torch_geometric.nn import GatedGraphConv  # takes a second: for this table alone

        source, target = draw(nodes)
        self.graphs = rc.Graphs(source, target, nodes)
        message = rc.Linear(UNITS, UNITS, bias=False)
        self.net = rc.Network(
            [rc.GraphNet(rc.GRU(UNITS, UNITS), message=message, rounds=ROUNDS, shared=False)], seed=1
        )
        self.x, self.target = np.random.default_rng(1).standard_normal((2, nodes, UNITS)).astype(np.float32)
        self.layer = GatedGraphConv(UNITS, ROUNDS)
        self.copy_weights()
        # faster than its EdgeIndex and than sparse matrices, in each of these sizes
        edges = torch.from_numpy(np.stack([source, target]))
        self.peers = {"pyg": lambda x: self.layer(x, edges), "torch": Plain(self.layer, edges)}

    def copy_weights(self) -> None:
        """Give the layer our weights."""
        values, cell = self.net.parameters, self.layer.rnn
        biases = split_bias(values["0.cell.bias"], 3 * UNITS)
        with torch.no_grad():
            for ours, theirs in zip(self.message_names(), self.layer.weight, strict=True):
                theirs.copy_(torch.from_numpy(values[ours].T.copy()))
            for theirs, array in zip(
                cell.parameters(),
                (values["0.cell.weight_ih"], values["0.cell.weight_hh"], *biases),
                strict=True,
            ):
                theirs.copy_(torch.from_numpy(array))

    def message_names(self) -> list[str]:
        """Our messages' matrices, round by round."""
        return [name for name in self.net.parameters if "message" in name and name.endswith("weight")]

    def ours(self) -> tuple[float, Array]:
        """Compute our loss and gradient."""
        return self.net.loss_and_gradient(self.x, self.target, topology=self.graphs)

    def step(self, peer: Any) -> float:  # noqa: ANN401
        """Leave the gradient of the mean squared loss over all nodes in the layer."""
        self.layer.zero_grad()
        loss = torch.nn.functional.mse_loss(peer(torch.from_numpy(self.x)), torch.from_numpy(self.target))
        torch.autograd.backward(loss)
        return loss.item()

    def gradient(self) -> dict[str, Array]:
        """Name the layer's gradients as ours are, and lay them out so."""
        named = {name: p.grad.numpy() for name, p in self.layer.rnn.named_parameters()}
        found = {"0.cell.weight_ih": named["weight_ih"], "0.cell.weight_hh": named["weight_hh"]}
        found["0.cell.bias"] = np.concatenate([named["bias_ih"], named["bias_hh"][2 * UNITS :]])
        by_round = self.layer.weight.grad.numpy()
        return found | {name: m.T for name, m in zip(self.message_names(), by_round, strict=True)}

    def require_equal(self) -> None:
        """Find outputs, losses and gradients of all sides equal."""
        loss, gradient = self.ours()
        wanted = (self.net(self.x, self.graphs), np.array(loss), gradient)
        for name, peer in self.peers.items():
            with torch.no_grad():
                outputs = peer(torch.from_numpy(self.x)).numpy()
            found = [outputs, np.array(self.step(peer))]
            by_name = self.gradient()
            found.append(np.concatenate([by_name[n].ravel() for n in self.net.parameters]))
            for what, a, b in zip(("outputs", "losses", "gradients"), wanted, found, strict=True):
                if (error := np.linalg.norm(a - b) / np.linalg.norm(b)) > 1e-3:
                    raise AssertionError(f"{name}: {what} differ by {error}")

    def runs(self) -> dict[str, Run]:
        """All sides' training steps."""
        theirs = {name: repeated(lambda peer=peer: self.step(peer)) for name, peer in self.peers.items()}
        return {"recurra": repeated(self.ours), **theirs}


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, size by size."""
    torch.set_num_threads(1)
    rc.set_num_threads(1)
    print(
        f"\nTraining steps of a gated graph network, {UNITS} units, {ROUNDS} rounds with a matrix each, on a "
        f"random graph of mean degree {DEGREE}.\nPyG: PyTorch Geometric's GatedGraphConv."
    )
    print("One thread. Milliseconds, medians. / ours: their time over ours.")
    print_row(COLUMNS, WIDTHS)
    for nodes in (100,) if quick else (20, 100, 300, 1000):
        case = Case(nodes)
        case.require_equal()
        timings = by_turns(case.runs(), 1.0 if quick else 8.0)
        row: dict[str, Any] = {"table": "graphs", "nodes": nodes, "edges": DEGREE * nodes, "hidden": UNITS}
        row |= {"rounds": ROUNDS, "threads": 1}
        row |= {name: timing.median for name, timing in timings.items()}
        ours = row["recurra"]
        texts = [str(nodes), str(row["edges"]), number(ours / 1e6, 2)]
        for peer in case.peers:
            texts += [number(row[peer] / 1e6, 2), ratio(row[peer] / ours)]
        print_row(texts, WIDTHS)
        yield row
