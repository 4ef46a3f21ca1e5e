"""The adaptive softmax = PyTorch's; without clusters = a Linear and cross entropy; what else it promises.

Streams, windows, files, online rules and ragged batches: it is among the NETWORKS of problems.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, assert_close, randomize

INPUT, CLASSES = 12, 30
SHAPES: dict[str, tuple[tuple[int, ...], float]] = {
    "one cluster": ((7,), 4.0),
    "three clusters": ((2, 9, 20), 2.0),
    "single classes": ((1, 2, 29), 1.5),
    "wider projections": ((5, 12), 0.5),
}
CLOSE = (1e-10, 1e-12)


def made(shape: str, below: bool = False) -> rc.Network:
    """With random weights; `below`: on top of a GRU."""
    layers: list[rc.Layer] = [rc.GRU(4, INPUT)] if below else []
    cutoffs, div_value = SHAPES[shape]
    network = rc.Network([*layers, rc.AdaptiveSoftmax(INPUT, CLASSES, cutoffs, div_value)], dtype="float64")
    randomize(network, 3)
    return network


def torch_twin(network: rc.Network, shape: str) -> Any:  # noqa: ANN401
    """PyTorch's module with the weights of the network's last layer."""
    torch = pytest.importorskip("torch")
    cutoffs, div_value = SHAPES[shape]
    twin = torch.nn.AdaptiveLogSoftmaxWithLoss(INPUT, CLASSES, list(cutoffs), div_value).double()
    place = len(network.layers) - 1
    with torch.no_grad():
        for ours, theirs in names(len(cutoffs)):
            value = torch.tensor(network.parameters[f"{place}.{ours}"])
            assert twin.get_parameter(theirs).shape == value.shape
            twin.get_parameter(theirs).copy_(value)
    return twin


def names(clusters: int) -> list[tuple[str, str]]:
    """Our names of the parameters beside PyTorch's."""
    found = [("weight_head", "head.weight")]
    for i in range(clusters):
        found += [
            (f"weight_projection_{i}", f"tail.{i}.0.weight"),
            (f"weight_tail_{i}", f"tail.{i}.1.weight"),
        ]
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_is_that_of_torch(shape: str) -> None:
    torch = pytest.importorskip("torch")
    network, rng = made(shape), np.random.default_rng(1)
    x, target = rng.normal(size=(5, 6, INPUT)), rng.integers(0, CLASSES, (5, 6))
    twin = torch_twin(network, shape)
    theirs = torch.tensor(x, requires_grad=True)
    assert_close(network(x), twin.log_prob(theirs.flatten(0, 1)).detach().reshape(5, 6, CLASSES), CLOSE)
    expected = twin(theirs.flatten(0, 1), torch.tensor(target).flatten()).loss
    expected.backward()
    loss, gradient = network.loss_and_gradient(x, target, "cross_entropy")
    assert_close(loss, expected.item(), CLOSE)
    wanted = [twin.get_parameter(name).grad.numpy().ravel() for _, name in names(len(SHAPES[shape][0]))]
    assert_close(gradient, np.concatenate(wanted), CLOSE)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_goes_further_down_is_that_of_torch(shape: str) -> None:
    torch = pytest.importorskip("torch")
    network, rng = made(shape, below=True), np.random.default_rng(1)
    x, target = rng.normal(size=(3, 6, 4)), rng.integers(0, CLASSES, (3, 6))
    size = rc.Network([rc.GRU(4, INPUT)]).flat.size
    below = rc.Network([rc.GRU(4, INPUT)], dtype="float64")
    below.flat[:] = network.flat[:size]
    h = torch.tensor(below(x), requires_grad=True)
    loss = torch_twin(network, shape)(h.flatten(0, 1), torch.tensor(target).flatten()).loss
    loss.backward()
    # A squared error whose derivative by y is what the readout sends down.
    _, expected = below.loss_and_gradient(x, below(x) - h.grad.numpy() * h.numel() / 2, "mse")
    value, gradient = network.loss_and_gradient(x, target, "cross_entropy")
    assert_close(value, loss.item(), CLOSE)
    assert_close(gradient[:size], expected, (1e-9, 1e-11))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_sum_to_1(shape: str, dtype: str) -> None:
    cutoffs, div_value = SHAPES[shape]
    network = rc.Network([rc.AdaptiveSoftmax(INPUT, CLASSES, cutoffs, div_value)], dtype=dtype)
    x = np.random.default_rng(1).normal(size=(9, INPUT)).astype(dtype) * 5
    assert_close(np.exp(network(x)).sum(-1), np.ones(9), (1e-5, 0) if dtype == "float32" else (1e-13, 0))


def test_without_a_cluster_it_is_a_linear_and_a_full_softmax() -> None:
    network = rc.Network([rc.GRU(4, INPUT), rc.AdaptiveSoftmax(INPUT, CLASSES)], dtype="float64", seed=2)
    full = rc.Network([rc.GRU(4, INPUT), rc.Linear(INPUT, CLASSES, bias=False)], dtype="float64", seed=2)
    assert np.array_equal(network.flat, full.flat)  # drawn alike, too
    rng = np.random.default_rng(1)
    x, target = rng.normal(size=(5, 6, 4)), rng.integers(0, CLASSES, (5, 6))
    scores = full(x)
    assert_close(network(x), scores - np.log(np.exp(scores).sum(-1, keepdims=True)))
    ours = network.loss_and_gradient(x, target, "cross_entropy")
    theirs = full.loss_and_gradient(x, target, "cross_entropy")
    assert_close(ours[0], theirs[0])
    assert_close(ours[1], theirs[1])


def test_masks_lengths_and_class_weights_leave_out_what_they_should() -> None:
    """Against a sum over the log-probabilities in NumPy."""
    network, rng = made("three clusters", below=True), np.random.default_rng(1)
    x, target = rng.normal(size=(4, 6, 4)), rng.integers(0, CLASSES, (4, 6))
    lengths, mask = np.array([6, 0, 3, 5]), rng.random((4, 6)) < 0.6
    weights = rng.uniform(0.5, 2, CLASSES)
    valid = mask & (np.arange(6) < lengths[:, None])
    surprise = -np.take_along_axis(network(x), target[..., None], -1)[..., 0]
    share = weights[target] * valid
    loss = rc.CrossEntropy(class_weights=weights)
    found, gradient = network.loss_and_gradient(x, target, loss, lengths=lengths, mask=mask)
    assert_close(found, (surprise * share).sum() / share.sum(), CLOSE)
    direction = rng.normal(size=gradient.shape)
    kept, slope, step = network.flat.copy(), 0.0, 1e-5
    for sign in (1, -1):
        network.flat[:] = kept + sign * step * direction
        value, _ = network.loss_and_gradient(x, target, loss, lengths=lengths, mask=mask)
        slope += sign * value / (2 * step)
    assert_close(gradient @ direction, slope, (1e-7, 1e-9))


def test_it_learns_rare_classes_too(tmp_path: Path) -> None:
    """A text whose next symbol is known: fitted, saved and loaded, it names each."""
    network = rc.Network([rc.Embedding(20, 16), rc.AdaptiveSoftmax(16, 20, (4, 10), div_value=2)], seed=1)
    order = np.random.default_rng(2).permutation(20)
    symbols = np.arange(20)[None]
    history = rc.fit(
        network,
        symbols,
        order[None],
        loss="cross_entropy",
        optimizer=rc.Adam(0.05),
        epochs=150,
        progress=False,
    )
    assert history.loss[-1] < 0.1
    network.save(tmp_path / "model.safetensors")
    again = rc.load(tmp_path / "model.safetensors")
    assert repr(again.layers) == repr(network.layers)
    assert (again(symbols).argmax(-1) == order).all()


def test_shapes_and_options() -> None:
    network = rc.Network([rc.AdaptiveSoftmax(100, 1000, (10, 50, 300))])
    shapes = {name: view.shape for name, view in network.parameters.items()}
    assert shapes == {
        "0.weight_head": (13, 100),
        "0.weight_projection_0": (25, 100),
        "0.weight_tail_0": (40, 25),
        "0.weight_projection_1": (6, 100),
        "0.weight_tail_1": (250, 6),
        "0.weight_projection_2": (1, 100),
        "0.weight_tail_2": (700, 1),
    }
    assert rc.AdaptiveSoftmax(3, 9).options == {"input_size": 3, "num_classes": 9}
    assert rc.AdaptiveSoftmax(3, 9, np.array([2, 5]), 1).options == {
        "input_size": 3,
        "num_classes": 9,
        "cutoffs": "2,5",
        "div_value": 1.0,
    }


WRONG: dict[str, tuple[tuple[Any, ...], type[Exception], str]] = {
    "falling": ((8, 10, (5, 4)), ValueError, r"cutoffs\[1\] is 4, expected at least 6"),
    "twice": ((8, 10, (5, 5)), ValueError, r"cutoffs\[1\] is 5, expected at least 6"),
    "zero": ((8, 10, (0, 4)), ValueError, r"cutoffs\[0\] is 0, expected at least 1"),
    "all classes": ((8, 10, (4, 10)), ValueError, r"cutoffs\[1\] is 10, expected at most 9"),
    "one class": ((8, 1, (1,)), ValueError, r"cutoffs\[0\] is 1, expected at most 0"),
    "floats": ((8, 10, (4.0,)), TypeError, r"cutoffs\[0\] is 4.0, expected an integer"),
    "a number": ((8, 10, 4), TypeError, "cutoffs is 4, expected integers"),
    "a text": ((8, 10, "4,5"), TypeError, "cutoffs is '4,5', expected integers"),
    "div_value 0": ((8, 10, (4,), 0), ValueError, "div_value is 0, expected a finite number above 0"),
    "div_value below 0": ((8, 10, (4,), -1.5), ValueError, "div_value is -1.5, expected a finite number"),
    "div_value infinite": ((8, 10, (4,), np.inf), ValueError, "div_value is inf, expected a finite number"),
    "div_value nan": ((8, 10, (4,), np.nan), ValueError, "div_value is nan, expected a finite number"),
    "div_value a text": ((8, 10, (4,), "4"), TypeError, "div_value is '4', expected a number"),
    "no unit": (
        (8, 10, (4, 6)),
        ValueError,
        r"projection of cluster 1 no unit.*div_value\^2 to be at least 1",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    arguments, error, message = WRONG[case]
    with pytest.raises(error, match=f"^AdaptiveSoftmax: .*{message}"):
        rc.AdaptiveSoftmax(*arguments)


def test_a_projection_that_has_one_unit_left_is_taken() -> None:
    for units, div_value, clusters in ((16, 4.0, 2), (1000, 10.0, 3), (343, 7.0, 3)):
        network = rc.Network([rc.AdaptiveSoftmax(units, 10, range(1, clusters + 1), div_value)])
        assert network.parameters[f"0.weight_projection_{clusters - 1}"].shape == (1, units)


def test_classes_out_of_range_are_refused() -> None:
    network = made("three clusters")
    target: Array = np.zeros((1, 2), int)
    target[0, 1] = CLASSES
    with pytest.raises(ValueError, match=f"class id {CLASSES}.*0 .. {CLASSES - 1}"):
        network.loss_and_gradient(np.zeros((1, 2, INPUT)), target, "cross_entropy")
