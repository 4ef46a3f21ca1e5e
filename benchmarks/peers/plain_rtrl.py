"""Plain real-time recurrent learning, J <- D J + I as one product per step, as one writes it with arrays.

One recurrent layer and a linear readout of one output, squared error, an update by SGD every few steps.
R. J. Williams, D. Zipser, Neural Computation 1 (1989), with D and I of each cell worked out by hand. The two
state blocks of the LSTM are kept apart, so that its product is half of the naive one.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import recurra as rc
import torch

Array: TypeAlias = Any  # of NumPy, or a tensor of PyTorch


def _logistic(xp: ModuleType, x: Array) -> Array:
    return xp.sigmoid(x) if xp is torch else 1 / (1 + np.exp(-x))


class Plain:
    """A learner. `weights` is [gates * units][inputs + units + 1]: of the input, of the state, the bias."""

    gates = 1
    blocks = 1  # of state

    def __init__(self, xp: ModuleType, net: rc.Network, rate: float, every: int) -> None:
        self.xp, self.rate, self.every = xp, rate, every
        values = {name: v.copy() for name, v in net.parameters.items()}
        rows = values["0.weight_ih"].shape[0]  # the GRU has a bias more, at rest here
        columns = [values["0.weight_ih"], values["0.weight_hh"], values["0.bias"][:rows, None]]
        self.weights = self._array(np.concatenate(columns, axis=1))
        self.units = values["0.weight_hh"].shape[1]
        self.readout = self._array(np.append(values["1.weight"][0], values["1.bias"]))
        n, q = self.units, self.weights.shape[1]
        self.rows = self._zeros(n, self.gates, n, q)  # J of the state that is fed back
        self.next = self._zeros(self.blocks * n, self.gates * n * q)
        self.h = self._zeros(n)
        self.z = self._zeros(q)
        self.z[-1] = 1
        self.unit = np.arange(n) if xp is np else torch.arange(n)
        self.sum, self.readout_sum = self._zeros(*self.weights.shape), self._zeros(n + 1)
        self.gradient = self.sum
        self.steps = 0

    def _array(self, values: Array) -> Array:
        return values.astype(np.float32) if self.xp is np else torch.from_numpy(values.astype(np.float32))

    def _zeros(self, *shape: int) -> Array:
        return self.xp.zeros(shape, dtype=self.xp.float32)

    def add_own(self, j: Array, gate: int, slope: Array) -> None:
        """I: the pre-activation of a unit's gate moves with its own row of weights."""
        j[self.unit, gate, self.unit] += slope[:, None] * self.z

    def advance(self, a: Array) -> None:
        """Make a step: the state and its influence."""
        raise NotImplementedError

    def step(self, x: Array, target: float) -> float:
        """Predict, learn, and give the error before."""
        m = len(x)
        self.z[:m] = x
        self.z[m:-1] = self.h
        self.advance(self.weights @ self.z)
        error = float(self.readout[:-1] @ self.h + self.readout[-1]) - target
        delta = 2 * error * self.readout[:-1]
        self.sum += (delta @ self.rows.reshape(self.units, -1)).reshape(self.sum.shape)
        self.readout_sum[:-1] += 2 * error * self.h
        self.readout_sum[-1] += 2 * error
        self.steps += 1
        if self.steps % self.every == 0:
            self.weights -= self.rate * self.sum
            self.readout -= self.rate * self.readout_sum
            self.gradient = self.sum
            self.sum, self.readout_sum = self._zeros(*self.sum.shape), self._zeros(self.units + 1)
        return error

    def recurrent(self, gate: int) -> Array:
        """The matrix by which a gate sees the state."""
        n = self.units
        return self.weights[gate * n : (gate + 1) * n, -n - 1 : -1]


class PlainElman(Plain):
    """h <- tanh(W x + U h + b)."""

    def advance(self, a: Array) -> None:
        """Make a step."""
        self.h = self.xp.tanh(a)
        slope = 1 - self.h * self.h
        self.xp.matmul(slope[:, None] * self.recurrent(0), self.rows.reshape(self.units, -1), out=self.next)
        self.rows, self.next = self.next.reshape(self.rows.shape), self.rows.reshape(self.next.shape)
        self.add_own(self.rows, 0, slope)


class PlainLSTM(Plain):
    """Gates i, f, g, o as in PyTorch."""

    gates = 4
    blocks = 2

    def __init__(self, xp: ModuleType, net: rc.Network, rate: float, every: int) -> None:
        super().__init__(xp, net, rate, every)
        self.cell = self._zeros(self.units)
        self.cell_rows = self._zeros(*self.rows.shape)

    def advance(self, a: Array) -> None:
        """Make a step."""
        xp, n = self.xp, self.units
        i, f, g, o = (a[k * n : (k + 1) * n] for k in range(4))
        i, f, o = (_logistic(xp, gate) for gate in (i, f, o))
        g = xp.tanh(g)
        d_i, d_f, d_g = g * i * (1 - i), self.cell * f * (1 - f), i * (1 - g * g)
        self.cell = f * self.cell + i * g
        squashed = xp.tanh(self.cell)
        d_o, e = squashed * o * (1 - o), o * (1 - squashed * squashed)
        self.h = o * squashed
        through = [(d_i, 0), (d_f, 1), (d_g, 2)]
        to_cell = sum(slope[:, None] * self.recurrent(gate) for slope, gate in through)
        both = xp.concatenate([to_cell, d_o[:, None] * self.recurrent(3)])
        xp.matmul(both, self.rows.reshape(n, -1), out=self.next)  # of J^h, for both blocks at once
        parts = self.next.reshape(2, *self.rows.shape)
        self.cell_rows *= f[:, None, None, None]
        self.cell_rows += parts[0]
        for slope, gate in through:
            self.add_own(self.cell_rows, gate, slope)
        xp.multiply(self.cell_rows, e[:, None, None, None], out=self.rows)
        self.rows += parts[1]
        self.add_own(self.rows, 3, d_o)


class PlainGRU(Plain):
    """Gates r, z, n as in PyTorch, whose second bias of n is left at rest."""

    gates = 3

    def __init__(self, xp: ModuleType, net: rc.Network, rate: float, every: int) -> None:
        super().__init__(xp, net, rate, every)
        self.inner = self._array(net.parameters["0.bias"][3 * self.units :].copy())

    def advance(self, a: Array) -> None:
        """Make a step."""
        xp, n = self.xp, self.units
        inputs = len(self.z) - n - 1
        r, u = (_logistic(xp, a[k * n : (k + 1) * n]) for k in range(2))
        fed = self.recurrent(2) @ self.h + self.inner
        new = xp.tanh(a[2 * n :] - fed + self.inner + r * fed)
        t = (1 - u) * (1 - new * new)
        d_r, d_u = t * fed * r * (1 - r), (self.h - new) * u * (1 - u)
        through = [(d_r, 0), (d_u, 1), (t * r, 2)]
        d = sum(slope[:, None] * self.recurrent(gate) for slope, gate in through)
        d[self.unit, self.unit] += u
        xp.matmul(d, self.rows.reshape(n, -1), out=self.next)
        self.rows, self.next = self.next.reshape(self.rows.shape), self.rows.reshape(self.next.shape)
        self.add_own(self.rows, 0, d_r)
        self.add_own(self.rows, 1, d_u)
        slopes = t[:, None] * self.z
        slopes[:, inputs:-1] *= r[:, None]
        self.rows[self.unit, 2, self.unit] += slopes
        self.h = (1 - u) * new + u * self.h


PLAIN: dict[str, type[Plain]] = {"Elman": PlainElman, "GRU": PlainGRU, "LSTM": PlainLSTM}
