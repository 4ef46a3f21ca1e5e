"""Optimizers that leave alone the rows of tables that took no part in an update."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc

WORDS = 60
Ids = npt.NDArray[np.int64]


def ids(seed: int, rows: int = 24, steps: int = 7, words: int = WORDS) -> Ids:
    return np.random.default_rng(seed).integers(0, words, (rows, steps))


def reader(tied: bool = False, bias: bool = True) -> rc.Network:
    net = rc.Network(
        [rc.Embedding(WORDS, 5), rc.GRU(5, 5), rc.Dropout(0.2), rc.Linear(5, WORDS, bias=bias)],
        dtype="float64",
        seed=1,
    )
    if tied:
        net.tie("3.weight", "0.weight")
    return net


def trained(net: rc.Network, optimizer: rc.Optimizer, **settings: Any) -> rc.Network:  # noqa: ANN401
    x = ids(0)
    arguments: dict[str, Any] = {"loss": rc.SampledSoftmax(9), "epochs": 3, "batch_size": 5, "seed": 2}
    rc.fit(net, x, ids(1), optimizer=optimizer, progress=False, **(arguments | settings))
    return net


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "cross_entropy"},
        {"rule": rc.BPTT(window=3), "clip_norm": 0.05},
        {"clip_value": 0.002, "rule": rc.BPTT(checkpoint=True)},
        {"stateful": True, "shuffle": False, "batch_size": 6},
        {"mask": ids(7) % 3 > 0, "lengths": ids(8)[:, 0] % 8},
    ],
    ids=str,
)
def test_without_memory_and_decay_nothing_changes(tied: bool, settings: dict[str, Any]) -> None:
    """Which a decay too small to be seen shows: it looks at every parameter."""
    for lazy, all_of_them in (
        (rc.SGD(0.5), rc.SGD(0.5, l2=1e-200)),
        (rc.Adagrad(0.1), rc.Adagrad(0.1, l2=1e-200)),
    ):
        one, other = trained(reader(tied), lazy, **settings), trained(reader(tied), all_of_them, **settings)
        np.testing.assert_array_equal(one.flat, other.flat)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_touch_the_same_rows(threads: int) -> None:
    before = rc.num_threads()
    try:
        rc.set_num_threads(threads)
        found = trained(reader(), rc.Adam(0.01, lazy=True), batch_size=24)
        rc.set_num_threads(1)
        np.testing.assert_allclose(
            found.flat, trained(reader(), rc.Adam(0.01, lazy=True), batch_size=24).flat, atol=1e-12
        )
    finally:
        rc.set_num_threads(before)


def test_lazy_adam_is_sparse_adam() -> None:
    """But for epsilon, which that one does not correct for the bias."""
    torch = pytest.importorskip("torch")
    net = rc.Network([rc.Embedding(WORDS, 4), rc.Linear(4, 3)], dtype="float64", seed=3)
    table = torch.nn.Embedding.from_pretrained(
        torch.from_numpy(net.parameters["0.weight"].copy()), freeze=False, sparse=True
    )
    linear = torch.nn.Linear(4, 3, dtype=torch.float64)
    for name, parameter in linear.named_parameters():
        parameter.data = torch.from_numpy(net.parameters[f"1.{name}"].copy())
    x, y = ids(4, rows=30), np.random.default_rng(5).standard_normal((30, 7, 3))
    rc.fit(
        net,
        x,
        y,
        optimizer=rc.Adam(0.05, epsilon=1e-30, lazy=True),
        epochs=2,
        batch_size=3,
        shuffle=False,
        progress=False,
    )
    sparse = torch.optim.SparseAdam(table.parameters(), 0.05, eps=1e-30)
    dense = torch.optim.Adam(linear.parameters(), 0.05, eps=1e-30)
    for begin in [*range(0, 30, 3)] * 2:
        rows = slice(begin, begin + 3)
        sparse.zero_grad()
        dense.zero_grad()
        found = linear(table(torch.from_numpy(x[rows])))
        torch.nn.functional.mse_loss(found, torch.from_numpy(y[rows])).backward()
        sparse.step()
        dense.step()
    np.testing.assert_allclose(net.parameters["0.weight"], table.weight.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(net.parameters["1.weight"], linear.weight.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize(
    "optimizer",
    [
        rc.SGD(0.1, momentum=0.9, l2=0.1, lazy=True),
        rc.Adam(0.01, l1=0.1, lazy=True),
        rc.AdamW(0.01, weight_decay=0.5, lazy=True),
        rc.RMSprop(0.01, momentum=0.5, centered=True, l2=0.1, lazy=True),
    ],
    ids=lambda o: type(o).__name__,
)
def test_rows_that_rest_stay_as_they_are(optimizer: rc.Optimizer) -> None:
    net = rc.Network([rc.Embedding(WORDS, 4), rc.Linear(4, 3)], dtype="float64", seed=3)
    before = net.parameters["0.weight"].copy()
    x, y = ids(4, words=20), np.ones((24, 7, 3))
    rc.fit(net, x, y, optimizer=optimizer, epochs=2, batch_size=3, progress=False)
    np.testing.assert_array_equal(net.parameters["0.weight"][20:], before[20:])
    assert (net.parameters["0.weight"][:20] != before[:20]).all()


def test_without_lazy_they_go_on() -> None:
    net = rc.Network([rc.Embedding(WORDS, 4), rc.Linear(4, 3)], dtype="float64", seed=3)
    before = net.parameters["0.weight"].copy()
    y = np.ones((24, 7, 3))
    rc.fit(net, ids(4, words=20), y, optimizer=rc.AdamW(0.01), epochs=1, batch_size=3, progress=False)
    assert (net.parameters["0.weight"] != before).all()


def test_frozen_tables_rest() -> None:
    net = reader(tied=True)
    net.freeze("0.weight")
    before = net.parameters["0.weight"].copy()
    trained(net, rc.SGD(0.5))
    np.testing.assert_array_equal(net.parameters["0.weight"], before)
    np.testing.assert_array_equal(net.parameters["3.weight"], before)
