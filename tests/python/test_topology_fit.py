"""Training over trees and graphs: batches, validation, checkpoints, threads, masks and class ids."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, assert_close, refused
from topology_cases import one_of, random_parents, random_slots, random_web
from tree_references import children_of, leaves_first

Topology = rc.Forest | rc.Graphs
IDS, CLASSES = 5, 3


@dataclass
class Task:
    """Something to be learned."""

    net: rc.Network
    x: Array
    y: Array
    topology: Topology
    loss: Any = "mse"

    def fit(self, **options: Any) -> rc.History:  # noqa: ANN401
        settings = {"epochs": 3, "batch_size": 8, "optimizer": rc.Adam(0.02), "progress": False, **options}
        return rc.fit(self.net, self.x, self.y, topology=self.topology, loss=self.loss, **settings)


def subtree_sums(dtype: str = "float64") -> Task:
    """Per node: the squashed sum of what lies at and below it."""
    above = random_parents(300, 1, roots=0.2)
    forest = rc.Forest(above)
    x = one_of(2, forest, 1).astype(dtype)
    total = x[:, 0].astype("float64")
    for v in leaves_first(children_of(above)):
        if above[v] >= 0:
            total[above[v]] += total[v]
    net = rc.Network([rc.Tree(rc.LSTM(1, 12)), rc.Linear(12, 1)], dtype=dtype, seed=1)
    return Task(net, x, np.tanh(total / 2)[:, None].astype(dtype), forest)


def words(dtype: str = "float64") -> Task:
    """One class for each tree: that of its root's first child, by class ids in slots."""
    above = random_parents(400, 3, roots=0.3, children=2)
    slots = random_slots(above, 2, 4)
    forest = rc.Forest(above, slots)
    x = np.random.default_rng(5).integers(0, IDS, len(above))
    y = np.array([x[root] % CLASSES for root in forest.roots])
    layers = [rc.Embedding(IDS, 6), rc.Tree(rc.GRU(6, 12), 2), rc.Readout("root"), rc.Linear(12, CLASSES)]
    return Task(rc.Network(layers, dtype=dtype, seed=2), x, y, forest, "cross_entropy")


def degrees(dtype: str = "float64") -> Task:
    """Per node of a graph: how many edges end there."""
    web = random_web([4, 7, 3, 9, 5, 6] * 6, 1.5, 6)
    web.weights[:] = 1
    x = np.ones((web.nodes, 1), dtype)
    y = np.bincount(web.target, minlength=web.nodes)[:, None].astype(dtype) / 3
    layers = [rc.GraphNet(rc.GRU(4, 8), rc.Linear(8, 4), 2, input_size=1), rc.Linear(8, 1)]
    return Task(rc.Network(layers, dtype=dtype, seed=3), x, y, web.graphs)


def densities(dtype: str = "float64") -> Task:
    """Per graph: the mean of a feature over its nodes, some graphs without any."""
    web = random_web([4, 7, 0, 9, 5, 1] * 6, 1.5, 7)
    rng = np.random.default_rng(8)
    x = (rng.normal(size=(web.nodes, 2)) + np.repeat(rng.normal(size=36), web.sizes)[:, None]).astype(dtype)
    owner = np.repeat(np.arange(36), web.sizes)
    y = np.zeros((36, 1))
    np.add.at(y[:, 0], owner, x[:, 0] / np.array(web.sizes)[owner])
    message = rc.MLP(6, 4, [rc.Tanh(), rc.Linear(4, 4)], edge_size=2)
    layers = [
        rc.Linear(2, 6),
        rc.GraphNet(rc.LSTM(4, 6), message, 2),
        rc.Readout("gated", 8),
        rc.Linear(8, 1),
    ]
    return Task(rc.Network(layers, dtype=dtype, seed=4), x, y.astype(dtype), web.graphs)


TASKS: dict[str, Callable[..., Task]] = {
    "subtree sums": subtree_sums,
    "words": words,
    "degrees": degrees,
    "densities": densities,
}
POOLED = ("words", "densities")


def rows_of(name: str, topology: Topology, part: Array) -> Array:
    """The targets of some trees or graphs."""
    return part if name in POOLED else topology.nodes(part)


def counts(name: str, task: Task) -> Array:
    """Which targets count: not those of graphs without nodes."""
    return task.topology.sizes > 0 if name in POOLED else np.ones(len(task.y), bool)


def structures(topology: Topology) -> int:
    return topology.num_trees if isinstance(topology, rc.Forest) else topology.num_graphs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TASKS)
def test_it_learns(name: str, dtype: str) -> None:
    task = TASKS[name](dtype)
    history = task.fit(epochs=40)
    assert history.loss[-1] < 0.25 * history.loss[0]
    value = rc.evaluate(task.net, task.x, task.y, topology=task.topology, loss=task.loss)
    assert value < 0.3 * history.loss[0]


@pytest.mark.parametrize("name", TASKS)
def test_an_epoch_is_a_loop_over_batches(name: str) -> None:
    task, own = TASKS[name](), TASKS[name]()
    history = task.fit(epochs=2, shuffle=False, optimizer=rc.SGD(0.05, 0.9))
    updater, total, losses = rc.SGD(0.05, 0.9).bind(own.net), structures(own.topology), []
    for _ in range(2):
        summed, count = 0.0, 0
        for begin in range(0, total, 8):
            part = np.arange(begin, min(begin + 8, total))
            rows = rows_of(name, own.topology, part)
            loss, gradient = own.net.loss_and_gradient(
                own.x[own.topology.nodes(part)], own.y[rows], own.loss, topology=own.topology.take(part)
            )
            updater.update(gradient)
            counted = counts(name, own)[rows].sum()  # of graphs without nodes nothing counts
            summed, count = summed + loss * counted, count + counted
        losses.append(summed / count)
    assert_close(history.loss, losses, (1e-11, 1e-13))
    assert_close(task.net.flat, own.net.flat, (1e-10, 1e-12))


@pytest.mark.parametrize("name", TASKS)
def test_a_fraction_is_the_last_structures(name: str) -> None:
    task, own = TASKS[name](), TASKS[name]()
    history = task.fit(validation=0.25)
    total = structures(own.topology)
    cut = total - round(total * 0.25)
    first, last = (
        (own.x[own.topology.nodes(p)], own.y[rows_of(name, own.topology, p)], own.topology.take(p))
        for p in (np.arange(cut), np.arange(cut, total))
    )
    own.x, own.y, own.topology = first
    other = own.fit(validation=last)
    assert history.validation_loss == other.validation_loss
    assert history.loss == other.loss
    assert np.array_equal(task.net.flat, own.net.flat)
    assert_close(
        other.validation_loss[-1], rc.evaluate(own.net, *last[:2], loss=own.loss, topology=last[2]), (1e-9, 0)
    )


@pytest.mark.parametrize("name", TASKS)
def test_evaluate_does_not_depend_on_batches(name: str) -> None:
    task = TASKS[name]()
    whole, _ = task.net.loss_and_gradient(task.x, task.y, task.loss, topology=task.topology)
    for batch_size in (1, 7, 10**6):
        found = rc.evaluate(
            task.net, task.x, task.y, loss=task.loss, topology=task.topology, batch_size=batch_size
        )
        assert_close(found, whole, (1e-11, 0))


@pytest.mark.parametrize("name", TASKS)
def test_a_run_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    options: dict[str, Any] = {"validation": 0.2, "epochs": 4, "seed": 9}
    whole, cut, other = (TASKS[name]() for _ in range(3))
    history = whole.fit(**options)
    cut.fit(checkpoint=path, checkpoint_every=2, **{**options, "epochs": 2})
    resumed = other.fit(checkpoint=path, resume=True, **options)
    assert np.array_equal(other.net.flat, whole.net.flat)
    assert resumed.loss == history.loss
    assert resumed.validation_loss == history.validation_loss
    assert repr(rc.load(path)) == repr(whole.net)


def changed_edge(topology: Topology) -> Topology:
    """The same sizes, another edge."""
    if isinstance(topology, rc.Forest):
        above = topology.parents.copy()
        leaf = next(v for v in range(len(above)) if v not in above and above[above[v]] >= 0 and above[v] >= 0)
        above[leaf] = above[above[leaf]]
        return rc.Forest(above) if topology.slots is None else rc.Forest(above, np.arange(len(above)) % 7)
    target = topology.target.copy()
    e = int(np.flatnonzero(topology.source != target)[0])
    target[e] = topology.source[e]
    return rc.Graphs(
        topology.source,
        target,
        topology.sizes,
        topology.edge_features,
        topology.edge_types,
        topology.edge_weights,
    )


@pytest.mark.parametrize("name", ["subtree sums", "degrees", "densities"])
def test_a_run_over_another_topology_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run"
    task = TASKS[name]()
    task.fit(checkpoint=path)
    task.topology = changed_edge(task.topology)
    assert task.topology != TASKS[name]().topology
    with refused(ValueError, str(path), "data", network=task.net):
        task.fit(checkpoint=path, resume=True)
    task = TASKS[name]()
    for held in (None, (task.x, task.y, changed_edge(task.topology))):
        run = TASKS[name]()
        run.fit(checkpoint=path, validation=(task.x, task.y, task.topology))
        with refused(ValueError, str(path), network=run.net):
            run.fit(checkpoint=path, resume=True, validation=held)


@pytest.mark.parametrize("what", ["edge_weights", "edge_features", "edge_types"])
def test_a_run_over_other_values_of_edges_is_refused(what: str, tmp_path: Path) -> None:
    path, task = tmp_path / "run", densities()
    task.fit(checkpoint=path)
    graphs = task.topology
    assert isinstance(graphs, rc.Graphs)
    values: dict[str, Any] = {
        name: np.array(getattr(graphs, name)) for name in ("edge_features", "edge_types", "edge_weights")
    }
    values[what].flat[3] += 1
    task.topology = rc.Graphs(graphs.source, graphs.target, graphs.sizes, **values)
    with refused(ValueError, str(path), "data", network=task.net):
        task.fit(checkpoint=path, resume=True)


@pytest.mark.parametrize("name", TASKS)
def test_threads_share_trees_and_graphs(name: str) -> None:
    task = TASKS[name]()
    found = []
    for threads in (1, 2, 3):
        rc.set_num_threads(threads)
        y = task.net(task.x, task.topology)
        found.append((y, *task.net.loss_and_gradient(task.x, task.y, task.loss, topology=task.topology)))
    for y, loss, gradient in found[1:]:
        assert_close(y, found[0][0])
        assert_close(loss, found[0][1])
        assert_close(gradient, found[0][2], (1e-12, 1e-14))


@pytest.mark.parametrize("name", TASKS)
def test_masked_targets_are_not_looked_at(name: str) -> None:
    """The loss is a mean over what counts."""
    task = TASKS[name]()
    there = counts(name, task)
    mask = (np.random.default_rng(1).random(len(task.y)) < 0.5) & there
    hidden = task.y.copy()
    hidden[~mask] = -7 if task.loss == "cross_entropy" else np.nan
    found = task.net.loss_and_gradient(task.x, hidden, task.loss, topology=task.topology, mask=mask)
    total, summed = 0.0, np.zeros_like(found[1])
    y = task.net(task.x, task.topology)
    expected = (
        np.mean((y - task.y)[mask] ** 2)
        if task.loss == "mse"
        else np.mean(np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), task.y], where=mask)
    )
    assert_close(found[0], expected, (1e-11, 0))
    for part in (mask, ~mask & there):
        loss, gradient = task.net.loss_and_gradient(
            task.x, task.y, task.loss, topology=task.topology, mask=part
        )
        total, summed = total + part.sum() * loss, summed + part.sum() * gradient
    whole = task.net.loss_and_gradient(task.x, task.y, task.loss, topology=task.topology)
    assert_close(total / there.sum(), whole[0], (1e-11, 0))
    assert_close(summed / there.sum(), whole[1], (1e-10, 1e-13))
    history = TASKS[name]().fit(mask=mask, epochs=1)
    run = TASKS[name]()
    run.y = hidden
    assert run.fit(mask=mask, epochs=1).loss == history.loss


def test_class_ids_are_one_hot_vectors() -> None:
    task = words()
    one_hot = np.eye(IDS)[task.x]
    rest = [rc.Tree(rc.GRU(6, 12), 2), rc.Readout("root"), rc.Linear(12, CLASSES)]
    other = rc.Network([rc.Linear(IDS, 6, bias=False), *rest], dtype="float64")
    size = IDS * 6
    other.parameters["0.weight"][:] = task.net.parameters["0.weight"].T
    other.flat[size:] = task.net.flat[size:]
    assert_close(other(one_hot, task.topology), task.net(task.x, task.topology))
    loss, gradient = task.net.loss_and_gradient(task.x, task.y, task.loss, topology=task.topology)
    again, slope = other.loss_and_gradient(one_hot, task.y, task.loss, topology=task.topology)
    assert_close(again, loss)
    assert_close(slope[size:], gradient[size:])
    assert_close(slope[:size].reshape(6, IDS).T, gradient[:size].reshape(IDS, 6))
