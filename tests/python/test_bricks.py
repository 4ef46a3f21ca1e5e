"""Delay and Feedback: the classical networks made of them, against PyTorch, NumPy and least squares."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close, close_to, randomize

torch = pytest.importorskip("torch")
Tensor = Any  # torch.Tensor, which the checker knows only where torch is

BATCH, TIME = 3, 9


def tensor(array: Array, *, learns: bool = False) -> Tensor:
    return torch.tensor(array, requires_grad=learns)


@pytest.mark.parametrize("dilation", [1, 2, 5])
def test_a_time_delay_network_is_a_dilated_convolution(dilation: int) -> None:
    taps, inputs, hidden = 3, 2, 4
    network = rc.Network(
        [rc.Delay(taps, dilation=dilation, input_size=inputs), rc.Linear((taps + 1) * inputs, hidden)],
        dtype="float64",
    )
    randomize(network, 1)
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(BATCH, TIME, inputs)), rng.normal(size=(BATCH, TIME, hidden))
    loss, gradient = network.loss_and_gradient(x, target)

    # The weight of tap k is that of kernel position taps - k: a convolution reads from the past on.
    weight = tensor(network.parameters["1.weight"].copy(), learns=True)
    bias = tensor(network.parameters["1.bias"].copy(), learns=True)
    kernel = weight.reshape(hidden, taps + 1, inputs).flip(1).transpose(1, 2)
    padded = torch.nn.functional.pad(tensor(x).transpose(1, 2), (taps * dilation, 0))
    y = torch.nn.functional.conv1d(padded, kernel, bias, dilation=dilation).transpose(1, 2)
    wanted = torch.nn.functional.mse_loss(y, tensor(target))
    wanted.backward()
    assert_close(network(x), y.detach().numpy())
    assert_close(loss, wanted.item())
    assert_close(gradient, np.concatenate([weight.grad.numpy().ravel(), bias.grad.numpy()]))


def test_no_delay_is_the_input() -> None:
    x = np.random.default_rng(0).normal(size=(7, 2))
    assert np.array_equal(rc.Network([rc.Delay(0, input_size=2)], dtype="float64")(x), x)


def test_a_delay_without_the_present_input_is_shifted() -> None:
    x = np.random.default_rng(0).normal(size=(7, 2))
    network = rc.Network([rc.Delay(2, present=False, input_size=2)], dtype="float64")
    zero = np.zeros((2, 2))
    padded = np.concatenate([zero, x])
    assert np.array_equal(network(x), np.concatenate([padded[1:-1], padded[:-2]], axis=1))


def lags(y: Array, order: int) -> Array:
    """(time - order, order * outputs): the earlier values of each step from `order` on, the latest first."""
    return np.concatenate([y[order - k : len(y) - k] for k in range(1, order + 1)], axis=1)


@pytest.mark.parametrize("outputs", [1, 2])
def test_an_autoregressive_model_is_least_squares_on_its_lags(outputs: int) -> None:
    """AR(K): no input at all; at the solution of the normal equations its gradient is zero."""
    order, time = 3, 60
    rng = np.random.default_rng(0)
    y = rng.normal(size=(time, outputs)).cumsum(axis=0) * 0.1
    design = np.concatenate([lags(y, order), np.ones((time - order, 1))], axis=1)
    solution, *_ = np.linalg.lstsq(design, y[order:], rcond=None)

    network = rc.Network([rc.Feedback([rc.Linear(order * outputs, outputs)], delays=order)], dtype="float64")
    assert network.input_size == 0
    mask = np.arange(time) >= order
    # A least-squares problem is solved by one Newton step; its Hessian comes from the gradients.
    network.flat[:] = 0
    gradient = network.loss_and_gradient(None, y, teacher=y, mask=mask)[1]
    hessian = np.empty((network.flat.size, network.flat.size))
    for i in range(network.flat.size):
        network.flat[:] = 0
        network.flat[i] = 1
        hessian[i] = network.loss_and_gradient(None, y, teacher=y, mask=mask)[1] - gradient
    network.flat[:] = -np.linalg.solve(hessian, gradient)
    weight, bias = network.parameters["0.0.weight"], network.parameters["0.0.bias"]
    assert_close(weight, solution[:-1].T, (1e-8, 1e-8))
    assert_close(bias, solution[-1], (1e-8, 1e-8))

    forecast, line = [], list(y[-order:][::-1])
    for _ in range(5):
        forecast.append(weight @ np.concatenate(line) + bias)
        line = [forecast[-1], *line[:-1]]
    assert_close(network.forecast(y, 5), forecast)


INPUTS, OUTPUTS, HIDDEN, TAPS, DELAYS = 2, 3, 5, 2, 2


def narx() -> rc.Network:
    """Several inputs and outputs, delays of both."""
    wide = (TAPS + 1) * INPUTS + DELAYS * OUTPUTS
    network = rc.Network(
        [
            rc.Delay(TAPS, input_size=INPUTS),
            rc.Feedback([rc.Linear(wide, HIDDEN), rc.Tanh(), rc.Linear(HIDDEN, OUTPUTS)], delays=DELAYS),
        ],
        dtype="float64",
    )
    randomize(network, 3)
    return network


def unrolled_narx(
    parameters: list[Tensor],
    x: Tensor,
    teacher: Tensor | None,
    own: Array | None = None,
) -> Tensor:
    """The same step by step; `own` tells where the output is fed back although there is a teacher."""
    w1, b1, w2, b2 = parameters
    batch, time, _ = x.shape
    fed = [x.new_zeros(batch, OUTPUTS) for _ in range(DELAYS)]
    inputs = [x.new_zeros(batch, INPUTS) for _ in range(TAPS)]
    outputs = []
    for t in range(time):
        inputs = [x[:, t], *inputs[:TAPS]]
        y = torch.tanh(torch.cat([*inputs, *fed], 1) @ w1.T + b1) @ w2.T + b2
        outputs.append(y)
        seen = y
        if teacher is not None:
            seen = teacher[:, t] if own is None else torch.where(tensor(own[:, t, None]), y, teacher[:, t])
        fed = [seen, *fed[:-1]]
    return torch.stack(outputs, 1)


@pytest.mark.parametrize("open_loop", [True, False])
def test_narx_is_the_unrolled_network(open_loop: bool) -> None:
    """Series-parallel and parallel, outputs and gradients; ragged rows against rows of their own."""
    network = narx()
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, OUTPUTS))
    lengths = np.array([TIME, 4, 0])
    teacher = target if open_loop else None
    y = network(x, lengths=lengths, teacher=teacher)
    loss, gradient = network.loss_and_gradient(x, target, lengths=lengths, teacher=teacher)

    parameters = [tensor(values.copy(), learns=True) for values in network.parameters.values()]
    wanted = unrolled_narx(parameters, tensor(x), None if teacher is None else tensor(teacher))
    valid = torch.tensor(np.arange(TIME) < lengths[:, None])
    mean = ((wanted - tensor(target)) ** 2)[valid].mean()
    mean.backward()
    assert_close(y, torch.where(valid[..., None], wanted, 0.0).detach().numpy())
    assert_close(loss, mean.item())
    assert_close(gradient, np.concatenate([p.grad.numpy().ravel() for p in parameters]))


def test_open_and_closed_loop_differ() -> None:
    network = narx()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(BATCH, TIME, INPUTS)), rng.normal(size=(BATCH, TIME, OUTPUTS))
    assert np.array_equal(network(x)[:, 0], network(x, teacher=y)[:, 0])
    assert not np.allclose(network(x)[:, 1:], network(x, teacher=y)[:, 1:])
    assert_close(network(x, teacher=network(x)), network(x))


def test_scheduled_sampling_mixes_both() -> None:
    """Which steps feed back their own output is seen in the outputs; then value and gradient must fit."""
    network = narx()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(1, TIME, INPUTS)), rng.normal(size=(1, TIME, OUTPUTS))

    def value(own: Array) -> tuple[float, Array]:
        parameters = [tensor(values.copy(), learns=True) for values in network.parameters.values()]
        mean = ((unrolled_narx(parameters, tensor(x), tensor(y), own) - tensor(y)) ** 2).mean()
        mean.backward()
        return mean.item(), np.concatenate([p.grad.numpy().ravel() for p in parameters])

    patterns = [np.array([[(k >> t) & 1 == 1 for t in range(TIME)]]) for k in range(2 ** (TIME - 1))]
    losses = np.array([value(own)[0] for own in patterns])
    found = set()
    for seed in range(4):
        loss, gradient = network.loss_and_gradient(x, y, teacher=y, sampling=0.5, seed=seed)
        k = int(np.argmin(abs(losses - loss)))
        assert_close(loss, losses[k])
        assert_close(gradient, value(patterns[k])[1])
        found.add(k)
    assert len(found) > 1
    assert_close(network.loss_and_gradient(x, y, teacher=y, sampling=1.0)[0], losses[-1])
    assert_close(network.loss_and_gradient(x, y, teacher=y, sampling=0.0)[0], losses[0])


def test_jordan_is_a_transcription() -> None:
    """h_t = tanh(W x_t + U y_{t-1} + b), y_t = V h_t + d (Jordan 1986)."""
    network = rc.Network(
        [rc.Feedback([rc.Linear(INPUTS + OUTPUTS, HIDDEN), rc.Tanh(), rc.Linear(HIDDEN, OUTPUTS)])],
        dtype="float64",
    )
    randomize(network, 4)
    joint, b, v, d = network.parameters.values()
    w, u = joint[:, :INPUTS], joint[:, INPUTS:]
    x = np.random.default_rng(0).normal(size=(TIME, INPUTS))
    y, expected = np.zeros(OUTPUTS), []
    for row in x:
        y = v @ np.tanh(w @ row + u @ y + b) + d
        expected.append(y)
    got, state = network(x, return_state=True)
    assert_close(got, expected)
    assert_close(state["0.y"][0], y)
    stream = network.stream()
    assert_close([stream.step(row) for row in x], expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_stream_that_observes_is_the_open_loop(dtype: str) -> None:
    network = narx()
    network = rc.Network(network.layers, dtype=dtype, seed=5)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, TIME, INPUTS)).astype(dtype)
    seen = rng.normal(size=(BATCH, TIME, OUTPUTS)).astype(dtype)
    stream = network.stream(BATCH)
    y = []
    for t in range(TIME):
        y.append(stream.step(np.ascontiguousarray(x[:, t])))
        stream.observe(np.ascontiguousarray(seen[:, t]))
    assert_close(np.stack(y, 1), network(x, teacher=seen), close_to(dtype))
    last = network(x, teacher=seen, return_state=True)[1]
    for name, values in stream.state.items():
        assert_close(values, last[name], close_to(dtype))


def test_forecasts_go_on_in_a_closed_loop() -> None:
    network = narx()
    rng = np.random.default_rng(0)
    steps = 4
    x, seen = rng.normal(size=(BATCH, TIME + steps, INPUTS)), rng.normal(size=(BATCH, TIME, OUTPUTS))
    stream = network.stream(BATCH)
    expected = []
    for t in range(TIME + steps):
        y = stream.step(np.ascontiguousarray(x[:, t]))
        if t < TIME:
            stream.observe(np.ascontiguousarray(seen[:, t]))
        else:
            expected.append(y)
    assert_close(network.forecast(seen, steps, x), np.stack(expected, 1))
    assert_close(network.forecast(seen[1], steps, x[1]), np.stack(expected, 1)[1])


@pytest.mark.parametrize("batch", [None, 2])
def test_forecasts_take_class_ids(batch: int | None) -> None:
    network = rc.Network([rc.Embedding(4, 3), rc.Feedback(rc.Linear(3 + 2, 2))], dtype="float64", seed=1)
    rng, rows = np.random.default_rng(0), () if batch is None else (batch,)
    ids, seen = rng.integers(0, 4, (*rows, 7)), rng.normal(size=(*rows, 5, 2))
    table, weight, bias = network.parameters.values()
    y, expected = seen[..., -1, :], []
    for t in (5, 6):
        y = np.concatenate([table[ids[..., t]], y], axis=-1) @ weight.T + bias
        expected.append(y)
    assert_close(network.forecast(seen, 2, ids), np.stack(expected, -2))
    with pytest.raises(ValueError, match=r"x has shape .*, expected \((batch, )?time \+ steps\) = "):
        network.forecast(seen, 3, ids)
    with pytest.raises(TypeError, match="x has dtype float64, expected integers"):
        network.forecast(seen, 2, ids * 1.0)


def test_a_network_without_feedback_forecasts_what_it_reads() -> None:
    network = rc.Network([rc.GRU(2, 6), rc.Linear(6, 2)], dtype="float64", seed=1)
    seen = np.random.default_rng(0).normal(size=(BATCH, TIME, 2))
    stream = network.stream(BATCH)
    for t in range(TIME):
        y = stream.step(np.ascontiguousarray(seen[:, t]))
    expected = [y]
    for _ in range(3):
        expected.append(stream.step(expected[-1]))
    assert_close(network.forecast(seen, 4), np.stack(expected, 1))


@pytest.mark.parametrize(
    ("layers", "history", "options", "words"),
    [
        (lambda: [rc.GRU(2, 3)], (5, 3), {}, "2 inputs and 3 outputs"),
        (lambda: [rc.GRU(2, 2), rc.Last()], (5, 2), {}, "pools over time"),
        (lambda: [rc.Bidirectional(rc.GRU(2, 1))], (5, 2), {}, "looks ahead"),
        (lambda: [rc.GRU(2, 2)], (5, 2), {"x": np.zeros((6, 2))}, "x is given"),
        (lambda: [rc.Feedback(rc.Linear(3, 2))], (5, 2), {}, "x is missing"),
        (lambda: [rc.Feedback(rc.Linear(3, 2))], (5, 2), {"x": np.zeros((5, 1))}, "features) = (6, 1)"),
        (lambda: [rc.Feedback(rc.Linear(2, 2))], (5, 1), {}, "expected (time, 2)"),
        (lambda: [rc.Feedback(rc.Linear(2, 2))], (0, 2), {}, "at least one step"),
        (lambda: [rc.Feedback(rc.Linear(2, 2)), rc.Linear(2, 2)], (5, 2), {}, "0 inputs and 2 outputs"),
        (lambda: [rc.Feedback(rc.Linear(2, 2))], (5, 2), {"steps": 0}, "steps is 0"),
    ],
)  # fmt: skip
def test_forecast_refuses(
    layers: Callable[[], list[rc.Layer]], history: tuple[int, int], options: dict[str, object], words: str
) -> None:
    network = rc.Network(layers(), dtype="float64")
    with pytest.raises(ValueError) as caught:
        network.forecast(np.zeros(history), **{"steps": 1, **options})  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_teachers_that_do_not_fit_are_refused() -> None:
    network, plain = narx(), rc.Network([rc.GRU(2, 3)], dtype="float64")
    two = rc.Network([rc.Feedback(rc.Linear(4, 2)), rc.Feedback(rc.Linear(4, 2))], dtype="float64")
    x, y = np.zeros((TIME, INPUTS)), np.zeros((TIME, OUTPUTS))
    for other in (plain, two):
        with pytest.raises(ValueError, match="no Feedback, or several"):
            other(x, teacher=y)
    with pytest.raises(ValueError, match=r"teacher has shape \(8, 3\), expected .* = \(9, 3\)"):
        network(x, teacher=y[1:])
    bad = y.copy()
    bad[2, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"teacher has the non-finite value nan at \(batch 0, time 2, feature 1\)"
    ):
        network(x, teacher=bad)
    assert np.isfinite(network(x[:2], teacher=bad[:2])).all()
    with pytest.raises(ValueError, match="sampling is 2, expected"):
        network.loss_and_gradient(x, y, teacher=y, sampling=2.0)
    with pytest.raises(ValueError, match="without a teacher"):
        network.loss_and_gradient(x, y, sampling=0.5)
    with pytest.raises(TypeError, match="the network has 2 input features"):
        network(None, teacher=y)
    stream = plain.stream()
    with pytest.raises(ValueError, match="has no Feedback layer, or several"):
        stream.observe(np.zeros(3))
    stream = network.stream()
    state = stream.state
    for wrong, error in (
        (np.zeros(2), ValueError),
        (np.array([0, np.inf, 0]), ValueError),
        (np.zeros(3, "f4"), TypeError),
    ):
        with pytest.raises(error, match="observe: y"):
            stream.observe(wrong)
    assert stream.state == state


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (lambda: [rc.Delay(2)], "'input_size'"),
        (lambda: [rc.Delay(0, present=False, input_size=2)], "something of its input"),
        (
            lambda: [rc.Feedback(rc.Linear(2, 3))],
            "from 2 to 3 features, expected at least delays * outputs = 3",
        ),
        (lambda: [rc.Feedback([rc.Bidirectional(rc.GRU(4, 2))])], "looks ahead"),
        (lambda: [rc.Feedback([rc.GRU(4, 2), rc.Last()])], "pools over time"),
        (lambda: [rc.Feedback([rc.Tanh()])], "fixes the number of features"),
        (lambda: [rc.GRU(2, 3), rc.Feedback(rc.Linear(2, 2))], "expects 0 features, got 3"),
        (lambda: [rc.Chain([])], "has no layers inside"),
    ],
)
def test_networks_that_cannot_be_are_refused(layers: Callable[[], list[rc.Layer]], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        rc.Network(layers())
    assert words in str(caught.value)


def test_a_chain_is_its_layers() -> None:
    flat = rc.Network([rc.GRU(2, 3), rc.Linear(3, 2)], seed=3)
    chain = rc.Network([rc.Chain([rc.GRU(2, 3), rc.Linear(3, 2)])], seed=3)
    chain.flat[:] = flat.flat
    x = np.random.default_rng(0).normal(size=(5, 2)).astype("f4")
    assert np.array_equal(chain(x), flat(x))
    assert next(iter(chain.parameters)) == "0.0.weight_ih"
    both = rc.Network([rc.Bidirectional(rc.Chain([rc.Linear(2, 4), rc.GRU(4, 3)]))])
    assert both.output_size == 6


def test_training_in_the_open_loop_finds_the_plant() -> None:
    """y_t = .6 y_{t-1} - .2 y_{t-2} + .5 u_t + .3 u_{t-1}: a linear NARX must find its coefficients."""
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=(300, 1)), np.zeros((300, 1))
    for t in range(300):  # what is before the start is zero: y[-1] and y[-2] still are
        y[t] = 0.6 * y[t - 1] - 0.2 * y[t - 2] + 0.5 * u[t] + 0.3 * (u[t - 1] if t else 0)
    network = rc.Network([rc.Delay(1, input_size=1), rc.Feedback(rc.Linear(4, 1), delays=2)], dtype="float64")
    history = rc.fit(
        network, u[None], y[None], teacher=True, epochs=400, optimizer=rc.Adam(0.05), progress=False
    )
    assert history.loss[-1] < 1e-6
    assert_close(network.parameters["1.0.weight"][0], [0.5, 0.3, 0.6, -0.2], (0.02, 0.02))
    assert rc.evaluate(network, u[None], y[None]) < 1e-4  # the closed loop
    listed = rc.evaluate(network, [u[2:50], u[2:20]], [y[2:50], y[2:20]], teacher=True)
    assert listed == pytest.approx(
        rc.evaluate(network, [u[2:50], u[2:20]], [y[2:50], y[2:20]], teacher=[y[2:50], y[2:20]])
    )


def test_scheduled_sampling_goes_from_the_open_to_the_closed_loop() -> None:
    """At probability 1 every epoch is that of a closed loop; resumed runs go on with the epoch's own."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, TIME, INPUTS)), rng.normal(size=(4, TIME, OUTPUTS))

    def losses(**options: object) -> list[float]:
        network = narx()
        return rc.fit(network, x, y, epochs=3, progress=False, **options).loss  # type: ignore[arg-type]

    closed, opened = losses(), losses(teacher=True)
    assert losses(teacher=True, sampling=1.0) == pytest.approx(closed)
    rising = losses(teacher=True, sampling=rc.ScheduledSampling(0.0, 1.0, epochs=1))
    assert rising[0] == pytest.approx(opened[0])
    assert rising[1] != pytest.approx(opened[1])
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="sampling"):
            losses(teacher=True, sampling=wrong)
    with pytest.raises(ValueError, match="without a teacher"):
        losses(sampling=0.5)


def test_masked_entries_do_not_count() -> None:
    """A mask is the same as fewer entries: by hand, for values and for classes, also in fit and evaluate."""
    network = rc.Network([rc.GRU(2, 4), rc.Linear(4, 3)], dtype="float64", seed=2)
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(BATCH, TIME, 2)), rng.normal(size=(BATCH, TIME, 3))
    classes, lengths = rng.integers(0, 3, (BATCH, TIME)), np.array([TIME, 4, 0])
    mask = rng.random((BATCH, TIME)) < 0.5
    counted = mask & (np.arange(TIME) < lengths[:, None])
    y = network(x, lengths=lengths)
    assert 0 < counted.sum() < lengths.sum()
    target[~mask] = np.nan  # is not looked at
    classes[~mask] = 77
    loss, gradient = network.loss_and_gradient(x, target, lengths=lengths, mask=mask)
    assert_close(loss, ((y - target)[counted] ** 2).mean())
    step, moved = 1e-6, np.empty_like(gradient)
    for i in range(len(moved)):
        kept = network.flat[i]
        network.flat[i] = kept + step
        above = network.loss_and_gradient(x, target, lengths=lengths, mask=mask)[0]
        network.flat[i] = kept - step
        moved[i] = (above - network.loss_and_gradient(x, target, lengths=lengths, mask=mask)[0]) / (2 * step)
        network.flat[i] = kept
    assert_close(gradient, moved, (1e-6, 1e-8))
    surprise = (
        np.log(np.exp(y).sum(-1)) - np.take_along_axis(y, np.where(mask, classes, 0)[..., None], -1)[..., 0]
    )
    options: dict[str, Any] = {"lengths": lengths, "mask": mask}
    assert_close(
        network.loss_and_gradient(x, classes, "cross_entropy", **options)[0], surprise[counted].mean()
    )
    assert_close(rc.evaluate(network, x, target, **options), loss)
    weighted = rc.CrossEntropy(class_weights=[1.0, 2.0, 3.0])
    weights = np.array([1.0, 2.0, 3.0])[np.where(mask, classes, 0)]
    assert_close(
        network.loss_and_gradient(x, classes, weighted, **options)[0],
        (surprise * weights)[counted].sum() / weights[counted].sum(),
    )
    history = rc.fit(network, x, target, **options, epochs=1, shuffle=False, progress=False)
    assert_close(history.loss[0], loss)
    nothing = np.zeros_like(mask)
    loss, gradient = network.loss_and_gradient(x, target, mask=nothing)
    assert loss == 0
    assert not gradient.any()
    with pytest.raises(TypeError, match="mask has dtype int64, expected bool"):
        network.loss_and_gradient(x, target, mask=mask.astype(int))
    with pytest.raises(ValueError, match="mask has shape"):
        network.loss_and_gradient(x, target, mask=mask[:, 1:])


def test_a_state_that_no_memory_can_hold_is_refused() -> None:
    """Widths whose sum overflows, as a file could ask for them."""
    lines = [rc.Delay(1, dilation=2**51, present=False, input_size=1) for _ in range(8192)]
    with pytest.raises(ValueError, match="size of the state overflows"):
        rc.Network(lines)
    nested = [rc.Delay(1, dilation=2**51, present=False, input_size=1) for _ in range(64)]
    with pytest.raises(ValueError, match="size of the state overflows"):
        rc.Network([rc.Chain(nested)])
