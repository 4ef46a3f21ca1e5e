"""An online learner converts nothing: what does not fit is refused, and nothing has changed then."""

import threading
import time
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, build

X, Y = np.array([0.5, -1.0, 2.0]), np.array([0.1, -0.2])
UNALIGNED = np.frombuffer(b"0" + X.tobytes(), np.uint8)[1:].view(X.dtype)
Case = tuple[tuple[Any, ...], type[Exception], tuple[str, ...]]


def refused(
    learner: rc.Online, arguments: tuple[Any, ...], error: type[Exception], words: tuple[str, ...]
) -> None:
    """A step is refused, and the next good one finds everything as it was."""
    flat, state, report = learner.network.flat.copy(), learner.state, learner.report()
    influence = learner.influence(next(iter(learner.network.parameters)))
    with pytest.raises(error) as caught:
        learner.step(*arguments)
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
    assert np.array_equal(learner.network.flat, flat)
    assert learner.state == state
    assert learner.report() == report
    assert np.array_equal(learner.influence(next(iter(learner.network.parameters))), influence)


STEPS: dict[str, Case] = {
    "a list": (([0.5, -1.0, 2.0],), TypeError, ("step: x", "list", "array of float64")),
    "nothing": ((None,), TypeError, ("step: x", "NoneType", "array of float64")),
    "float32": ((X.astype("f4"),), TypeError, ("step: x", "<f4", "float64")),
    "integers": ((np.ones(3, int),), TypeError, ("step: x", "<i8", "float64")),
    "byte order": ((X.astype(">f8"),), TypeError, ("step: x", ">f8", "machine's byte order")),
    "too few": ((X[:2],), ValueError, ("step: x", "(2,)", "(3,)")),
    "a batch axis": ((X[None],), ValueError, ("step: x", "(1, 3)", "(3,)")),
    "strided": ((np.repeat(X, 2)[::2],), ValueError, ("step: x", "not C-contiguous")),
    "unaligned": ((UNALIGNED,), ValueError, ("step: x", "not aligned")),
    "not a number": ((np.array([0, np.nan, 0]),), ValueError, ("x", "nan", "feature 1", "finite")),
    "infinite": ((np.array([0, 0, -np.inf]),), ValueError, ("x", "-inf", "feature 2", "finite")),
    "target, a list": ((X, [0.1, 0.2]), TypeError, ("step: target", "list", "array of float64")),
    "target, a number": ((X, 0.1), TypeError, ("step: target", "float", "array of float64")),
    "target, float32": ((X, Y.astype("f4")), TypeError, ("step: target", "<f4", "float64")),
    "target, shape": ((X, Y[:1]), ValueError, ("step: target", "(1,)", "(2,)")),
    "target, batch axis": ((X, Y[None]), ValueError, ("step: target", "(1, 2)", "(2,)")),
    "target, strided": ((X, np.repeat(Y, 2)[::2]), ValueError, ("step: target", "not C-contiguous")),
    "target, nan": ((X, np.array([np.nan, 0])), ValueError, ("target", "nan", "feature 0", "finite")),
    "weight, text": ((X, Y, "1"), TypeError, ("step: weight", "'1'", "number")),
    "weight, none": ((X, Y, None), TypeError, ("step: weight", "None", "number")),
    "weight, boolean": ((X, Y, True), TypeError, ("step: weight", "True", "number")),
    "weight, array": ((X, Y, np.ones(1)), TypeError, ("step: weight", "array", "number")),
    "weight, negative": ((X, Y, -1.0), ValueError, ("step: the weight of row 0 is -1", "finite number >= 0")),
    "weight, nan": ((X, Y, float("nan")), ValueError, ("step: the weight of row 0 is", "finite number >= 0")),
    "teacher, no Feedback": ((X, Y, 1.0, Y), ValueError, ("step: teacher is given", "no Feedback")),
}  # fmt: skip


@pytest.mark.parametrize("case", STEPS)
def test_a_step(case: str) -> None:
    arguments, error, words = STEPS[case]
    learner = rc.Online(build("LSTM"), rc.RTRL(block=2))
    learner.step(X, Y)
    refused(learner, arguments, error, words)


X2, Y2 = np.stack([X, -X]), np.stack([Y, -Y])
BATCHES: dict[str, Case] = {
    "no batch axis": ((X,), ValueError, ("step: x", "(3,)", "(2, 3)")),
    "another batch": ((np.ones((3, 3)),), ValueError, ("step: x", "(3, 3)", "(2, 3)")),
    "transposed": ((np.asfortranarray(X2),), ValueError, ("step: x", "not C-contiguous")),
    "not a number": ((np.array([X, [0, 0, np.nan]]),), ValueError, ("x", "nan", "batch 1", "feature 2")),
    "target": ((X2, Y), ValueError, ("step: target", "(2,)", "(2, 2)")),
    "target, nan": ((X2, np.array([Y, [0, np.nan]])), ValueError, ("target", "nan", "batch 1", "feature 1")),
    "weights, too many": ((X2, Y2, np.ones(3)), ValueError, ("step: weight", "(3,)", "(2,)")),
    "weights, float32": ((X2, Y2, np.ones(2, "f4")), TypeError, ("step: weight", "<f4", "float64")),
    "weights, negative": ((X2, Y2, np.array([1.0, -2])), ValueError, ("step: the weight of row 1 is -2",)),
    "weights, a list": ((X2, Y2, [1.0, 1.0]), TypeError, ("step: weight", "[1.0, 1.0]", "number")),
}


@pytest.mark.parametrize("case", BATCHES)
def test_a_step_of_a_batch(case: str) -> None:
    arguments, error, words = BATCHES[case]
    learner = rc.Online(build("LSTM"), rc.RTRL(block=2), batch_size=2)
    learner.step(X2, Y2)
    refused(learner, arguments, error, words)


CLASSES: dict[str, Case] = {
    "x too large": ((6, 1), ValueError, ("x", "class id 6", "0 .. 5")),
    "x negative": ((-1, 1), ValueError, ("x", "class id -1", "0 .. 5")),
    "x a float": ((1.0, 1), TypeError, ("step: x", "integers")),
    "x a boolean": ((True, 1), TypeError, ("step: x", "integers")),
    "x with an axis": (([1], 1), ValueError, ("step: x", "(1,)", "()")),
    "target too large": ((1, 2), ValueError, ("target", "class id 2", "0 .. 1")),
    "target negative": ((1, -1), ValueError, ("target", "class id -1", "0 .. 1")),
    "target beyond int64": ((1, 2**70), TypeError, ("step: target", "integers")),
    "target a float": ((1, 1.0), TypeError, ("step: target", "integers")),
    "target with an axis": ((1, [1]), ValueError, ("step: target", "(1,)", "()")),
}


@pytest.mark.parametrize("case", CLASSES)
def test_a_step_of_classes(case: str) -> None:
    arguments, error, words = CLASSES[case]
    learner = rc.Online(build("Embedding"), rc.RTRL(block=2), "cross_entropy")
    learner.step(3, 1)
    refused(learner, arguments, error, words)


def test_a_teacher() -> None:
    learner = rc.Online(build("NARX"), rc.RTRL(block=2))
    learner.step(X, Y, teacher=Y)
    refused(learner, (X, Y, 1.0, [0.1, 0.2]), TypeError, ("step: teacher", "list"))
    refused(learner, (X, Y, 1.0, X), ValueError, ("step: teacher", "(3,)", "(2,)"))
    refused(
        learner, (X, Y, 1.0, np.array([0, np.inf])), ValueError, ("teacher", "inf", "feature 1", "finite")
    )


def test_predict() -> None:
    learner = rc.Online(build("LSTM"))
    for x, error, words in (
        (X.astype("f4"), TypeError, r"predict: x has dtype <f4, expected float64"),
        (X[:2], ValueError, r"predict: x has shape \(2,\), expected \(3,\)"),
        (X * np.nan, ValueError, r"x has the non-finite value -?nan"),
    ):
        with pytest.raises(error, match=words):
            learner.predict(x)


def test_a_loss_that_is_not_finite() -> None:
    network = rc.Network([rc.LSTM(1, 2), rc.Linear(2, 1)])
    learner = rc.Online(network)
    with pytest.raises(
        OverflowError, match=r"the loss is 9\S*e\+76, expected it and its gradient to be finite; the step was"
    ):
        learner.step(np.zeros(1, "f4"), np.full(1, 3e38, "f4"))
    assert learner.report().steps == 0


def test_rows_and_names_that_are_not_there() -> None:
    learner = rc.Online(build("LSTM"), batch_size=2)
    for row in (-1, 2):
        with pytest.raises(IndexError, match=rf"reset: row is {row}, expected 0 .. 1"):
            learner.reset(row)
    with pytest.raises(TypeError, match=r"reset: row is 1.5, expected an integer"):
        learner.reset(1.5)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match=r"no parameter is named '0.weight', expected one of 0.weight_ih"):
        learner.influence("0.weight")


Refusal = tuple[dict[str, Any], type[Exception], str]
SETTINGS: list[Refusal] = [
    ({"rule": "rtrl"}, TypeError, r"Online: rule is 'rtrl', expected a rule that learns step by step"),
    ({"rule": rc.RTRL}, TypeError, r"Online: rule is <class .*RTRL'>, expected a rule"),
    ({"loss": "squared"}, ValueError, r"loss is 'squared', expected one of 'mse'"),
    ({"loss": rc.CrossEntropy([1.0])}, ValueError, r"class_weights has 1 values, expected 2"),
    ({"optimizer": "sgd"}, TypeError, r"Online: optimizer is 'sgd', expected a recurra.Optimizer"),
    ({"batch_size": 0}, ValueError, r"Online: batch_size is 0, expected at least 1"),
    ({"batch_size": True}, TypeError, r"Online: batch_size is True, expected an integer"),
    ({"update_every": 0}, ValueError, r"Online: update_every is 0, expected at least 1"),
    ({"update_every": 1.5}, TypeError, r"Online: update_every is 1.5, expected an integer"),
    ({"leak": 1.1}, ValueError, r"Online: leak is 1.1, expected 0 .. 1"),
    ({"leak": float("nan")}, ValueError, r"Online: leak is nan, expected 0 .. 1"),
    ({"leak": "1"}, TypeError, r"Online: leak is '1', expected a number"),
    ({"clip_norm": 0}, ValueError, r"Online: clip_norm is 0.0, expected a finite number > 0"),
    ({"clip_norm": float("inf")}, ValueError, r"Online: clip_norm is inf, expected a finite number > 0"),
    ({"guard": 0}, ValueError, r"Online: guard is 0.0, expected a finite number > 0"),
    ({"guard": float("inf")}, ValueError, r"Online: guard is inf, expected a finite number > 0"),
    ({"max_bytes": 0}, ValueError, r"Online: max_bytes is 0, expected at least 1"),
    ({"max_bytes": 1e6}, TypeError, r"Online: max_bytes is 1000000.0, expected an integer"),
    ({"rule": rc.BPTT()}, ValueError, r"Online: rule is BPTT\(\), expected a window"),
    ({"rule": rc.BPTT(3), "leak": 0.5}, ValueError, r"leak is 0.5\S*, expected 1 for BPTT"),
    ({"rule": rc.SnAp(2)}, ValueError, r"SnAp\(2\) .*that is RTRL; expected order = 1"),
    ({"rule": rc.RFLO()}, ValueError, r"RFLO\(seed=0\) does not admit layer 0 \(LSTM\), expected LeakyElman"),
]


@pytest.mark.parametrize(("options", "error", "message"), SETTINGS)
def test_settings(options: dict[str, Any], error: type[Exception], message: str) -> None:
    network = build("LSTM")
    for make in (rc.Online, rc.Online.plan):
        with pytest.raises(error, match=message):
            make(network, **options)


def test_rules() -> None:
    for block, error, message in (
        (0, ValueError, r"RTRL: block is 0, expected at least 1"),
        ("all", ValueError, r"RTRL: block is 'all', expected 'auto' or an integer"),
        (1.5, TypeError, r"RTRL: block is 1.5, expected an integer"),
        (True, TypeError, r"RTRL: block is True, expected an integer"),
    ):
        with pytest.raises(error, match=message):
            rc.RTRL(block)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"RTRL: scope is 'cell', expected 'network' or 'layer'"):
        rc.RTRL(scope="cell")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"SnAp: order is 0, expected at least 1"):
        rc.SnAp(0)
    for rule in (rc.UORO, rc.KFRTRL, rc.RFLO):
        for seed in (-1, 2**64):
            with pytest.raises(ValueError, match=rf"{rule.__name__}: seed is {seed}, expected at"):
                rule(seed)
        with pytest.raises(TypeError, match=rf"{rule.__name__}: seed is '1', expected an integer"):
            rule("1")  # type: ignore[arg-type]


def test_a_rule_that_keeps_no_influence() -> None:
    with pytest.raises(ValueError, match=r"influence: the rule keeps no influence"):
        rc.Online(build("LSTM"), rc.BPTT(3)).influence("0.weight_hh")


def test_rules_beside_cells() -> None:
    with pytest.raises(ValueError, match=r"SnAp\(1\) does not admit layer 0 \(GRU\).*expected a cell whose"):
        rc.Online(build("GRU(reset=before)"), rc.SnAp())
    with pytest.raises(ValueError, match=r"EProp\(\) does not admit layer 1 \(Feedback\).*expected a cell"):
        rc.Online(build("NARX"), rc.EProp())


def test_networks() -> None:
    with pytest.raises(TypeError, match=r"Online: network is a list, expected a recurra.Network"):
        rc.Online([rc.LSTM(1, 1)])  # type: ignore[arg-type]
    for layers, message in (
        ([rc.LSTM(3, 4), rc.Last()], r"layer 1 \(Last\) pools over time, expected an output at each step"),
        ([rc.Bidirectional(rc.LSTM(3, 4))], r"layer 0 \(Bidirectional\) looks ahead"),
        (
            [rc.EncoderDecoder([rc.GRU(3, 4)], [rc.GRU(3, 4), rc.Linear(4, 3)])],
            r"layer 0 \(EncoderDecoder\) reads a sequence to its end",
        ),
    ):
        network = rc.Network(layers)
        for make in (rc.Online, rc.Online.plan):
            with pytest.raises(ValueError, match=message):
                make(network)


def test_memory() -> None:
    network = build("LSTM")
    needed = rc.Online.plan(network).bytes
    with pytest.raises(MemoryError, match=rf"needs about {needed} bytes .*, expected at most {needed - 1}$"):
        rc.Online(network, max_bytes=needed - 1)
    assert rc.Online.plan(network, max_bytes=needed - 1).bytes == needed
    rc.Online(network, max_bytes=needed)
    large = rc.Network([rc.LSTM(512, 2048)])
    with pytest.raises(MemoryError, match=r"needs about \d{12,} bytes"):
        rc.Online(large, rc.RTRL(1))
    x, target = np.ones((1, 2, 512), np.float32), np.ones((1, 2, 2048), np.float32)
    with pytest.raises(MemoryError, match=r"^loss_and_gradient: RTRL.* needs about \d{12,} bytes"):
        large.loss_and_gradient(x, target, rule=rc.RTRL(1))


def test_whole_sequences() -> None:
    network = build("LSTM")
    x, target = np.ones((2, 4, 3)), np.ones((2, 4, 2))
    for options in (
        {"state": network.initial_state(2)},
        {"return_state": True},
        {"training": True},
        {"sampling": 0.5},
    ):
        name = next(iter(options))
        with pytest.raises(ValueError, match=rf"loss_and_gradient: {name} is given beside rule=RTRL\("):
            network.loss_and_gradient(x, target, rule=rc.RTRL(), **options)
    with pytest.raises(ValueError, match=r"x has the non-finite value nan at \(batch 0, time 0, feature 0\)"):
        network.loss_and_gradient(x * np.nan, target, rule=rc.RTRL())
    with pytest.raises(ValueError, match=r"target has shape \(2, 4, 3\), expected"):
        network.loss_and_gradient(x, x, rule=rc.RTRL())
    with pytest.raises(ValueError, match="pools over time"):
        build("Last").loss_and_gradient(x, np.ones((2, 2)), rule=rc.RTRL())


def test_fit_points_to_online() -> None:
    x, target = np.ones((2, 4, 3)), np.ones((2, 4, 2))
    with pytest.raises(
        TypeError, match=r"rule is RTRL\(.*\), expected recurra.BPTT\(\): .*use recurra.Online"
    ):
        rc.fit(build("LSTM"), x, target, rule=rc.RTRL())  # type: ignore[arg-type]


def test_two_threads_at_once_are_refused() -> None:
    network = rc.Network([rc.LSTM(64, 96), rc.Linear(96, 1)])
    learner = rc.Online(network, optimizer=rc.SGD(1e-4), batch_size=4)
    x, target = np.ones((4, 64), "f4"), np.ones((4, 1), "f4")
    errors: list[Exception] = []
    steps = 0
    lock = threading.Lock()
    deadline = time.monotonic() + 30

    def work() -> None:
        nonlocal steps
        while not errors and time.monotonic() < deadline:
            try:
                learner.step(x, target)
                with lock:
                    steps += 1
            except RuntimeError as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "step: the learner is in use by another thread, expected one thread at a time" in str(errors[0])
    assert learner.report().steps == steps


def test_learners_of_their_own_in_two_threads() -> None:
    """Each learns as it would alone, to the bit."""
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(60, 16)).astype("f4"), rng.normal(size=(60, 1)).astype("f4")

    def run(results: list[Array]) -> None:
        network = rc.Network([rc.LSTM(16, 40), rc.Linear(40, 1)], seed=3)
        learner = rc.Online(network)
        for x_t, target_t in zip(x, target, strict=True):
            learner.step(x_t, target_t)
        results.append(network.flat)

    results: list[Array] = []
    run(results)
    threads = [threading.Thread(target=run, args=(results,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(results[0], other) for other in results[1:])
