"""Optimizers: settings, and their work on one network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import check_shape, floats

if TYPE_CHECKING:
    from recurra._network import Network


class Optimizer:
    """The settings of an optimizer. `fit` starts it afresh; `bind` puts it to work in a loop of your own."""

    def __init__(self, core: _core.Sgd | _core.Adam, description: str) -> None:
        self._core = core
        self._description = description
        _core.OptimizerF32(core, 0)  # checks the settings

    def bind(self, network: Network) -> Updater:
        """This optimizer at work on one network."""
        return Updater(self, network)

    def __repr__(self) -> str:
        return self._description


class SGD(Optimizer):
    """Stochastic gradient descent: v <- momentum v + g; w <- w - learning_rate v.

    Args:
        learning_rate: At least 0.
        momentum: 0 <= momentum < 1.
        l2: Adds l2 w to the gradient.
        l1: Adds l1 sign(w) to the gradient.
    """

    def __init__(
        self, learning_rate: float = 1e-2, momentum: float = 0.0, *, l2: float = 0.0, l1: float = 0.0
    ) -> None:
        super().__init__(
            _core.Sgd(learning_rate, momentum, l2, l1),
            f"SGD(learning_rate={learning_rate}, momentum={momentum}, l2={l2}, l1={l1})",
        )


class Adam(Optimizer):
    """Adam, with the decays added to the gradient as in `SGD`.

    Source: D. P. Kingma and J. Ba, ICLR 2015.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        super().__init__(
            _core.Adam(learning_rate, *betas, epsilon, l2, l1),
            f"Adam(learning_rate={learning_rate}, betas={betas}, epsilon={epsilon}, l2={l2}, l1={l1})",
        )


class Updater:
    """An optimizer at work on one network, with what it remembers of earlier gradients."""

    def __init__(self, optimizer: Optimizer, network: Network) -> None:
        core = _core.OptimizerF32 if network.dtype == np.float32 else _core.OptimizerF64
        self._core = core(optimizer._core, network.flat.size)
        self._network = network

    def update(self, gradient: npt.ArrayLike) -> None:
        """Change the network's parameters; `gradient` is laid out as `Network.flat`."""
        array = floats("gradient", gradient, self._network.dtype)
        check_shape("gradient", array, self._network.flat.shape, "(parameters,)")
        if not np.isfinite(array).all():
            raise ValueError("gradient has values that are not finite, expected finite values")
        self._core.update(self._network._core, array)
