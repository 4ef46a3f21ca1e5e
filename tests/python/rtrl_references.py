"""Plain real-time recurrent learning, J <- D J + I, transcribed cell by cell with its D and I written out.

With entries of J held at 0 it is SnAp-1, with R in D held at 0 besides it is e-prop, with J made anew of the
latest h steps it is BPTT(h) at every step. A cell gives the new
state, D = d(state)/d(previous state), and its immediate influences: for each group of n rows of a parameter
the matrix E = d(state)/d(pre-activations of these rows) and the vector z that they multiply. `fed` times R is
what D sees of it. s is the logistic function, h- the previous h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from problems import Array

Parameters = dict[str, Array]
Immediate = tuple[str, int, Array, Array]  # parameter, first row, E, z
Step = tuple[Array, Array, list[Immediate]]
Cell = Callable[[Parameters, Array, Array, float], Step]

ONE = np.ones(1)  # what a bias multiplies


def s(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


def gates(p: Parameters, x: Array, h: Array, n: int) -> Array:
    """Pre-activations of all gates that have W, R and b, a row each."""
    a: Array = p["weight_ih"] @ x + p["weight_hh"] @ h + p["bias"]
    return a.reshape(-1, n)


def on_all(first: int, E: Array, x: Array, h: Array) -> list[Immediate]:
    return [("weight_ih", first, E, x), ("weight_hh", first, E, h), ("bias", first, E, ONE)]


def elman(p: Parameters, x: Array, h: Array, fed: float) -> Step:
    """h = tanh(W x + U h- + b); D = diag(phi') U, E = diag(phi')."""
    new = np.tanh(gates(p, x, h, h.size)[0])
    E = np.diag(1 - new**2)
    return new, E @ p["weight_hh"] * fed, on_all(0, E, x, h)


def lstm(p: Parameters, x: Array, state: Array, fed: float) -> Step:
    """The rows of the gates are i, f, g, o; the state is [h, c]."""
    n = state.size // 2
    h, c = state[:n], state[n:]
    a = gates(p, x, h, n)
    i, f, g, o = s(a[0]), s(a[1]), np.tanh(a[2]), s(a[3])
    new_c = f * c + i * g
    U_i, U_f, U_g, U_o = fed * p["weight_hh"].reshape(4, n, n)
    d_i, d_f, d_g = g * i * (1 - i), c * f * (1 - f), i * (1 - g**2)
    d_o, e = np.tanh(new_c) * o * (1 - o), o * (1 - np.tanh(new_c) ** 2)
    A = np.diag(d_f) @ U_f + np.diag(d_i) @ U_i + np.diag(d_g) @ U_g
    D = np.block([[np.diag(e) @ A + np.diag(d_o) @ U_o, np.diag(e * f)], [A, np.diag(f)]])
    immediate = []
    for gate, d in enumerate((d_i, d_f, d_g)):
        immediate += on_all(gate * n, np.vstack([np.diag(e * d), np.diag(d)]), x, h)
    immediate += on_all(3 * n, np.vstack([np.diag(d_o), np.zeros((n, n))]), x, h)
    return np.concatenate([o * np.tanh(new_c), new_c]), D, immediate


def gru_after(p: Parameters, x: Array, h: Array, fed: float) -> Step:
    """h = z h- + (1 - z) m, m = tanh(W_m x + b_m + r q), q = U_q h- + b_q; rows r, z, m (W), q (U)."""
    n = h.size
    W, U, b = p["weight_ih"].reshape(3, n, -1), p["weight_hh"].reshape(3, n, n), p["bias"].reshape(4, n)
    r, z = s(W[0] @ x + U[0] @ h + b[0]), s(W[1] @ x + U[1] @ h + b[1])
    q = U[2] @ h + b[3]
    m = np.tanh(W[2] @ x + b[2] + r * q)
    t = (1 - z) * (1 - m**2)
    d_r, d_z = np.diag(t * q * r * (1 - r)), np.diag((h - m) * z * (1 - z))
    E_m, E_q = np.diag(t), np.diag(t * r)
    D = np.diag(z) + fed * (d_z @ U[1] + E_q @ U[2] + d_r @ U[0])
    immediate = on_all(0, d_r, x, h) + on_all(n, d_z, x, h)
    immediate += [("weight_ih", 2 * n, E_m, x), ("bias", 2 * n, E_m, ONE)]
    immediate += [("weight_hh", 2 * n, E_q, h), ("bias", 3 * n, E_q, ONE)]
    return z * h + (1 - z) * m, D, immediate


def gru_before(p: Parameters, x: Array, h: Array, fed: float) -> Step:
    """h = z h- + (1 - z) m, m = tanh(W_m x + U_m (r h-) + b_m); rows r, z, m; U_m is weight_mh.

    The gate r acts through U_m, so its E is dense.
    """
    n = h.size
    W, U, b = p["weight_ih"].reshape(3, n, -1), p["weight_hh"].reshape(2, n, n), p["bias"].reshape(3, n)
    U_m = p["weight_mh"]
    r, z = s(W[0] @ x + U[0] @ h + b[0]), s(W[1] @ x + U[1] @ h + b[1])
    m = np.tanh(W[2] @ x + U_m @ (r * h) + b[2])
    t = (1 - z) * (1 - m**2)
    E_r, d_z, E_m = np.diag(t) @ U_m @ np.diag(h * r * (1 - r)), np.diag((h - m) * z * (1 - z)), np.diag(t)
    D = np.diag(z) + fed * (d_z @ U[1] + E_m @ U_m @ np.diag(r) + E_r @ U[0])
    immediate = on_all(0, E_r, x, h) + on_all(n, d_z, x, h)
    immediate += [("weight_ih", 2 * n, E_m, x), ("weight_mh", 0, E_m, r * h), ("bias", 2 * n, E_m, ONE)]
    return z * h + (1 - z) * m, D, immediate


@dataclass(frozen=True)
class Rule:
    """`own`: only what a unit's parameters do to that unit is kept; `window`: the latest steps count."""

    fed: float = 1.0
    own: bool = False
    window: int | None = None


EXACT, SNAP, EPROP = Rule(), Rule(own=True), Rule(fed=0.0, own=True)


@dataclass
class Row:
    """One sequence: its state and its influence matrices, (state, *parameter's shape)."""

    state: Array
    J: dict[str, Array]
    steps: list[tuple[Array, list[Immediate]]] = field(default_factory=list)  # D and I of a window's steps

    def advance(self, cell: Cell, rule: Rule, units: int, p: Parameters, x: Array) -> None:
        self.state, D, immediate = cell(p, x, self.state, rule.fed)
        self.steps.append((D, immediate))
        if rule.window is not None:
            self.J = {name: np.zeros_like(J) for name, J in self.J.items()}
            self.steps = self.steps[-rule.window :]
        for D, immediate in self.steps:
            for name, old in self.J.items():
                self.J[name] = np.tensordot(D, old, 1)
            for name, first, E, z in immediate:
                rows = self.J[name].reshape(len(D), p[name].shape[0], -1)  # a bias is a column
                rows[:, first : first + E.shape[1]] += E[:, :, None] * z
        if rule.window is None:
            self.steps = []
        if rule.own:
            states = np.arange(len(D)) % units
            for name, J in self.J.items():
                other = states[:, None] != np.arange(p[name].shape[0]) % units
                J[other] = 0


class Learner:
    """A cell and a readout V h + v, mean squared error, one update by gradient descent after every step."""

    def __init__(
        self,
        cell: Cell,
        parameters: Parameters,
        states: int,
        rows: int,
        rate: float,
        rule: Rule = EXACT,
    ) -> None:
        self.cell, self.rate, self.rule = cell, rate, rule
        self.p = {name[2:]: np.array(value) for name, value in parameters.items() if name.startswith("0.")}
        self.V, self.v = np.array(parameters["1.weight"]), np.array(parameters["1.bias"])
        self.rows = [self._start(states) for _ in range(rows)]

    def _start(self, states: int) -> Row:
        return Row(np.zeros(states), {name: np.zeros((states, *w.shape)) for name, w in self.p.items()})

    def reset(self, row: int) -> None:
        self.rows[row] = self._start(self.rows[row].state.size)

    def step(self, x: Array, target: Array) -> Array:
        """All rows one step further; their outputs."""
        gradients = {name: np.zeros_like(w) for name, w in self.p.items()}
        outputs, dV, dv = [], np.zeros_like(self.V), np.zeros_like(self.v)
        for row, x_row, target_row in zip(self.rows, x, target, strict=True):
            row.advance(self.cell, self.rule, self.V.shape[1], self.p, x_row)
            h = row.state[: self.V.shape[1]]
            y = self.V @ h + self.v
            dy = 2 * (y - target_row) / (y.size * len(x))
            outputs.append(y)
            dV += np.outer(dy, h)
            dv += dy
            delta = np.zeros_like(row.state)
            delta[: h.size] = self.V.T @ dy
            for name, J in row.J.items():
                gradients[name] += np.tensordot(delta, J, 1)
        self.V, self.v = self.V - self.rate * dV, self.v - self.rate * dv
        for name, gradient in gradients.items():
            self.p[name] = self.p[name] - self.rate * gradient
        return np.array(outputs)
