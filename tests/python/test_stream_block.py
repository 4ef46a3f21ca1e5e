"""Blocks of steps, threads and narrow weights of a stream; how little a step costs from Python."""

import copy
import timeit
from typing import Any, Literal

import numpy as np
import pytest
import recurra as rc
from problems import (
    CELLS,
    DTYPES,
    NETWORKS,
    Array,
    assert_close,
    build,
    cell,
    close_to,
    draw_input,
    draw_state,
    with_readout,
)

Format = Literal["bfloat16", "int8"]
FORMATS: tuple[Format, ...] = ("bfloat16", "int8")


def steps_of(stream: rc.Stream, x: Array) -> Array:
    """The outputs of (batch, time, ...), step by step."""
    return np.stack([stream.step(x[:, t].copy()) for t in range(x.shape[1])], axis=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_block_equals_its_steps(name: str, dtype: str) -> None:
    network, rng = build(name, dtype), np.random.default_rng(0)
    x, start = draw_input(network, (3, 9), rng), draw_state(network, 3, rng)
    steps, block = network.stream(3), network.stream(3)
    steps.state = block.state = start
    y = block.process(x[:, :4].copy())
    assert y.dtype == network.dtype
    rest = np.empty((3, 5, network.output_size), dtype)
    assert block.process(x[:, 4:].copy(), out=rest) is rest
    assert_close(np.concatenate([y, rest], axis=1), steps_of(steps, x), close_to(dtype))
    for key, values in steps.state.items():
        assert_close(block.state[key], values, close_to(dtype))

    one, single = network.stream(), network.stream()
    y = one.process(x[0])
    assert_close(y, np.stack([single.step(x_t) for x_t in x[0]]), close_to(dtype))
    assert one.process(x[0, :0]).shape == (0, network.output_size)


def round_rows(matrix: Array, weights: Format) -> Array:
    """What a stream makes of a matrix: bfloat16 by its bits, int8 with a scale for each row."""
    if weights == "bfloat16":
        bits = matrix.view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
    scale = np.abs(matrix).max(axis=-1, keepdims=True) / np.float32(127)
    return np.asarray(np.rint(matrix / scale) * scale)


def rounded(network: rc.Network, weights: Format) -> tuple[rc.Network, dict[str, float]]:
    """The network with the matrices that a step multiplies rounded, and how far each moved."""
    twin, moved = copy.deepcopy(network), dict[str, float]()
    embedded = {f"{i}.weight" for i, layer in enumerate(network.layers) if isinstance(layer, rc.Embedding)}
    for name, values in twin.parameters.items():
        if "weight" in name and values.ndim == 2 and name not in embedded:
            given = values.copy()
            values[:] = round_rows(given, weights)
            moved[name] = float(np.linalg.norm(values - given) / np.linalg.norm(given))
    return twin, moved


def check_rounded(network: rc.Network, weights: Format) -> None:
    twin, moved = rounded(network, weights)
    rng = np.random.default_rng(1)
    x, start = draw_input(network, (6,), rng), draw_state(network, 1, rng)
    stream, block, expected = network.stream(weights=weights), network.stream(weights=weights), twin.stream()
    stream.state = block.state = expected.state = start
    y = np.stack([expected.step(x_t) for x_t in x])
    # int8 also rounds what it multiplies, to 1 / 65024 of the largest: with the weights of a row, whose
    # magnitudes add up to some 5, that is at most 1e-4 in a step.
    close = 1e-4 if weights == "int8" else 1e-5
    assert_close(np.stack([stream.step(x_t) for x_t in x]), y, (close, close))
    assert_close(block.process(x), y, (close, close))
    assert stream.weight_error == pytest.approx(moved, rel=1e-3)
    assert all(0 < error < 0.02 for error in stream.weight_error.values())


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("name", CELLS)
def test_narrow_weights_are_rounded_matrices(name: str, weights: Format) -> None:
    network = rc.Network(with_readout(cell(name, 3, 20)), seed=0)
    check_rounded(network, weights)


@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_narrow_weights_of_every_network(name: str, weights: Format) -> None:
    if name != "bare Embedding":
        check_rounded(build(name, "float32"), weights)


def test_weights_in_full_have_no_error() -> None:
    assert build("LSTM").stream().weight_error == {}
    network = build("LSTM", "float32")
    assert network.stream(weights="float32").weight_error == {}
    x = np.ones(3, np.float32)
    assert np.array_equal(network.stream(weights="float32").step(x), network.stream().step(x))


@pytest.mark.parametrize("weights", [None, *FORMATS])
def test_threads_give_the_same_bits(weights: Format | None) -> None:
    network = rc.Network([rc.LSTM(8, 200), rc.GRU(200, 200), rc.Linear(200, 300)], seed=0)
    x = draw_input(network, (50,), np.random.default_rng(0))
    streams = [network.stream(weights=weights, threads=threads) for threads in (1, 2, 4)]
    y = [np.stack([stream.step(x_t) for x_t in x]) for stream in streams]
    blocks = [stream.process(x) for stream in streams]
    for other in (1, 2):
        assert np.array_equal(y[other], y[0])
        assert np.array_equal(blocks[other], blocks[0])


REFUSED: dict[str, tuple[str, dict[str, Any], type[Exception], str]] = {
    "no thread": ("float32", {"threads": 0}, ValueError, "threads is 0, expected at least 1"),
    "many threads": ("float32", {"threads": 65}, ValueError, r"threads is 65, expected 1 \.\. 64"),
    "half a thread": ("float32", {"threads": 1.5}, TypeError, r"threads is 1\.5, expected an integer"),
    "threads of a batch": ("float32", {"threads": 2, "batch_size": 3}, ValueError, "batch of 3, expected 1"),
    "unknown weights": ("float32", {"weights": "int4"}, ValueError, "weights is 'int4', expected None or"),
    "float64": ("float64", {"weights": "int8"}, ValueError, "'int8' for a float64 network, expected None"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_are_refused(case: str) -> None:
    dtype, options, error, words = REFUSED[case]
    with pytest.raises(error, match=f"(?i)stream: .*{words}"):
        build("LSTM", dtype).stream(**options)


def test_weights_that_cannot_be_rounded_are_refused() -> None:
    network = build("LSTM", "float32")
    stream = network.stream(weights="int8")
    error = stream.weight_error
    network.parameters["0.weight_hh"][0, 0] = np.inf
    for make in (lambda: network.stream(weights="bfloat16"), stream.reload):
        with pytest.raises(ValueError, match=r"0\.weight_hh has the value inf, expected finite weights"):
            make()
    assert stream.weight_error == error


X = np.ones((4, 3))
BLOCKS: dict[str, tuple[Any, Any, type[Exception], tuple[str, ...]]] = {
    "a list": ([[1.0, 2.0, 3.0]], None, TypeError, ("x", "list", "array of float64")),
    "nothing": (None, None, TypeError, ("x", "NoneType")),
    "float32": (X.astype("f4"), None, TypeError, ("x", "<f4", "float64")),
    "one step": (X[0], None, ValueError, ("x", "(3,)", "(time, 3)")),
    "a batch axis": (X[None], None, ValueError, ("x", "(1, 4, 3)", "(time, 3)")),
    "another width": (X[:, :2].copy(), None, ValueError, ("x", "(4, 2)", "(4, 3)")),
    "strided": (X[:, ::-1], None, ValueError, ("x", "not C-contiguous")),
    "not a number": (
        np.where(np.arange(12).reshape(4, 3) == 7, np.nan, X),
        None,
        ValueError,
        ("x[7]", "nan"),
    ),
    "out of another time": (X, np.zeros((3, 2)), ValueError, ("out", "(3, 2)", "(4, 2)")),
    "out of float32": (X, np.zeros((4, 2), "f4"), TypeError, ("out", "<f4")),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_a_refused_block_changes_nothing(case: str) -> None:
    x, out, error, words = BLOCKS[case]
    stream = build("LSTM").stream()
    stream.step(X[0])
    state, kept = stream.state, None if out is None else out.copy()
    with pytest.raises(error) as caught:
        stream.process(x, out)
    assert all(word in str(caught.value) for word in ("process", *words)), caught.value
    assert stream.state == state
    if kept is not None:
        assert np.array_equal(out, kept)


def test_blocks_of_ids_and_overlaps_are_refused() -> None:
    stream, wide = build("Embedding").stream(), build("Embedding").stream(2)
    for x, words in ((3, r"\(\), expected \(time,\)"), ([6], "class id 6, expected 0 .. 5")):
        with pytest.raises(ValueError, match=words):
            stream.process(x)
    with pytest.raises(ValueError, match=r"\(3,\), expected \(2, time\)"):
        wide.process([1, 2, 3])
    with pytest.raises(TypeError, match="integers"):
        wide.process([[0.5], [1.0]])
    assert wide.process([[1, 2, 3], [3, 2, 1]]).shape == (2, 3, 2)
    memory = np.ones(20)
    with pytest.raises(ValueError, match="out overlaps x"):
        build("LSTM").stream().process(memory[:12].reshape(4, 3), memory[11:19].reshape(4, 2))


def test_a_step_takes_its_arguments_as_any_function_does() -> None:
    network = build("LSTM")
    expected = network.stream().step(np.ones(3))
    out = np.empty(2)
    assert np.array_equal(network.stream().step(x=np.ones(3)), expected)
    assert network.stream().step(out=out, x=np.ones(3)) is out
    assert np.array_equal(out, expected)
    assert np.array_equal(network.stream().step(np.ones(3), None), expected)
    assert np.array_equal(network.stream().step(np.ones(3).view(type("Other", (np.ndarray,), {}))), expected)
    for arguments, options in (
        ((), {"y": 1}),
        ((np.ones(3), None, None), {}),
        ((np.ones(3),), {"x": np.ones(3)}),
    ):
        with pytest.raises(TypeError, match="step"):
            network.stream().step(*arguments, **options)


def test_a_step_from_python_costs_little() -> None:
    """The smallest network: what is measured is the call. The target is 0.5 us; a machine may be slow."""
    stream = rc.Network([rc.Linear(1, 1)]).stream()
    x, out = np.ones(1, np.float32), np.empty(1, np.float32)
    assert min(timeit.repeat(lambda: stream.step(x, out=out), number=5000, repeat=20)) / 5000 < 2e-6


def test_what_a_byte_cannot_scale() -> None:
    """Rows near the largest number stay finite; rows of next to nothing become zero."""
    net = rc.Network([rc.Linear(2, 3)])
    largest, tiny = np.finfo("f4").max, np.float32(190 * 2.0**-149)
    net.flat[:] = np.array([largest, 1e38, tiny, -tiny, 1, -2, 0, 0, 0], "f4")
    stream = net.stream(weights="int8")
    assert np.isfinite(stream.weight_error["0.weight"])
    y = stream.step(np.array([0.25, 0.5], "f4"))
    assert y[0] == pytest.approx(0.25 * largest + 0.5e38, rel=0.01)
    assert y[1] == 0
    assert y[2] == pytest.approx(-0.75, rel=0.01)


def test_narrow_weights_are_all_that_a_stream_holds() -> None:
    network = rc.Network([rc.LSTM(200, 200), rc.Linear(200, 200)], seed=0)
    matrices = sum(view.size for view in network.parameters.values() if view.ndim == 2)
    x = draw_input(network, (100,), np.random.default_rng(0))
    held: dict[str | None, int] = {}
    for weights in (None, *FORMATS):
        stream = network.stream(weights=weights)
        held[weights] = stream.bytes
        y = stream.process(x)
        block = stream.bytes - held[weights]  # activations of a block of steps, whatever the weights
        assert 100 * 200 * 4 < block < 100 * 200 * 4 * 10
        if weights is not None:
            stream.reset()
            assert np.array_equal(np.stack([stream.step(x_t) for x_t in x]), y)
    assert 4 * matrices < held[None]
    assert 2 * matrices < held["bfloat16"] < 2.2 * matrices
    assert matrices < held["int8"] < 1.2 * matrices
