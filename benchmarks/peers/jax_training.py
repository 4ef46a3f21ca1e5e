"""A training step in JAX, time-major, in a process of its own.

The input projection is one product in front of `lax.scan`. Left to itself the gradient of R is added up
inside the backward scan, step by step; with a rule for the recurrence alone it is one product behind it,
which is up to twice as fast. With few rows a loop that makes several steps a round may be faster: both are
tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax
from jax.nn import sigmoid

Array: TypeAlias = npt.NDArray[np.floating[Any]]
Device: TypeAlias = jax.Array
State: TypeAlias = tuple[jax.Array, ...]

Extra: TypeAlias = jax.Array | None
Kept: TypeAlias = tuple[jax.Array, Callable[[jax.Array], tuple[jax.Array, Extra]]]
Step: TypeAlias = Callable[[State, Device, Extra, Device], State]
"""Of (state, a, extra, R): the next state, h first. a: W x and the bias; extra: GRU's bias of R h."""


def lstm(state: State, a: Device, extra: Extra, recurrent: Device) -> State:
    h, c = state
    i, f, g, o = jnp.split(a + h @ recurrent, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def gru(state: State, a: Device, extra: Extra, recurrent: Device) -> State:
    (h,) = state
    assert extra is not None
    (a_r, a_z, a_n), (h_r, h_z, h_n) = (jnp.split(v, 3, axis=-1) for v in (a, h @ recurrent))
    n = jnp.tanh(a_n + sigmoid(a_r + h_r) * (h_n + extra))
    return (n + sigmoid(a_z + h_z) * (h - n),)


def elman(state: State, a: Device, extra: Extra, recurrent: Device) -> State:
    (h,) = state
    return (jnp.tanh(a + h @ recurrent),)


STEPS: dict[str, tuple[Step, int]] = {"LSTM": (lstm, 2), "GRU": (gru, 1), "Elman": (elman, 1)}
"""With the number of states."""


def sequence(cell: str, unroll: int) -> Callable[[Device, Extra, Device], Device]:
    """Make the recurrence: outputs of (a, extra, R), of all steps."""
    step, states = STEPS[cell]

    def run(a: Device, extra: Extra, recurrent: Device) -> Device:
        zero = jnp.zeros((a.shape[1], recurrent.shape[0]), a.dtype)

        def advance(state: State, at: tuple[Device, Extra]) -> tuple[State, Device]:
            state = step(state, *at, recurrent)
            return state, state[0]

        return lax.scan(advance, (zero,) * states, (a, extra), unroll=unroll)[1]

    @jax.custom_vjp
    def outputs(a: Device, extra: Extra, recurrent: Device) -> Device:
        return run(a, extra, recurrent)

    def forward(a: Device, extra: Extra, recurrent: Device) -> tuple[Device, Kept]:
        y, pullback = jax.vjp(lambda a, extra: run(a, extra, recurrent), a, extra)
        return y, (y, pullback)

    def backward(kept: Kept, dy: Device) -> tuple[Device, Extra, Device]:
        y, pullback = kept
        da, d_extra = pullback(dy)
        d_product = da if d_extra is None else jnp.concatenate((da[..., : -y.shape[-1]], d_extra), -1)
        before, after = y[:-1], d_product[1:]
        return da, d_extra, before.reshape(-1, y.shape[-1]).T @ after.reshape(-1, after.shape[-1])

    outputs.defvjp(forward, backward)
    return outputs


def loss_of(cell: str, unroll: int) -> Callable[[dict[str, Device], Device, Device], Device]:
    """Make the mean squared error of all outputs, a function of (parameters, x, target)."""
    outputs = sequence(cell, unroll)

    def loss(parameters: dict[str, Device], x: Device, target: Device) -> Device:
        steps, batch, features = x.shape
        a = (x.reshape(-1, features) @ parameters["W"]).reshape(steps, batch, -1) + parameters["b"]
        extra = parameters.get("b_n")
        if extra is not None:
            extra = jnp.broadcast_to(extra, (steps, batch, extra.size))
        return jnp.mean((outputs(a, extra, parameters["R"]) - target) ** 2)

    return loss


def make(
    cell: str, weights: tuple[Array, Array, Array], x: Array, target: Array
) -> tuple[tuple[float, list[Array]], Callable[[int], None]]:
    """Return loss and gradient in the layout of our parameters, and what is to be timed.

    `weights` are ours, (gates * hidden, ...), `x` and `target` (batch, time, features).
    """
    weight_ih, weight_hh, bias = weights
    rows = weight_ih.shape[0]
    parameters = {"W": weight_ih.T, "R": weight_hh.T, "b": bias[:rows]}
    if bias.size > rows:
        parameters["b_n"] = bias[rows:]
    device = {key: jnp.asarray(np.ascontiguousarray(value)) for key, value in parameters.items()}
    steps, wanted = (jnp.asarray(np.ascontiguousarray(v.transpose(1, 0, 2))) for v in (x, target))

    def timed(unroll: int) -> tuple[float, Callable[[], tuple[Device, dict[str, Device]]]]:
        function = jax.jit(jax.value_and_grad(loss_of(cell, unroll)))

        def call() -> tuple[Device, dict[str, Device]]:
            result: tuple[Device, dict[str, Device]] = function(device, steps, wanted)
            result[0].block_until_ready()  # with it all are there: they come out of one program
            return result

        call()
        times: list[float] = []
        while len(times) < 3 or (sum(times) < 0.2 and len(times) < 100):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return float(np.median(times)), call

    _, best = min(
        (timed(unroll) for unroll in ((1, 4) if x.shape[0] <= 8 else (1,))), key=lambda each: each[0]
    )

    def run(count: int) -> None:
        for _ in range(count):
            best()

    loss, gradient = best()
    biases = [np.asarray(gradient[key]) for key in ("b", "b_n") if key in gradient]
    return (
        float(loss),
        [np.asarray(gradient["W"]).T, np.asarray(gradient["R"]).T, np.concatenate(biases)],
    ), run
