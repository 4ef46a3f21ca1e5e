"""Trees and graphs from other libraries and back, beside what those make of the same graphs."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
pytest.importorskip("torch_geometric.nn")  # this leaves out its warnings: torch.jit.script is old
nx: Any = pytest.importorskip("networkx")
sparse: Any = pytest.importorskip("scipy.sparse")
geometric: Any = pytest.importorskip("torch_geometric.data")
loaders: Any = pytest.importorskip("torch_geometric.loader")
utils: Any = pytest.importorskip("torch_geometric.utils")

Attributes = dict[str, npt.NDArray[Any]]


@st.composite
def graphs(draw: st.DrawFn, parallel: bool = False) -> rc.Graphs:
    """A few graphs, some without edges or nodes, with all or none of what edges may have."""
    sizes = draw(st.lists(st.integers(0, 5), max_size=4))
    source, target = [], []
    first = 0
    for size in sizes:
        node = st.integers(first, first + size - 1) if size else st.nothing()
        pairs = draw(st.lists(st.tuples(node, node), max_size=8, unique=not parallel)) if size else []
        source += [u for u, _ in pairs]
        target += [v for _, v in pairs]
        first += size
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    edges = len(source)
    features, types, weights = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    return rc.Graphs(
        source,
        target,
        sizes,
        rng.normal(size=(edges, 2)).astype(np.float32) if features else None,
        rng.integers(0, 3, edges) if types else None,
        rng.normal(size=edges).astype(np.float32) if weights else None,
    )


def edge_list(topology: rc.Graphs) -> list[tuple[Any, ...]]:
    """Edges with all they have, in an order that does not depend on theirs."""
    columns: list[list[Any]] = [topology.source.tolist(), topology.target.tolist()]
    for values in (topology.edge_features, topology.edge_types, topology.edge_weights):
        columns.append([None] * topology.num_edges if values is None else values.tolist())
    return sorted(zip(*columns, strict=True), key=repr)


def assert_same(found: rc.Graphs, expected: rc.Graphs) -> None:
    assert found.sizes.tolist() == expected.sizes.tolist()
    assert edge_list(found) == edge_list(expected)


def dense(topology: rc.Graphs) -> npt.NDArray[np.float64]:
    """The weights of all edges, summed where there are several."""
    matrix = np.zeros((topology.num_nodes, topology.num_nodes))
    weights = np.ones(topology.num_edges) if topology.edge_weights is None else topology.edge_weights
    np.add.at(matrix, (topology.source, topology.target), weights)
    return matrix


# NetworkX


@given(graphs(parallel=True))
def test_networkx_and_back(topology: rc.Graphs) -> None:
    theirs = topology.to_networkx()
    assert [graph.number_of_nodes() for graph in theirs] == topology.sizes.tolist()
    assert sum(graph.number_of_edges() for graph in theirs) == topology.num_edges
    names: dict[str, Any] = {}
    if topology.edge_features is not None and topology.num_edges:
        names["edge_features"] = "features"
    if topology.edge_types is not None:
        names["edge_type"] = "type"
    if topology.edge_weights is not None:
        names["edge_weight"] = "weight"
    back = rc.Graphs.from_networkx(theirs, **names)
    if topology.num_edges:
        assert_same(back, topology)
    else:
        assert back.sizes.tolist() == topology.sizes.tolist()


@pytest.mark.parametrize("kind", ["Graph", "DiGraph", "MultiGraph", "MultiDiGraph"])
def test_networkx_gives_the_same_adjacency(kind: str) -> None:
    """Undirected edges lead both ways, a loop once, parallel ones each for themselves."""
    graph = getattr(nx, kind)()
    graph.add_nodes_from("dcab")
    graph.add_weighted_edges_from(
        [("a", "b", 2.0), ("b", "a", 3.0), ("c", "c", 5.0), ("a", "b", 7.0), ("d", "a", 1.0)]
    )
    ours = rc.Graphs.from_networkx(graph, edge_weight="weight")
    np.testing.assert_array_equal(dense(ours), nx.to_numpy_array(graph))
    both = rc.Graphs.from_networkx([graph, graph], edge_weight="weight")
    assert both.sizes.tolist() == [4, 4]
    np.testing.assert_array_equal(dense(both), np.kron(np.eye(2), nx.to_numpy_array(graph)))


def test_networkx_attributes_become_features() -> None:
    graph = nx.Graph()
    graph.add_node("O", charge=-0.5, place=[0.0, 1.0], heavy=True)
    graph.add_node("H", charge=0.25, place=[2.0, 3.0], heavy=False)
    graph.add_edge("O", "H", length=1.5, kind=2, direction=(1, 0))
    x = rc.networkx_features([graph, graph], ["charge", "place", "heavy"])
    np.testing.assert_array_equal(x[:2], [[-0.5, 0, 1, 1], [0.25, 2, 3, 0]])
    np.testing.assert_array_equal(x[2:], x[:2])
    np.testing.assert_array_equal(rc.networkx_features(graph, "charge"), [[-0.5], [0.25]])
    ours = rc.Graphs.from_networkx(graph, edge_features=["length", "direction"], edge_type="kind")
    np.testing.assert_array_equal(ours.edge_features, [[1.5, 1, 0]] * 2)
    np.testing.assert_array_equal(ours.edge_types, [2, 2])
    assert ours.edge_weights is None


def test_networkx_gets_values_of_nodes() -> None:
    graphs = rc.Graphs([0, 2], [1, 3], [2, 3])
    h = np.arange(10.0).reshape(5, 2)
    first, second = graphs.to_networkx(h=h, label=np.arange(5))
    assert first.nodes[1] == {"h": [2.0, 3.0], "label": 1}
    assert [second.nodes[node]["label"] for node in second] == [2, 3, 4]
    np.testing.assert_array_equal(rc.networkx_features([first, second], "h"), h)
    tree = rc.Forest([1, -1]).to_networkx(h=h[:2])
    np.testing.assert_array_equal(rc.networkx_features(tree, "h"), h[:2])


def test_networkx_trees() -> None:
    tree = nx.DiGraph([("S", "NP"), ("S", "VP"), ("NP", "the"), ("NP", "cat")])
    forest = rc.Forest.from_networkx([tree, tree])
    assert list(tree) == ["S", "NP", "VP", "the", "cat"]
    assert forest.parents.tolist() == [-1, 0, 0, 1, 1, -1, 5, 5, 6, 6]
    assert (forest.num_trees, forest.slots) == (2, None)
    assert nx.is_branching(forest.to_networkx())
    full = nx.balanced_tree(3, 3, create_using=nx.DiGraph)
    assert rc.Forest.from_networkx(full).parents.tolist() == [-1] + [(node - 1) // 3 for node in range(1, 40)]


@given(st.data(), st.booleans())
def test_networkx_forests_and_back(data: st.DataObject, slots: bool) -> None:
    size = data.draw(st.integers(0, 8))
    parents = [data.draw(st.integers(-1, node - 1)) for node in range(size)]
    order = data.draw(st.permutations(range(size)))
    moved = np.full(size, -1)
    for node, parent in enumerate(parents):
        moved[order[node]] = -1 if parent < 0 else order[parent]
    places = None
    if slots:
        places = np.zeros(size, np.int64)
        for parent in range(size):
            children = np.flatnonzero(moved == parent)
            places[children] = data.draw(st.permutations(range(len(children) + 1)))[: len(children)]
    forest = rc.Forest(moved, places)
    graph = forest.to_networkx()
    assert rc.Forest.from_networkx(graph, slot="slot" if slots else None) == forest
    assert [set(part) for part in nx.weakly_connected_components(graph)] == [
        set(np.flatnonzero(forest.tree_of == tree)) for tree in dict.fromkeys(forest.tree_of.tolist())
    ]


def test_networkx_acyclic_graphs() -> None:
    forest = rc.Forest.from_edges([0, 0, 1], [1, 2, 2], 3)
    graph = forest.to_networkx()
    assert rc.Forest.from_networkx(graph, dag=True) == forest
    with pytest.raises(ValueError, match="node 0 of graph 0 has 2 parents, expected trees"):
        rc.Forest.from_networkx(graph)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rc.Graphs.from_networkx(3), TypeError, "graph 0 is a int, expected one of NetworkX"),
        (lambda: rc.Graphs.from_networkx([nx.Graph(), "a"]), TypeError, "graph 1 is a str"),
        (
            lambda: rc.Graphs.from_networkx(nx.Graph([("a", "b")]), edge_weight="w"),
            ValueError,
            "edge 'a' -> 'b' of graph 0 has no attribute 'w', expected that beside none at all",
        ),
        (
            lambda: rc.Graphs.from_networkx(nx.Graph([(1, 2, {"w": "far"})]), edge_features=["w"]),
            TypeError,
            "attribute 'w' is not a number or a vector everywhere",
        ),
        (
            lambda: rc.Graphs.from_networkx(nx.Graph([(1, 2, {"w": 0.5})]), edge_type="w"),
            TypeError,
            "edge_types has dtype float64, expected integers",
        ),
        (
            lambda: rc.networkx_features(nx.Graph([(1, 2)]), "x"),
            ValueError,
            "node 1 of graph 0 has no attribute 'x'",
        ),
        (
            lambda: rc.networkx_features(
                [*rc.Graphs([], [], 1).to_networkx(a=[[1, 2]]), nx.path_graph(1)], "a"
            ),
            ValueError,
            "node 0 of graph 1 has no attribute 'a'",
        ),
        (
            lambda: rc.networkx_features(rc.Graphs([], [], 2).to_networkx(a=np.zeros((2, 1, 1))), "a"),
            TypeError,
            "'a' is not a number or a vector",
        ),
        (lambda: rc.Forest.from_networkx(nx.path_graph(3)), TypeError, "graph 0 is undirected"),
        (
            lambda: rc.Forest.from_networkx(nx.DiGraph([("a", "b"), ("b", "a")])),
            ValueError,
            "graph 0 has the cycle 'a' -> 'b', expected none",
        ),
        (
            lambda: rc.Forest.from_networkx(nx.DiGraph([("a", "b")]), slot="slot"),
            ValueError,
            "edge 'a' -> 'b' of graph 0 has no attribute 'slot'",
        ),
        (lambda: rc.Forest.from_networkx(nx.DiGraph(), dag=1), TypeError, "dag is 1"),  # type: ignore[arg-type]
        (
            lambda: rc.Forest([-1]).to_networkx(h=[1, 2]),
            ValueError,
            r"h has shape \(2,\), expected a row for each",
        ),
        (lambda: rc.Graphs([], [], 2).to_networkx(h=3), ValueError, r"h has shape \(\), expected a row"),
    ],
)
def test_networkx_refusals(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# SciPy


@given(graphs())
def test_scipy_and_back(topology: rc.Graphs) -> None:
    matrices = topology.to_scipy()
    ends = np.cumsum(topology.sizes)
    for matrix, size, end in zip(matrices, topology.sizes, ends, strict=True):
        np.testing.assert_array_equal(matrix.toarray(), dense(topology)[end - size : end, end - size : end])
    plain = rc.Graphs(topology.source, topology.target, topology.sizes, None, None, topology.edge_weights)
    back = rc.Graphs.from_scipy(matrices)
    assert back.sizes.tolist() == topology.sizes.tolist()
    if matrices:
        assert_same(back, plain)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "?"])
def test_scipy_gives_the_same_adjacency(form: str, dtype: str) -> None:
    entries = np.array([[0, 2, 0], [0, 3, 1], [0, 0, 0]]).astype(dtype)
    for kind in (sparse.csr_array, sparse.csr_matrix):
        matrix = kind(entries).asformat(form)
        ours = rc.Graphs.from_scipy(matrix)
        np.testing.assert_array_equal(dense(ours), entries.astype(float))
        assert (ours.edge_weights is None) == (dtype == "?")
        without = rc.Graphs.from_scipy([matrix, matrix], weights=False)
        assert without.edge_weights is None
        np.testing.assert_array_equal(dense(without), np.kron(np.eye(2), entries != 0))


def test_scipy_sums_entries_and_leaves_out_zeros() -> None:
    matrix = sparse.coo_array(([1.0, 2.0, 4.0, -4.0, 0.0], ([0, 0, 1, 1, 1], [1, 1, 0, 0, 1])), shape=(2, 2))
    ours = rc.Graphs.from_scipy(matrix)
    assert edge_list(ours) == [(0, 1, None, None, 3.0)]
    compressed = sparse.csr_array(([2.0, 1.0, 0.0], [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    assert edge_list(rc.Graphs.from_scipy(compressed)) == [(0, 1, None, None, 3.0)]
    assert (matrix.nnz, compressed.nnz) == (5, 3)  # left as they were


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rc.Graphs.from_scipy(np.eye(2)), TypeError, "matrix 0 is a ndarray, expected a sparse"),
        (lambda: rc.Graphs.from_scipy(7), TypeError, "matrix 0 is a int"),
        (
            lambda: rc.Graphs.from_scipy(sparse.csr_array((2, 3))),
            ValueError,
            r"matrix 0 has shape \(2, 3\), expected \(nodes, nodes\)",
        ),
        (
            lambda: rc.Graphs.from_scipy([sparse.eye_array(2), sparse.csr_array([[np.nan]])], weights=False),
            ValueError,
            "matrix 1 has the value nan",
        ),
        (
            lambda: rc.Graphs.from_scipy(sparse.csr_array([[1j]])),
            TypeError,
            "matrix 0 has dtype complex128",
        ),
        (
            lambda: rc.Graphs.from_scipy([sparse.eye_array(2), sparse.csr_array([[True]])]),
            TypeError,
            "some matrices are bool and others not",
        ),
        (lambda: rc.Graphs.from_scipy([], weights=None), TypeError, "weights is None"),  # type: ignore[arg-type]
        (
            lambda: rc.Graphs([0, 2, 2], [1, 1, 1], 3).to_scipy(),
            ValueError,
            "several edges go from node 2 to 1",
        ),
    ],
)
def test_scipy_refusals(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# PyTorch Geometric


@given(graphs(parallel=True))
def test_pyg_and_back(topology: rc.Graphs) -> None:
    x = np.arange(topology.num_nodes * 3, dtype=np.float32).reshape(-1, 3)
    y = -np.arange(topology.num_nodes)
    theirs = topology.to_pyg(x, None if topology.num_nodes == topology.num_graphs else y)
    assert [one.num_nodes for one in theirs] == topology.sizes.tolist()
    assert all(one.validate() for one in theirs)
    back = rc.Graphs.from_pyg(theirs)
    if not theirs:
        assert back.graphs.num_graphs == 0
        return
    assert_same(back.graphs, topology)
    np.testing.assert_array_equal(back.x, x)
    assert back.x is not None
    assert back.x.dtype == np.float32
    if back.y is not None:
        np.testing.assert_array_equal(back.y, y)


def test_pyg_batches_are_its_graphs() -> None:
    """A batch of their loader, a list, and a list of batches are the same."""
    rng = np.random.default_rng(3)
    topology = rc.Graphs([0, 1, 3, 4], [1, 0, 4, 5], [2, 1, 3], rng.normal(size=(4, 2)))
    x, y = rng.normal(size=(6, 4)), np.array([5, 6, 7])
    data = topology.to_pyg(x, y)
    assert [one.y.tolist() for one in data] == [[5], [6], [7]]
    (batch,) = loaders.DataLoader(data, batch_size=3)
    parts = list(loaders.DataLoader(data, batch_size=2))
    np.testing.assert_array_equal(batch.batch, topology.graph_of)
    for given_data in (data, batch, parts):
        ours = rc.Graphs.from_pyg(given_data)
        assert ours.graphs.sizes.tolist() == [2, 1, 3]
        np.testing.assert_array_equal([ours.graphs.source, ours.graphs.target], batch.edge_index)
        np.testing.assert_array_equal(ours.graphs.edge_features, batch.edge_attr)
        np.testing.assert_array_equal(ours.x, x)
        np.testing.assert_array_equal(ours.y, y)


def test_pyg_tensors_of_all_kinds() -> None:
    one = geometric.Data(
        edge_index=torch.tensor([[0, 1], [1, 0]]),
        edge_attr=torch.tensor([3, 4]),
        x=torch.ones(2, 1, requires_grad=True),
        y=1.5,
    )
    graphs, x, y = rc.Graphs.from_pyg(one)
    np.testing.assert_array_equal(graphs.edge_features, [[3.0], [4.0]])
    assert (graphs.edge_types, graphs.edge_weights) == (None, None)
    np.testing.assert_array_equal(x, np.ones((2, 1)))
    np.testing.assert_array_equal(y, np.array([1.5]))
    bare = rc.Graphs.from_pyg(geometric.Data(edge_index=torch.zeros(2, 0, dtype=torch.long), num_nodes=3))
    assert (bare.graphs.num_nodes, bare.x, bare.y) == (3, None, None)


def test_pyg_takes_the_default_dtype_for_edges() -> None:
    graphs = rc.Graphs([0], [0], 1, [[0.1]], None, [0.2])
    (one,) = graphs.to_pyg()
    assert (one.edge_attr.dtype, one.edge_weight.dtype) == (torch.float32, torch.float32)
    torch.set_default_dtype(torch.float64)
    try:
        (one,) = graphs.to_pyg(y=np.zeros((1, 2), np.float32))
    finally:
        torch.set_default_dtype(torch.float32)
    assert one.edge_attr.dtype == torch.float64
    assert one.y.dtype == torch.float32
    np.testing.assert_array_equal(one.edge_attr, [[0.1]])


def data(**values: Any) -> Any:  # noqa: ANN401
    return geometric.Data(**({"edge_index": torch.zeros(2, 1, dtype=torch.long), "num_nodes": 1} | values))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rc.Graphs.from_pyg(3), TypeError, "graph 0 is a int, expected a Data or Batch"),
        (lambda: rc.Graphs.from_pyg([data(), geometric.HeteroData()]), TypeError, "graph 1 is a HeteroData"),
        (lambda: rc.Graphs.from_pyg(data(edge_index=None)), ValueError, "graph 0 has no edge_index"),
        (
            lambda: rc.Graphs.from_pyg(data(edge_index=torch.zeros(1, 2).long())),
            ValueError,
            r"edge_index of graph 0 has shape \(1, 2\), expected \(2, edges\)",
        ),
        (
            lambda: rc.Graphs.from_pyg([data(), data(x=torch.ones(1, 2)), data()]),
            ValueError,
            "graph 0 has no x, expected it in all or none",
        ),
        (
            lambda: rc.Graphs.from_pyg([data(y=torch.ones(1, 2)), data(y=torch.ones(1, 3))]),
            ValueError,
            r"y has rows of shapes \[\(2,\), \(3,\)\], expected one",
        ),
        (
            lambda: rc.Graphs.from_pyg(data(x="text")),
            TypeError,
            "x of graph 0 is a str, expected a dense tensor",
        ),
        (
            lambda: rc.Graphs.from_pyg(data(x=torch.eye(1).to_sparse())),
            TypeError,
            "x of graph 0 is a Tensor, expected a dense tensor",
        ),
        (
            lambda: rc.Graphs([], [], 2).to_pyg(np.zeros((3, 1))),
            ValueError,
            r"x has shape \(3, 1\), expected 2 rows",
        ),
        (
            lambda: rc.Graphs([], [], [2]).to_pyg(y=[1, 2, 3]),
            ValueError,
            r"y has shape \(3,\), expected 1 or 2 rows",
        ),
    ],
)
def test_pyg_refusals(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.filterwarnings("ignore:Unable to accurately infer")  # theirs
def test_pyg_must_tell_how_many_nodes() -> None:
    with pytest.raises(ValueError, match="graph 0 does not tell how many nodes it has"):
        rc.Graphs.from_pyg(geometric.Data())


# All of them


def test_a_network_sees_the_same_graph_from_everywhere() -> None:
    graph = nx.karate_club_graph()
    one = rc.Graphs.from_networkx(graph, edge_weight="weight")
    two = rc.Graphs.from_scipy(nx.to_scipy_sparse_array(graph, dtype=float))
    theirs = utils.from_networkx(graph, group_edge_attrs=["weight"])
    theirs.edge_weight, theirs.edge_attr = theirs.edge_attr[:, 0].double(), None
    three = rc.Graphs.from_pyg(theirs).graphs
    net = rc.Network([rc.GraphNet(rc.GRU(4, 4), rc.Linear(4, 4), 3)], seed=1, dtype="float64")
    x = np.random.default_rng(1).normal(size=(34, 4))
    expected = net(x, one)
    np.testing.assert_allclose(net(x, two), expected, atol=1e-13)
    np.testing.assert_allclose(net(x, three), expected, atol=1e-13)
    unweighted = net(x, rc.Graphs.from_networkx(graph))
    assert abs(unweighted - expected).max() > 1e-3


@pytest.mark.parametrize(
    ("library", "module", "call", "extra"),
    [
        ("networkx", "_networkx", lambda: rc.Graphs.from_networkx([]), "networkx"),
        ("networkx", "_networkx", lambda: rc.Forest([-1]).to_networkx(), "networkx"),
        ("networkx", "_networkx", lambda: rc.networkx_features([], "x"), "networkx"),
        ("scipy", "_scipy", lambda: rc.Graphs.from_scipy([]), "scipy"),
        ("torch_geometric.data", "_pyg", lambda: rc.Graphs.from_pyg([]), "pyg"),
        ("matplotlib.figure", "_structure_plots", lambda: rc.draw(rc.Forest([-1])), "plots"),
    ],
)
def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str, module: str, call: Callable[[], object], extra: str
) -> None:
    importlib.import_module(f"recurra.{module}")
    monkeypatch.delitem(sys.modules, f"recurra.{module}")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"expected (it|them) installed: pip install recurra\[{extra}\]"):
        call()
