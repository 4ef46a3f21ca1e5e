"""fit refuses data and settings that do not fit before the first update."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, build, refused

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 4, 3)), RNG.normal(size=(8, 4, 2))
IDS, CLASSES = RNG.integers(0, 6, (8, 4)), RNG.integers(0, 2, (8, 4))


def changed(array: Array, index: tuple[int, ...], value: float) -> Array:
    copied = array.copy()
    copied[index] = value
    return copied


LATE = changed(CLASSES, (7, 1), 2)
Case = tuple[Callable[[rc.Network], object], type[Exception], tuple[str, ...]]


def case(error: type[Exception], *words: str, x: Any = X, y: Any = Y, **options: Any) -> Case:  # noqa: ANN401
    """A call of fit with one thing wrong, and what must be in the message."""
    settings = {"batch_size": 2, "epochs": 2, "shuffle": False, "progress": False, **options}
    return lambda network: rc.fit(network, x, y, **settings), error, words


CASES: dict[str, Case] = {
    "features": case(ValueError, "x", "2 features", "expected 3", x=X[..., :2].copy()),
    "rank": case(ValueError, "x", "(8,)", "(batch, time, features)", x=X[:, 0, 0].copy()),
    "integers": case(TypeError, "x", "int64", "float64", x=IDS),
    "no data": case(ValueError, "x", "batch 0", "at least 1", x=X[:0], y=Y[:0]),
    "empty list": case(ValueError, "x", "(0,)", "(batch, time, features)", x=[], y=[]),
    "target shape": case(ValueError, "y", "(8, 4, 1)", "(8, 4, 2)", y=Y[..., :1].copy()),
    "target sequences": case(ValueError, "y", "(7, 4, 2)", "(8, 4, 2)", y=Y[:7]),
    "target dtype": case(TypeError, "y", "int64", "float64", y=np.zeros((8, 4, 2), int)),
    "lengths": case(ValueError, "lengths[7]", "5", "0 .. 4", lengths=[4] * 7 + [5]),
    "lengths and lists": case(ValueError, "lengths", "list", "None", x=list(X), y=list(Y), lengths=[4] * 8),
    "ragged features": case(ValueError, "x[1]", "(4, 2)", "('time', 3)", x=[X[0], X[1, :, :2]], y=list(Y)),
    "ragged dtypes": case(ValueError, "x[1]", "float32", "float64", x=[X[0], X[1].astype("f4")], y=list(Y)),
    "ragged target": case(ValueError, "y[1]", "3 steps", "expected 4", x=list(X[:2]), y=[Y[0], Y[1, :3]]),
    "ragged count": case(ValueError, "y", "3 sequences", "expected 2", x=list(X[:2]), y=list(Y[:3])),
    "late nan": case(ValueError, "x", "nan", "batch 7, time 2, feature 1", x=changed(X, (7, 2, 1), np.nan)),
    "late inf": case(ValueError, "inf", "batch 6, time 3, feature 0", y=changed(Y, (6, 3, 0), np.inf)),
    "late class": case(ValueError, "id 2", "(batch 7, time 1)", "0 .. 1", y=LATE, loss="cross_entropy"),
    "class shape": case(ValueError, "y", "(8, 4, 1)", "(8, 4)", y=CLASSES[..., None], loss="cross_entropy"),
    "loss": case(ValueError, "loss", "'l2'", "'mse', 'mae', 'huber'", "recurra.Loss", loss="l2"),
    "epochs": case(ValueError, "epochs", "-1", "at least 0", epochs=-1),
    "float epochs": case(TypeError, "epochs", "1.5", "an integer", epochs=1.5),
    "huge epochs": case(ValueError, "epochs", str(2**31), "at most", epochs=2**31),
    "batch_size": case(ValueError, "batch_size", "0", "at least 1", batch_size=0),
    "huge batch_size": case(ValueError, "batch_size", str(2**63), "at most", batch_size=2**63),
    "clip_norm": case(ValueError, "clip_norm", "0", "finite number > 0", clip_norm=0),
    "clip_value": case(ValueError, "clip_value", "-1", "finite number > 0", clip_value=-1),
    "infinite clip": case(ValueError, "clip_norm", "inf", "finite number > 0", clip_norm=np.inf),
    "no number clip": case(ValueError, "clip_value", "nan", "finite number > 0", clip_value=np.nan),
    "seed": case(ValueError, "seed", "-1", "0 .. 2**64 - 1", seed=-1),
    "optimizer": case(TypeError, "optimizer", "'adam'", "recurra.Optimizer", optimizer="adam"),
    "optimizer class": case(TypeError, "optimizer", "SGD", "recurra.Optimizer", optimizer=rc.SGD),
    "rule": case(TypeError, "rule", "64", "recurra.BPTT()", rule=64),
    "no part": case(ValueError, "validation", "0.0", "0 < validation < 1", validation=0.0),
    "the whole": case(ValueError, "validation", "1.0", "0 < validation < 1", validation=1.0),
    "a count": case(ValueError, "validation", "2", "0 < validation < 1", validation=2),
    "a truth value": case(ValueError, "validation", "True", "0 < validation < 1", validation=True),
    "a list": case(ValueError, "validation", "(x, y)", validation=[X, Y]),
    "too small a part": case(ValueError, "validation", "0.01 of 8", "at least one", validation=0.01),
    "too large a part": case(ValueError, "validation", "0.99 of 8", "at least one", validation=0.99),
    "one entry": case(ValueError, "validation", "1 entries", "(x, y)", validation=(X,)),
    "five entries": case(ValueError, "validation", "5 entries", "(x, y)", validation=(X, Y, *[None] * 3)),
    "validation x": case(ValueError, "validation: x", "(3,)", "(time, features)", validation=(X[0, 0], Y)),
    "validation y": case(ValueError, "validation: y", "(7, 4, 2)", "(8, 4, 2)", validation=(X, Y[:7])),
    "validation dtype": case(TypeError, "validation", "y", "int64", "float64", validation=(X, IDS)),
    "validation values": case(ValueError, "x", "nan", "finite", validation=(X * np.nan, Y)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_nothing_has_changed(name: str) -> None:
    run, error, words = CASES[name]
    network = build("LSTM")
    with refused(error, *words, network=network):
        run(network)


def test_ids_out_of_range() -> None:
    network = build("Embedding")
    with refused(ValueError, "x", "class id 6", "batch 7, time 3", "0 .. 5", network=network):
        rc.fit(network, changed(IDS, (7, 3), 6), Y, batch_size=2, shuffle=False, progress=False)


def test_padding_is_not_looked_at() -> None:
    lengths = [4, 3, 2, 1, 0, 4, 4, 4]
    x, y = X.copy(), Y.copy()
    ids, classes = IDS.copy(), CLASSES.copy()
    for row, length in enumerate(lengths):
        x[row, length:], y[row, length:], ids[row, length:], classes[row, length:] = np.nan, np.inf, -9, 77
    options: dict[str, Any] = {"lengths": lengths, "epochs": 2, "batch_size": 3, "progress": False}
    for name, inputs, clean in (("LSTM", x, X), ("Embedding", ids, IDS)):
        networks = [build(name) for _ in range(4)]
        rc.fit(networks[0], inputs, y, **options)
        rc.fit(networks[1], clean, Y, **options)
        assert np.array_equal(networks[0].flat, networks[1].flat)
        rc.fit(networks[2], inputs, classes, loss="cross_entropy", **options)
        rc.fit(networks[3], clean, CLASSES, loss="cross_entropy", **options)
        assert np.array_equal(networks[2].flat, networks[3].flat)


def test_windows_of_a_pooled_network() -> None:
    network = build("Last")
    with refused(ValueError, "window", "pools", network=network):
        rc.fit(network, X, Y[:, 0].copy(), rule=rc.BPTT(window=2), progress=False)


def test_no_network() -> None:
    with pytest.raises(TypeError, match=r"fit: network is a list, expected a recurra.Network"):
        rc.fit([rc.LSTM(3, 2)], X, Y)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"evaluate: network is a NoneType, expected a recurra.Network"):
        rc.evaluate(None, X, Y)  # type: ignore[arg-type]


def test_evaluate() -> None:
    network = build("LSTM")
    with refused(ValueError, "batch_size", "0", "at least 1", network=network):
        rc.evaluate(network, X, Y, batch_size=0)
    with refused(ValueError, "y", "(8, 4, 1)", "(8, 4, 2)", network=network):
        rc.evaluate(network, X, Y[..., :1].copy())
    with pytest.raises(ValueError, match=re.escape("x has the non-finite value nan")):
        rc.evaluate(network, X * np.nan, Y)
