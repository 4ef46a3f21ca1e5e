"""Bidirectional, Residual and Skip: identities, and what they refuse."""

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, INPUT, assert_close, randomize
from problems import cell as cell_of

LENGTHS = np.array([4, 0, 7, 1])
TIME = 7


@pytest.mark.parametrize("name", CELLS)
def test_bidirectional_is_two_runs_one_on_reversed_rows(name: str) -> None:
    """Each row is reversed on its own, from its own end."""
    network = rc.Network([rc.Bidirectional(cell_of(name, INPUT, 5))], dtype="float64")
    randomize(network, 1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(LENGTHS), TIME, INPUT))
    y, last = network(x, lengths=LENGTHS, return_state=True)
    half = network.output_size // 2
    for part, direction in (("forward", 1), ("reverse", -1)):
        alone = rc.Network([cell_of(name, INPUT, 5)], dtype="float64")
        for key, values in alone.parameters.items():
            values[:] = network.parameters[key.replace("0.", f"0.{part}.")]
        for row, length in enumerate(LENGTHS):
            columns = slice(0, half) if part == "forward" else slice(half, None)
            if length == 0:
                assert not y[row].any()
                continue
            expected, state = alone(x[row, :length][::direction], return_state=True)
            assert_close(y[row, :length, columns], expected[::direction])
            for key, values in state.items():
                assert_close(last[key.replace("0.", f"0.{part}.")][row], values[0])


def test_two_different_directions() -> None:
    network = rc.Network([rc.Bidirectional(rc.LSTM(3, 4), rc.GRU(3, 2)), rc.Linear(6, 1)])
    assert network.parameters["0.reverse.weight_ih"].shape == (6, 3)
    assert network.output_size == 1


def test_residual_of_nothing_is_the_input() -> None:
    network = rc.Network([rc.Residual([rc.LSTM(3, 4), rc.Linear(4, 3)]), rc.Skip(rc.GRU(3, 2))])
    network.flat[:] = 0
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("f4")
    y = network(x)
    assert np.array_equal(y[:, :3], x)
    assert not y[:, 3:].any()


def test_descriptions_survive() -> None:
    nested = rc.Residual([rc.Skip(rc.GRU(8, 2)), rc.Linear(10, 8)])
    layers: list[rc.Layer] = [rc.Bidirectional(rc.LSTM(3, 4, zoneout=0.1)), nested]
    network = pickle.loads(pickle.dumps(rc.Network(layers)))
    assert [type(layer) for layer in network.layers] == [rc.Bidirectional, rc.Residual]
    inside = network.layers[1].layers
    assert [type(layer) for layer in inside] == [rc.Skip, rc.Linear]
    assert pickle.loads(pickle.dumps(nested)).layers[0].layers[0].options["hidden_size"] == 2
    assert repr(network.layers[0]).count("LSTM(hidden_size=4, input_size=3, zoneout=0.1)") == 2


REFUSED: dict[str, tuple[Callable[[], list[rc.Layer]], str]] = {
    "nothing inside": (lambda: [rc.Residual([])], "Network: layer 0 (Residual) has no layers inside"),
    "another width": (
        lambda: [rc.Residual(rc.Linear(3, 4))],
        "from 3 to 4 features, expected the same number",
    ),
    "a misfit": (
        lambda: [rc.Skip([rc.Linear(3, 4), rc.GRU(5, 2)])],
        "Network: layer 0 (Skip) has layers inside that do not fit: layer 1 expects 5 features, got 4",
    ),
    "pooling": (lambda: [rc.Residual([rc.Linear(3, 3), rc.Last()])], "pools over time, expected it outside"),
    "an embedding": (
        lambda: [rc.Skip(rc.Embedding(4, 3))],
        "takes class ids, expected it as the first layer",
    ),
    "two inputs": (
        lambda: [rc.Bidirectional(rc.GRU(3, 2), rc.GRU(4, 2))],
        "has layers inside that expect 3 and 4 features",
    ),
    "a bad option inside": (
        lambda: [rc.Linear(2, 3), rc.Residual(rc.GRU(3, 3, projection=2))],
        "Network: layer 1 (Residual), 0 (GRU) has a projection, but",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    layers, words = REFUSED[case]
    with pytest.raises(ValueError) as caught:
        rc.Network(layers())
    assert words in str(caught.value)


def test_no_layer_inside() -> None:
    with pytest.raises(TypeError, match="Skip: layer 0 inside is a int, expected a layer"):
        rc.Skip([3])  # type: ignore[list-item]


def plain(layer: rc.Layer) -> rc.Layer:
    return layer


def inside(layer: rc.Layer) -> rc.Layer:
    return rc.Residual([layer, rc.Linear(4, 3)])


@pytest.mark.parametrize("wrap", [plain, inside, rc.Skip])
def test_looking_ahead_neither_streams_nor_learns_by_windows(wrap: Callable[[rc.Layer], rc.Layer]) -> None:
    network = rc.Network([wrap(rc.Bidirectional(rc.GRU(3, 2)))])
    with pytest.raises(ValueError, match=r"Stream: layer 0 \(.*\) looks ahead"):
        network.stream()
    x, target = np.zeros((2, 6, 3), "f4"), np.zeros((2, 6, network.output_size), "f4")
    for call in (
        lambda: network.loss_and_gradient(x, target, rule=rc.BPTT(window=3)),
        lambda: rc.fit(network, x, target, rule=rc.BPTT(window=3), epochs=1, progress=False),
    ):
        with pytest.raises(ValueError, match="a window cuts the time axis, but the network looks ahead"):
            call()


def test_a_long_sequence_is_run_in_one_piece() -> None:
    """Inference runs in segments of time, but not where outputs depend on later steps."""
    network = rc.Network([rc.Bidirectional(rc.MinGRU(1, 1))], dtype="float64")
    x = np.random.default_rng(0).normal(size=(70_000, 1))
    y = network(x)
    reverse = rc.Network([rc.MinGRU(1, 1)], dtype="float64")
    for key, values in reverse.parameters.items():
        values[:] = network.parameters[key.replace("0.", "0.reverse.")]
    assert_close(y[:, 1:], reverse(x[::-1])[::-1])
