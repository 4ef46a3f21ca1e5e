"""Arguments of a wrong kind are refused where they are given, with what was got and expected."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import build, refused
from training import fit, running_sum, small

INTEGER, NUMBER, FLAG = "an integer", "a number", "True or False"
# What is called with a wrong value, the name that the error must give, and what it must expect.
SETTINGS: dict[str, tuple[Callable[[Any], object], str]] = {
    "LSTM: input_size": (lambda v: rc.LSTM(v, 2), INTEGER),
    "LSTM: hidden_size": (lambda v: rc.LSTM(2, v), INTEGER),
    "LSTM: projection": (lambda v: rc.LSTM(2, 4, projection=v), INTEGER),
    "LSTM: heads": (lambda v: rc.LSTM(2, 4, heads=v), INTEGER),
    "Linear: output_size": (lambda v: rc.Linear(2, v), INTEGER),
    "LSTM1997: block_size": (lambda v: rc.LSTM1997(2, 4, v), INTEGER),
    "BPTT: window": (lambda v: rc.BPTT(window=v), INTEGER),
    "EarlyStopping: patience": (lambda v: rc.EarlyStopping(v), INTEGER),
    "CosineDecay: epochs": (lambda v: rc.CosineDecay(v), INTEGER),
    "StepDecay: step_size": (lambda v: rc.StepDecay(v), INTEGER),
    "LinearWarmup: epochs": (lambda v: rc.LinearWarmup(v), INTEGER),
    "set_num_threads: count": (lambda v: rc.set_num_threads(v), INTEGER),
    "fit: epochs": (lambda v: training(epochs=v), INTEGER),
    "fit: batch_size": (lambda v: training(batch_size=v), INTEGER),
    "reset: row": (lambda v: small().initial_state(2).reset(v), INTEGER),
    "stream: batch_size": (lambda v: small().stream(v), INTEGER),
    "LeakyElman: leak": (lambda v: rc.LeakyElman(2, 4, v), NUMBER),
    "LSTM: zoneout": (lambda v: rc.LSTM(2, 4, zoneout=v), NUMBER),
    "LSTM: zoneout_c": (lambda v: rc.LSTM(2, 4, zoneout={"c": v}), NUMBER),
    "GRU: recurrent_dropout": (lambda v: rc.GRU(2, 4, recurrent_dropout=v), NUMBER),
    "Dropout: probability": (lambda v: rc.Dropout(v), NUMBER),
    "Init: recurrent_scale": (lambda v: rc.Init(recurrent_scale=v), NUMBER),
    "EarlyStopping: min_delta": (lambda v: rc.EarlyStopping(1, v), NUMBER),
    "StepDecay: factor": (lambda v: rc.StepDecay(1, v), NUMBER),
    "ExponentialDecay: factor": (lambda v: rc.ExponentialDecay(v), NUMBER),
    "CosineDecay: minimum": (lambda v: rc.CosineDecay(1, v), NUMBER),
    "ReduceOnPlateau: threshold": (lambda v: rc.ReduceOnPlateau(threshold=v), NUMBER),
    "SGD: momentum": (lambda v: rc.SGD(0.1, v), NUMBER),
    "Adam: learning_rate": (lambda v: rc.Adam(v), NUMBER),
    "Adam: betas[1]": (lambda v: rc.Adam(betas=(0.9, v)), NUMBER),
    "AdamW: weight_decay": (lambda v: rc.AdamW(weight_decay=v), NUMBER),
    "RMSprop: alpha": (lambda v: rc.RMSprop(alpha=v), NUMBER),
    "Adagrad: l1": (lambda v: rc.Adagrad(l1=v), NUMBER),
    "learning_rate": (lambda v: setattr(rc.Adam().bind(small()), "learning_rate", v), NUMBER),
    "Huber: delta": (lambda v: rc.Huber(v), NUMBER),
    "CrossEntropy: class_weights[1]": (lambda v: rc.CrossEntropy([1.0, v]), NUMBER),
    "CrossEntropy: label_smoothing": (lambda v: rc.CrossEntropy(label_smoothing=v), NUMBER),
    "fit: clip_norm": (lambda v: training(clip_norm=v), NUMBER),
    "fit: clip_value": (lambda v: training(clip_value=v), NUMBER),
    "LSTM: layer_norm": (lambda v: rc.LSTM(2, 4, layer_norm=v), FLAG),
    "GRU: learned_initial_state": (lambda v: rc.GRU(2, 4, learned_initial_state=v), FLAG),
    "LSTM: forget_gate": (lambda v: rc.LSTM(2, 4, forget_gate=v), FLAG),
    "LSTM: coupled": (lambda v: rc.LSTM(2, 4, coupled=v), FLAG),
    "ResidualRNN: recurrent": (lambda v: rc.ResidualRNN(2, 4, recurrent=v), FLAG),
    "LSTM1997: gates_out": (lambda v: rc.LSTM1997(2, 4, gates_out=v), FLAG),
    "Dropout: per_sequence": (lambda v: rc.Dropout(0.5, per_sequence=v), FLAG),
    "SGD: nesterov": (lambda v: rc.SGD(0.1, 0.9, nesterov=v), FLAG),
    "RMSprop: centered": (lambda v: rc.RMSprop(centered=v), FLAG),
    "EarlyStopping: restore_best": (lambda v: rc.EarlyStopping(1, restore_best=v), FLAG),
    "fit: shuffle": (lambda v: training(shuffle=v), FLAG),
    "fit: resume": (lambda v: training(resume=v), FLAG),
    "fit: progress": (lambda v: training(progress=v), FLAG),
    "return_state": (lambda v: small()(np.zeros((4, 1), "f4"), return_state=v), FLAG),
}
# Where None means something.
OPTIONAL: dict[str, tuple[Callable[[Any], object], str]] = {
    "BinaryCrossEntropy: positive_weight": (lambda v: rc.BinaryCrossEntropy(v), NUMBER),
    "Init: forget_bias": (lambda v: rc.Init(forget_bias=v), NUMBER),
    "fit: checkpoint_every": (lambda v: training(checkpoint="none", checkpoint_every=v), INTEGER),
}
NONE_MEANS_SOMETHING = (
    *OPTIONAL, "BPTT: window", "LSTM: projection", "reset: row", "stream: batch_size", "fit: clip_norm",
    "fit: clip_value",
)  # fmt: skip
WRONG: dict[str, tuple[Any, ...]] = {
    INTEGER: (True, False, 1.0, "a", None),
    NUMBER: (True, False, "a", "0.5", None, 1j),
    FLAG: (1, 0, "a", None, 0.0),
}


def training(**options: Any) -> None:  # noqa: ANN401
    """A run that must not begin."""
    network, (x, y) = small(), running_sum()
    before = network.flat.copy()
    try:
        fit(network, x, y, **options)
    finally:
        assert np.array_equal(network.flat, before)


@pytest.mark.parametrize("name", SETTINGS | OPTIONAL)
def test_kinds(name: str) -> None:
    call, expected = (SETTINGS | OPTIONAL)[name]
    threads = rc.num_threads()
    for value in WRONG[expected]:
        if value is None and name in NONE_MEANS_SOMETHING:
            continue
        with pytest.raises(TypeError) as caught:
            call(value)
        assert str(caught.value) == f"{name} is {value!r}, expected {expected}"
    assert rc.num_threads() == threads


def test_numbers_of_numpy_are_numbers() -> None:
    made = rc.LSTM(np.int64(2), np.uint8(4), zoneout=np.float32(0.5), layer_norm=np.True_)  # type: ignore[arg-type]
    assert repr(made) == repr(rc.LSTM(2, 4, zoneout=0.5, layer_norm=True))
    assert repr(rc.Adam(np.float64(0.5))) == repr(rc.Adam(0.5))
    assert rc.LeakyElman(1, 1, 1).options["leak"] == 1.0


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "seed": (lambda: rc.Network([rc.LSTM(1, 1)], seed=True), TypeError, "seed is True, expected an integer"),
    "training": (
        lambda: small().loss_and_gradient(np.zeros((4, 1), "f4"), np.zeros((4, 1), "f4"), training=1),  # type: ignore[call-overload]
        TypeError,
        "training is 1, expected True or False",
    ),
    "zoneout of a state that is none": (
        lambda: rc.Network([rc.LSTM(2, 4, zoneout={"zz": 0.0})]),
        ValueError,
        "zoneout_zz",
    ),
    "the same with a probability": (
        lambda: rc.Network([rc.LSTM(2, 4, zoneout={"zz": 0.1})]),
        ValueError,
        "zoneout_zz",
    ),
    "zoneout of a number": (
        lambda: rc.LSTM(2, 4, zoneout={1: 0.1}),  # type: ignore[dict-item]
        TypeError,
        "LSTM: zoneout has the key 1, expected the name of a state",
    ),
    "peephole": (lambda: rc.LSTM(2, 4, peephole=None), ValueError, "LSTM: got {'peephole': None}"),  # type: ignore[arg-type]
    "Residual of nothing": (
        lambda: rc.Residual(None),  # type: ignore[arg-type]
        TypeError,
        "Residual: layers is None, expected a list of layers",
    ),
    "Network of a layer": (
        lambda: rc.Network(rc.Tanh()),  # type: ignore[arg-type]
        TypeError,
        "Network: layers is Tanh(), expected a list of layers",
    ),
    "betas": (lambda: rc.Adam(betas=0.9), TypeError, "Adam: betas is 0.9, expected two numbers"),  # type: ignore[arg-type]
    "class weights": (
        lambda: rc.CrossEntropy(3),  # type: ignore[arg-type]
        TypeError,
        "CrossEntropy: class_weights is 3, expected one number per class, or None",
    ),
    "a name of Init": (
        lambda: rc.Init(input=3),  # type: ignore[arg-type]
        TypeError,
        "Init: input is 3, expected the name of an initialisation",
    ),
    "a number beyond all doubles": (lambda: rc.Adam(10**400), ValueError, "learning_rate is inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    call, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_zoneout_of_zero_is_none() -> None:
    x = np.random.default_rng(0).normal(size=(4, 2)).astype("f4")
    plain, none = rc.Network([rc.LSTM(2, 4)]), rc.Network([rc.LSTM(2, 4, zoneout={"h": 0.0, "c": 0.0})])
    assert np.array_equal(plain(x), none(x))


def test_initialisation_by_a_name() -> None:
    with pytest.raises(TypeError, match=r"init is 'orthogonal', expected a recurra.Init or None"):
        rc.Network([rc.LSTM(1, 1)], init="orthogonal")  # type: ignore[arg-type]
    network = build("LSTM")
    with refused(TypeError, "init is 'orthogonal'", "recurra.Init", network=network):
        network.initialize("orthogonal")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrap", [rc.Residual, rc.Skip])
def test_one_layer_in_two_places(wrap: Any) -> None:  # noqa: ANN401
    layer = rc.Linear(2, 2)
    with pytest.raises(ValueError) as caught:
        wrap([layer, layer])
    expected = "layers[1] is the same object as layers[0], expected a layer of its own"
    assert str(caught.value) == f"{wrap.__name__}: {expected}"
    assert rc.Network([rc.Bidirectional(layer, layer)]).output_size == 4
