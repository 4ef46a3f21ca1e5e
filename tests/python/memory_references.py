"""The steps of external memories, written down from the papers' equations, in NumPy and in PyTorch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import recurra as rc

Tensor = Any


class NumPy:
    """What the transcriptions need of a library."""

    exp, tanh, log, concat, stack, zeros = np.exp, np.tanh, np.log, np.concatenate, np.stack, np.zeros

    @staticmethod
    def array(values: object) -> Tensor:
        """An array."""
        return np.array(values)


class Torch:
    """The same of PyTorch."""

    def __init__(self, torch: Any) -> None:  # noqa: ANN401
        self.exp, self.tanh, self.log = torch.exp, torch.tanh, torch.log
        self.concat, self.stack = torch.concatenate, torch.stack
        self._torch = torch

    def zeros(self, count: int) -> Tensor:
        """Zeros in double precision."""
        return self._torch.zeros(count, dtype=self._torch.float64)

    def array(self, values: object) -> Tensor:
        """A tensor in double precision."""
        return self._torch.tensor(values, dtype=self._torch.float64)


def logistic(xp: Any, a: Tensor) -> Tensor:  # noqa: ANN401
    """1 / (1 + exp(-a))."""
    return 1 / (1 + xp.exp(-a))


def softmax(xp: Any, a: Tensor) -> Tensor:  # noqa: ANN401
    """By its definition."""
    e = xp.exp(a)
    return e / e.sum()


class Emitted:
    """The numbers of the interface, taken in their order."""

    def __init__(self, values: Tensor) -> None:
        self.values, self.at = values, 0

    def take(self, count: int) -> Tensor:
        """The next ones."""
        self.at += count
        return self.values[self.at - count : self.at]


def stack_step(xp: Any, emitted: Tensor, state: dict[str, Tensor], o: Mapping[str, Any]) -> Tensor:  # noqa: ANN401
    """Joulin and Mikolov (2015), equations 3 to 5 with "no operation", a cell being a vector."""
    numbers, depth, width = Emitted(emitted), o["depth"], o["width"]
    cells = state["stack"].reshape(o["stacks"], depth, width)
    after = []
    for k in range(o["stacks"]):
        push, pop, none = softmax(xp, numbers.take(3))
        pushed = logistic(xp, numbers.take(width))
        rows = []
        for i in range(depth):
            above = cells[k, i - 1] if i > 0 else pushed
            below = cells[k, i + 1] if i + 1 < depth else xp.zeros(width)
            rows.append(push * above + pop * below + none * cells[k, i])
        after.append(xp.stack(rows))
    state["stack"] = xp.stack(after).reshape(-1)
    return xp.concat([rows[0] for rows in after])


def address(xp: Any, numbers: Emitted, memory: Tensor, before: Tensor, shift: int) -> Tensor:  # noqa: ANN401
    """Graves et al. (2014), equations 5 to 9."""
    key = xp.tanh(numbers.take(memory.shape[1]))
    strength = xp.log(1 + xp.exp(numbers.take(1)))
    gate = logistic(xp, numbers.take(1))
    shifts = softmax(xp, numbers.take(2 * shift + 1))
    sharpness = 1 + xp.log(1 + xp.exp(numbers.take(1)))
    cosine = (memory @ key) / (((key * key).sum() + 1e-4) * ((memory * memory).sum(1) + 1e-4)) ** 0.5
    gated = gate * softmax(xp, strength * cosine) + (1 - gate) * before
    count = len(before)
    shifted = xp.stack(
        [
            sum(shifts[j + shift] * gated[(i - j) % count] for j in range(-shift, shift + 1))
            for i in range(count)
        ]
    )
    powers = shifted**sharpness
    return powers / powers.sum()


def ntm_step(xp: Any, emitted: Tensor, state: dict[str, Tensor], o: Mapping[str, Any]) -> Tensor:  # noqa: ANN401
    """Graves et al. (2014), equations 2 to 4, with addresses from the memory before the step."""
    numbers, locations, width = Emitted(emitted), o["locations"], o["width"]
    memory = state["memory"].reshape(locations, width)
    weightings = {}
    for name in ("write", "read"):
        before = state[f"{name}_weighting"].reshape(o[f"{name}_heads"], locations)
        weightings[name] = [address(xp, numbers, memory, w, o["shift"]) for w in before]
        state[f"{name}_weighting"] = xp.concat(weightings[name])
    for w in weightings["write"]:
        memory = memory * (1 - w[:, None] * logistic(xp, numbers.take(width)))
    for w in weightings["write"]:
        memory = memory + w[:, None] * xp.tanh(numbers.take(width))
    state["memory"] = memory.reshape(-1)
    return xp.concat([w @ memory for w in weightings["read"]])


STEPS = {"StackMemory": stack_step, "NTMMemory": ntm_step}


def run(
    xp: Any,  # noqa: ANN401
    layer: rc.Layer,
    x: Tensor,
    parameters: Mapping[str, Tensor],
    state: dict[str, Tensor],
) -> Tensor:
    """Outputs (time, features) of a memory behind a given controller's outputs; the state moves on."""
    weight, bias = parameters["interface.weight"], parameters["interface.bias"]
    step = STEPS[layer.type]
    return xp.stack([xp.concat([x_t, step(xp, weight @ x_t + bias, state, layer.options)]) for x_t in x])
