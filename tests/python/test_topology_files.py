"""Networks over trees and graphs survive files, pickles and copies."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, assert_close, randomize
from recurra._topology import Topology
from topology_cases import one_of, random_parents, random_slots, random_web

ABOVE = random_parents(30, 1, children=2)
FOREST = rc.Forest(ABOVE, random_slots(ABOVE, 2, 2))
WEB = random_web([5, 0, 4], seed=3)
GRAPHS = WEB.graphs
ONE_ROOT = rc.Forest(ABOVE)

NETWORKS: dict[str, tuple[Callable[[], list[Any]], Topology]] = {
    "child-sum": (lambda: [rc.Tree(rc.LSTM(3, 4))], FOREST),
    "N-ary": (lambda: [rc.Tree(rc.LSTM(3, 4), 2)], FOREST),
    "down": (lambda: [rc.Tree(rc.GRU(3, 4), direction="down")], FOREST),
    "bilinear": (lambda: [rc.Tree(rc.Elman(3, 4), 2, bilinear=True)], FOREST),
    "learned": (lambda: [rc.Tree(rc.LSTM(3, 4, heads=2, learned_initial_state=True))], FOREST),
    "leak": (lambda: [rc.Tree(rc.LeakyElman(3, 4, leak=0.3))], FOREST),
    "root": (lambda: [rc.Tree(rc.GRU(3, 4)), rc.Readout("root"), rc.Linear(4, 2)], ONE_ROOT),
    "mean": (lambda: [rc.Tree(rc.GRU(3, 4)), rc.Readout("mean")], FOREST),
    "max": (lambda: [rc.Tree(rc.GRU(3, 4)), rc.Readout("max")], FOREST),
    "sum": (lambda: [rc.Linear(3, 4), rc.Readout("sum")], GRAPHS),
    "gated": (lambda: [rc.Linear(3, 4), rc.Readout("gated", 5), rc.Tanh()], GRAPHS),
    "gated, own size": (lambda: [rc.Linear(3, 4), rc.Readout("gated")], GRAPHS),
    "ids": (lambda: [rc.Embedding(6, 3), rc.Tree(rc.MinGRU(3, 4))], FOREST),
    "residual": (lambda: [rc.Residual([rc.Tree(rc.GRU(3, 3)), rc.Dropout(0.2)])], FOREST),
    "Linear": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.Linear(3, 2, bias=False), 2, "mean")], GRAPHS),
    "by round": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.Linear(3, 2), 2, shared=False)], GRAPHS),
    "ByType": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.ByType(3, 2, 3), 2, "max")], GRAPHS),
    "ByType, no bias": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.ByType(3, 2, 3, bias=False), 1)], GRAPHS),
    "EdgeNet": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.EdgeNet(3, 2, 2), 2, attention=True)], GRAPHS),
    "EdgeNet with a net": (
        lambda: [rc.GraphNet(rc.GRU(2, 3), rc.EdgeNet(3, 2, 2, [rc.Linear(2, 4), rc.Relu()]), 2)], GRAPHS
    ),
    "MLP": (
        lambda: [rc.GraphNet(rc.LSTM(5, 4), rc.MLP(4, 3, [rc.Tanh(), rc.Linear(3, 2)], edge_size=2), 2,
                             features="input")], GRAPHS
    ),
    "MLP of nodes": (lambda: [rc.GraphNet(rc.GRU(2, 3), rc.MLP(3, 2, rc.Tanh()), 2)], GRAPHS),
    "stages": (
        lambda: [rc.GraphNet(rc.LSTM(2, 4, projection=3, layer_norm=True, zoneout={"c": 0.1}),
                             rc.Linear(3, 2), 2, input_size=3)], GRAPHS
    ),
}  # fmt: skip


def build(name: str, dtype: str = "float64") -> tuple[rc.Network, Array, Topology]:
    make, topology = NETWORKS[name]
    net = rc.Network(make(), dtype=dtype, seed=5)
    randomize(net, 1)
    if name == "ids":
        return net, np.arange(topology.num_nodes) % 6, topology
    return net, one_of(3, topology, net.input_size).astype(dtype), topology


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name: str, dtype: str, tmp_path: Path) -> None:
    net, x, topology = build(name, dtype)
    path = tmp_path / "model"
    net.save(path)
    for other in (rc.load(path), pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert repr(other) == repr(net)
        assert other.dtype == net.dtype
        assert other.parameters == net.parameters
        y = net(x, topology)
        assert np.isfinite(y).all()
        assert np.array_equal(other(x, topology), y)
        other.flat[:] = 0
        assert np.array_equal(net(x, topology), y)
    rc.load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_safetensors_package_reads_it(name: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    net, _, _ = build(name)
    net.save(tmp_path / "model")
    with safetensors.safe_open(tmp_path / "model", "np") as file:
        assert set(file.keys()) == set(net.parameters)
        assert all(np.array_equal(file.get_tensor(key), values) for key, values in net.parameters.items())
        layers = json.loads(file.metadata()["architecture"])
    assert [layer["type"] for layer in layers] == [layer.type for layer in net.layers]
    assert len(net.parameters) == len(set(net.parameters))
    assert sum(p.size for p in net.parameters.values()) == net.flat.size


@pytest.mark.parametrize("name", NETWORKS)
def test_descriptions_make_the_same_network(name: str) -> None:
    net, x, topology = build(name)
    for layers in (net.layers, [pickle.loads(pickle.dumps(layer)) for layer in net.layers]):
        again = rc.Network(layers, dtype="float64")
        assert repr(again) == repr(net)
        again.flat[:] = net.flat
        assert np.array_equal(again(x, topology), net(x, topology))
    for layer, made in zip(net.layers, NETWORKS[name][0](), strict=True):
        assert type(layer) is type(made)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_can_be_tied_and_frozen(name: str) -> None:
    """A frozen network has no gradient; copies know it."""
    net, x, topology = build(name)
    target = np.zeros_like(net(x, topology))
    first = next(iter(net.parameters))
    _, gradient = net.loss_and_gradient(x, target, topology=topology)
    size = net.parameters[first].size
    assert gradient[:size].any()
    net.freeze(first)
    _, frozen = pickle.loads(pickle.dumps(net)).loss_and_gradient(x, target, topology=topology)
    assert not frozen[:size].any()
    assert_close(frozen[size:], gradient[size:], (1e-12, 1e-15))


def test_seeds_draw_different_parameters() -> None:
    for name, (make, _) in NETWORKS.items():
        one, same, other = (rc.Network(make(), seed=seed) for seed in (1, 1, 2))
        assert np.array_equal(one.flat, same.flat), name
        assert not np.array_equal(one.flat, other.flat), name
        weights = {key: p for key, p in one.parameters.items() if "weight" in key or "tensor" in key}
        assert all(np.isfinite(p).all() and p.std() > 0 for p in weights.values()), name


def test_parameters_have_the_shapes_of_the_docs() -> None:
    found: dict[str, tuple[int, ...]] = {}
    for name in ("bilinear", "gated", "ByType", "EdgeNet", "EdgeNet with a net", "MLP", "by round"):
        net = build(name)[0]
        found |= {f"{name}: {key}": values.shape for key, values in net.parameters.items()}
    expected = {
        "bilinear: 0.tensor": (4, 8, 8),
        "bilinear: 0.weight_hh": (4, 8),
        "gated: 1.weight": (10, 4),
        "gated: 1.bias": (10,),
        "ByType: 0.message.weight": (3, 2, 3),
        "ByType: 0.message.bias": (3, 2),
        "EdgeNet: 0.message.weight": (3, 2, 3),
        "EdgeNet: 0.message.bias": (3, 2),
        "EdgeNet: 0.message.attention.weight": (2, 3),
        "EdgeNet: 0.message.attention.edges.weight": (1, 2),
        "EdgeNet with a net: 0.message.weight": (5, 2, 3),
        "EdgeNet with a net: 0.message.edges.0.weight": (4, 2),
        "MLP: 0.message.weight": (2, 3, 4),
        "MLP: 0.message.bias": (2, 3),
        "MLP: 0.message.edges.weight": (3, 2),
        "MLP: 0.message.net.1.weight": (2, 3),
        "by round: 0.message.0.weight": (2, 3),
        "by round: 0.message.1.bias": (2,),
    }
    assert {key: found.get(key) for key in expected} == expected
