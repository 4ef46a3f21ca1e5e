"""Stateful batches: rows that go on from batch to batch are windows of long sequences, resumed or not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close, refused
from training import fit

ROWS, LENGTH, BATCHES = 4, 5, 3


def network(dtype: str = "float64", seed: int = 3) -> rc.Network:
    return rc.Network(
        [rc.LSTM(2, 6, learned_initial_state=True), rc.GRU(6, 4), rc.Linear(4, 1)], dtype=dtype, seed=seed
    )


def series(dtype: str = "float64") -> tuple[Array, Array]:
    """One long series, with some steps more than there are rows for."""
    rng = np.random.default_rng(5)
    steps = ROWS * LENGTH * BATCHES + 7
    x, y = rng.normal(size=(steps, 2)).astype(dtype), rng.normal(size=(steps, 1)).astype(dtype)
    return x, y


def long_rows(values: Array) -> Array:
    """The same steps, each row in one piece."""
    return values[: ROWS * LENGTH * BATCHES].reshape(ROWS, LENGTH * BATCHES, *values.shape[1:])


def cut(values: Array) -> Array:
    return rc.consecutive_windows(values, LENGTH, ROWS)


def train(trained: rc.Network, x: Array, y: Array, **options: Any) -> rc.History:  # noqa: ANN401
    return fit(trained, x, y, **{"batch_size": ROWS, "shuffle": False, **options})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", [rc.SGD(0.1, 0.9), rc.Adam(1e-2)])
def test_equals_windows_of_long_sequences(optimizer: rc.Optimizer, dtype: str) -> None:
    """On one thread to the last bit: the same updates in the same order."""
    rc.set_num_threads(1)
    x, y = series(dtype)
    whole, pieces, forgetful = network(dtype), network(dtype), network(dtype)
    options: dict[str, Any] = {"optimizer": optimizer, "clip_norm": 1.0}
    expected = train(whole, long_rows(x), long_rows(y), rule=rc.BPTT(window=LENGTH), **options)
    history = train(pieces, cut(x), cut(y), stateful=True, **options)
    assert np.array_equal(pieces.flat, whole.flat)
    assert history.loss == expected.loss
    train(forgetful, cut(x), cut(y), **options)
    assert not np.allclose(forgetful.flat, whole.flat, rtol=1e-3)


def test_equals_windows_of_a_text() -> None:
    rc.set_num_threads(1)
    text = np.random.default_rng(0).integers(0, 7, ROWS * LENGTH * BATCHES + 1)
    x, y = text[:-1], text[1:]
    layers = [rc.Embedding(7, 3), rc.SRU(3, 5), rc.Linear(5, 7)]
    whole, pieces = rc.Network(layers, seed=1), rc.Network(layers, seed=1)
    options: dict[str, Any] = {"loss": "cross_entropy"}
    train(whole, long_rows(x), long_rows(y), rule=rc.BPTT(window=LENGTH), **options)
    train(pieces, cut(x), cut(y), stateful=True, **options)
    assert np.array_equal(pieces.flat, whole.flat)


@pytest.mark.parametrize("teacher", [None, True])
def test_what_is_fed_back_is_carried(teacher: bool | None) -> None:
    """A NARX network: its delay lines are state; a batch of which no entry counts still moves them."""
    rc.set_num_threads(1)
    x, y = series()
    mask = np.ones(len(x), bool)
    for row in range(ROWS):  # the second window of every row
        mask[row * BATCHES * LENGTH + LENGTH :][:LENGTH] = False
    options: dict[str, Any] = {"teacher": teacher, "optimizer": rc.SGD(0.1)}

    def narx() -> rc.Network:
        net = rc.Feedback([rc.Linear(8, 5), rc.Tanh(), rc.Linear(5, 1)], delays=2)
        return rc.Network([rc.Delay(2, input_size=2), net], dtype="float64", seed=4)

    whole, pieces, forgetful = narx(), narx(), narx()
    data = cut(x), cut(y)
    expected = train(
        whole, long_rows(x), long_rows(y), mask=long_rows(mask), rule=rc.BPTT(window=LENGTH), **options
    )
    history = train(pieces, *data, mask=cut(mask), stateful=True, **options)
    assert np.array_equal(pieces.flat, whole.flat)
    assert history.loss == expected.loss
    train(forgetful, *data, mask=cut(mask), **options)
    assert not np.allclose(forgetful.flat, whole.flat, rtol=1e-4)
    after = rc.evaluate(pieces, *data, teacher=teacher, mask=cut(mask), batch_size=ROWS, stateful=True)
    uncut = rc.evaluate(whole, long_rows(x), long_rows(y), teacher=teacher, mask=long_rows(mask))
    assert after == pytest.approx(uncut, rel=1e-12)


@pytest.mark.parametrize("window", [None, 2])
def test_equals_a_loop_by_hand(window: int | None) -> None:
    x, y = (cut(values) for values in series())
    lengths = np.array([5, 1, 0, 4, 3, 0, 5, 5, 2, 2, 4, 0])
    trained, expected = network(), network()
    rule = rc.BPTT() if window is None else rc.BPTT(window=window)
    history = train(trained, x, y, lengths=lengths, rule=rule, stateful=True, optimizer=rc.SGD(0.1), epochs=2)
    updater = rc.SGD(0.1).bind(expected)
    for epoch in range(2):
        state, total = None, 0.0
        for first in range(0, len(x), ROWS):
            rows = slice(first, first + ROWS)
            for begin in range(0, LENGTH, window or LENGTH):
                steps = slice(begin, begin + (window or LENGTH))
                part = np.clip(lengths[rows] - begin, 0, y[rows, steps].shape[1])
                value, gradient, state = expected.loss_and_gradient(
                    x[rows, steps], y[rows, steps], lengths=part, state=state, return_state=True
                )
                updater.update(gradient)
                total += value * part.sum()
        assert history.loss[epoch] == pytest.approx(total / lengths.sum(), rel=1e-12)
    assert_close(trained.flat, expected.flat)


def test_evaluation_and_validation_carry_the_state() -> None:
    x, y = series()
    data, rows = (cut(x), cut(y)), (long_rows(x), long_rows(y))
    trained = network()
    expected = rc.evaluate(trained, *rows)
    assert rc.evaluate(trained, *data, batch_size=ROWS, stateful=True) == pytest.approx(expected, rel=1e-12)
    assert rc.evaluate(trained, *data, batch_size=ROWS) != pytest.approx(expected, rel=1e-4)
    history = train(trained, *data, validation=data, stateful=True, epochs=1)
    after = rc.evaluate(trained, *data, batch_size=ROWS, stateful=True)
    assert history.validation_loss == [after]
    fraction = train(network(), *data, validation=1 / 3, stateful=True, epochs=1)
    held_out = train(
        network(),
        *(values[: 2 * ROWS] for values in data),
        validation=tuple(values[2 * ROWS :] for values in data),
        stateful=True,
        epochs=1,
    )
    assert fraction.validation_loss == held_out.validation_loss


X, Y = np.zeros((12, 5, 2)), np.zeros((12, 5, 1))
REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "shuffle by default": ({}, ("fit: shuffle is on", "expected shuffle=False")),
    "shuffle": ({"shuffle": True}, ("fit: shuffle is on", "expected shuffle=False")),
    "batch_size": ({"shuffle": False, "batch_size": 5}, ("12 sequences", "multiple of batch_size = 5")),
    "default batch_size": ({"shuffle": False, "batch_size": 32}, ("12 sequences", "batch_size = 32")),
    "validation": (
        {"shuffle": False, "validation": (X[:6], Y[:6])},
        ("fit: validation: x has 6 sequences", "batch_size = 4"),
    ),
    "fraction": ({"shuffle": False, "validation": 0.5}, ("x has 6 sequences", "batch_size = 4")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_go_on(name: str) -> None:
    options, words = REFUSED[name]
    trained = network()
    with refused(ValueError, *words, network=trained):
        fit(trained, X, Y, **{"batch_size": ROWS, "stateful": True, **options})


def test_networks_that_need_the_whole_sequence() -> None:
    cases: list[tuple[list[rc.Layer], Array, str]] = [
        ([rc.GRU(2, 3), rc.Max(), rc.Linear(3, 1)], Y[:, 0].copy(), "pools over time"),
        ([rc.Bidirectional(rc.GRU(2, 3)), rc.Linear(6, 1)], Y, "looks ahead"),
    ]
    for layers, y, words in cases:
        trained = rc.Network(layers, dtype="float64")
        with refused(ValueError, "fit: stateful", words, network=trained):
            train(trained, X, y, stateful=True)
        with refused(ValueError, "evaluate: stateful", words, network=trained):
            rc.evaluate(trained, X, y, batch_size=ROWS, stateful=True)
    trained = network()
    with refused(ValueError, "evaluate: x has 12 sequences", "batch_size = 256", network=trained):
        rc.evaluate(trained, X, Y, stateful=True)
    for stateful in (1, None, "yes"):
        with refused(TypeError, "fit: stateful is", "expected True or False", network=trained):
            train(trained, X, Y, stateful=stateful)


def header_and_data(content: bytes) -> tuple[dict[str, Any], bytes]:
    begin = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:begin]), content[begin:]


def encode(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_a_damaged_carried_state(tmp_path: Path) -> None:
    """The last checkpoint is from the end of the last batch but one: the validation after it fails."""
    path = tmp_path / "run.safetensors"
    x, y = (cut(values) for values in series())
    options: dict[str, Any] = {"stateful": True, "checkpoint": path, "checkpoint_every": 2, "epochs": 1}
    broken = y.copy()
    broken[2 * ROWS :] = 1e200  # the third batch overflows
    trained = network()
    with pytest.raises(OverflowError):
        train(trained, x, broken, resume=True, **options)
    content = path.read_bytes()
    header, data = header_and_data(content)
    entry = header["training.state"]
    assert entry["shape"] == [ROWS, 16]  # h and c of 6, h of 4
    begin, end = entry["data_offsets"]
    rows = np.frombuffer(data[begin:end]).reshape(ROWS, 16)
    expected = network()
    state = None
    updater = rc.Adam().bind(expected)
    for first in (0, ROWS):
        part = slice(first, first + ROWS)
        _, gradient, state = expected.loss_and_gradient(x[part], y[part], state=state, return_state=True)
        updater.update(gradient)
    assert np.array_equal(rc.load(path).flat, trained.flat)
    assert_close(trained.flat, expected.flat)
    assert state is not None
    assert_close(rows, np.concatenate([state["0.h"], state["0.c"], state["1.h"]], axis=1))

    def changed(**entries: Any) -> dict[str, Any]:  # noqa: ANN401
        return {**header, "training.state": {**entry, **entries}}

    run = json.loads(header["__metadata__"]["training"])
    done = {**header, "__metadata__": {**header["__metadata__"], "training": json.dumps({**run, "batch": 0})}}
    renamed = {("training.stage" if key == "training.state" else key): value for key, value in header.items()}
    nan = data[:begin] + np.full(8, np.nan).tobytes() + data[begin + 64 :]
    lost = {key: value for key, value in header.items() if key != "training.state"}
    assert end == len(data)
    damaged = {
        "lost": (encode(lost, data[:begin]), "the carried state has 0 numbers, expected 64"),
        "another name": (encode(renamed, data), "unused tensor 'training.stage'"),
        "fewer rows": (encode(changed(shape=[2, 32]), data), "'training.state' has another dtype or shape"),
        "more rows": (encode(changed(shape=[64, 1]), data), "'training.state' has another dtype or shape"),
        "no rows": (encode(changed(shape=[64]), data), "'training.state' has another dtype or shape"),
        "another dtype": (encode(changed(dtype="F32", shape=[ROWS, 32]), data), "expected F64"),
        "no number": (encode(header, nan), "non-finite value in '0.h' at (batch 0, unit 0)"),
        "no batch done": (encode(done, data), "the carried state has 64 numbers, expected 0"),
    }
    for name, (bad, words) in damaged.items():
        assert bad != content, name
        path.write_bytes(bad)
        with refused(RuntimeError, str(path), words, network=trained):
            train(trained, x, broken, resume=True, **options)
    # As it was, the same error comes again, after the same updates.
    path.write_bytes(encode(header, data))
    again = network(seed=9)
    with pytest.raises(OverflowError):
        train(again, x, broken, resume=True, **options)
    assert np.array_equal(again.flat, trained.flat)
