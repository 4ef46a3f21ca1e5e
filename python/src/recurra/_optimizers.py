"""Optimizers: settings, and their work on one network. Each is PyTorch's optimizer of the same name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, check_shape, count, flag, floats, number

if TYPE_CHECKING:
    from recurra._network import Network


class Optimizer:
    """The settings of an optimizer. `fit` starts it afresh; `bind` puts it to work in a loop of your own."""

    def __init__(self, core: _core.OptimizerSettings, **settings: Any) -> None:  # noqa: ANN401
        self._core = core
        self._settings = settings
        _core.OptimizerF32(core, 0)  # checks the settings

    @classmethod
    def _numbers(cls, **settings: object) -> dict[str, Any]:
        """Settings that are numbers, checked to be such; their ranges are the engine's."""
        return {name: number(f"{cls.__name__}: {name}", value) for name, value in settings.items()}

    @classmethod
    def _betas(cls, betas: object) -> tuple[float, float]:
        if not isinstance(betas, Sequence) or isinstance(betas, str) or len(betas) != 2:
            raise TypeError(f"{cls.__name__}: betas is {betas!r}, expected two numbers")
        return number(f"{cls.__name__}: betas[0]", betas[0]), number(f"{cls.__name__}: betas[1]", betas[1])

    def bind(self, network: Network) -> Updater:
        """This optimizer at work on one network."""
        return Updater(self, network)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self._settings)

    def __repr__(self) -> str:
        described = ", ".join(f"{name}={value}" for name, value in self._settings.items())
        return f"{type(self).__name__}({described})"


def _rebuilt(kind: type[Optimizer], settings: dict[str, Any]) -> Optimizer:
    return kind(**settings)


class SGD(Optimizer):
    """Stochastic gradient descent: v <- momentum v + g; w <- w - learning_rate v.

    Args:
        learning_rate: At least 0.
        momentum: 0 <= momentum < 1.
        l2: Adds l2 w to the gradient.
        l1: Adds l1 sign(w) to the gradient.
        nesterov: Step by g + momentum v instead of v; needs momentum > 0.
        lazy: In `fit`, leave alone the rows of an `Embedding`, the first layer, that no input of an update
            was, and those of a last `Linear` that a `SampledSoftmax` neither drew nor wanted: they neither
            decay nor move on, and what is remembered of them waits. Without momentum and decay nothing else
            is done anyway.
    """

    def __init__(
        self,
        learning_rate: float = 1e-2,
        momentum: float = 0.0,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
        nesterov: bool = False,
        lazy: bool = False,
    ) -> None:
        settings = self._numbers(learning_rate=learning_rate, momentum=momentum, l2=l2, l1=l1)
        settings["nesterov"] = flag("SGD: nesterov", nesterov)
        settings["lazy"] = flag("SGD: lazy", lazy)
        super().__init__(_core.Sgd(**settings), **settings)


class Adam(Optimizer):
    """Adam, with the decays added to the gradient as in `SGD`; ``lazy`` as there (PyTorch's SparseAdam).

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
        lazy: bool = False,
    ) -> None:
        beta1, beta2 = self._betas(betas)
        settings = self._numbers(learning_rate=learning_rate, epsilon=epsilon, l2=l2, l1=l1)
        settings["lazy"] = flag("Adam: lazy", lazy)
        described = {"learning_rate": learning_rate, "betas": betas} | settings  # in this order
        super().__init__(_core.Adam(beta1=beta1, beta2=beta2, **settings), **described)


class AdamW(Optimizer):
    """Adam with decoupled decay: first w <- w - learning_rate weight_decay w; ``lazy`` as in `SGD`.

    Source: I. Loshchilov and F. Hutter, ICLR 2019.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        lazy: bool = False,
    ) -> None:
        beta1, beta2 = self._betas(betas)
        settings = self._numbers(learning_rate=learning_rate, epsilon=epsilon, weight_decay=weight_decay)
        settings["lazy"] = flag("AdamW: lazy", lazy)
        described = {"learning_rate": learning_rate, "betas": betas} | settings  # in this order
        super().__init__(_core.AdamW(beta1=beta1, beta2=beta2, **settings), **described)


class RMSprop(Optimizer):
    """RMSprop: s <- alpha s + (1 - alpha) g^2; v <- momentum v + g / (sqrt(s) + epsilon); w <- w - rate v.

    Args:
        learning_rate: At least 0.
        alpha: 0 <= alpha < 1.
        epsilon: > 0.
        momentum: 0 <= momentum < 1.
        centered: Take the square of the gradient's running mean from s.
        l2: As for `SGD`.
        l1: As for `SGD`.
        lazy: As for `SGD`.

    Source: T. Tieleman and G. Hinton, lecture 6.5 (2012); centered: A. Graves, arXiv 1308.0850 (2013).
    """

    def __init__(
        self,
        learning_rate: float = 1e-2,
        alpha: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        *,
        centered: bool = False,
        l2: float = 0.0,
        l1: float = 0.0,
        lazy: bool = False,
    ) -> None:
        settings = self._numbers(
            learning_rate=learning_rate, alpha=alpha, epsilon=epsilon, momentum=momentum, l2=l2, l1=l1
        )
        settings["centered"] = flag("RMSprop: centered", centered)
        settings["lazy"] = flag("RMSprop: lazy", lazy)
        super().__init__(_core.RmsProp(**settings), **settings)


class Adagrad(Optimizer):
    """Adagrad: s <- s + g^2; w <- w - learning_rate g / (sqrt(s) + epsilon).

    Args:
        learning_rate: At least 0.
        epsilon: > 0.
        initial_accumulator: What s starts from, at least 0.
        learning_rate_decay: Divides the rate of update t = 0, 1, ... by 1 + t learning_rate_decay.
        l2: As for `SGD`.
        l1: As for `SGD`.

    Source: J. Duchi, E. Hazan and Y. Singer, Journal of Machine Learning Research 12 (2011).
    """

    def __init__(
        self,
        learning_rate: float = 1e-2,
        epsilon: float = 1e-10,
        *,
        initial_accumulator: float = 0.0,
        learning_rate_decay: float = 0.0,
        l2: float = 0.0,
        l1: float = 0.0,
    ) -> None:
        settings = self._numbers(
            learning_rate=learning_rate,
            epsilon=epsilon,
            initial_accumulator=initial_accumulator,
            learning_rate_decay=learning_rate_decay,
            l2=l2,
            l1=l1,
        )
        super().__init__(_core.Adagrad(**settings), **settings)


class Updater:
    """An optimizer at work on one network, with what it remembers of earlier gradients."""

    def __init__(self, optimizer: Optimizer, network: Network) -> None:
        core = _core.OptimizerF32 if network.dtype == np.float32 else _core.OptimizerF64
        self._core = core(optimizer._core, network.flat.size)
        self._network = network

    @property
    def learning_rate(self) -> float:
        """That of the next updates; it can be set."""
        return self._core.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._core.learning_rate = number("learning_rate", rate)

    def update(self, gradient: npt.ArrayLike) -> None:
        """Change the network's parameters; `gradient` is laid out as `Network.flat`.

        Of tied parameters the gradient in the place of the first counts. What is frozen stays as it is,
        whatever decays, and the optimizer remembers nothing of it.
        """
        array = floats("gradient", gradient, self._network.dtype)
        check_shape("gradient", array, self._network.flat.shape, "(parameters,)")
        if not np.isfinite(array).all():
            raise ValueError("gradient has values that are not finite, expected finite values")
        self._core.update(self._network._core, array)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """A copy of all it remembers: vectors laid out as `Network.flat`, and the number of ``updates``."""
        updates, vectors = self._core.state()
        return {"updates": np.array(updates, dtype=np.int64), **vectors}

    def set_state(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Remember what `state` returned: updates then go on as they did there.

        Raises:
            ValueError, TypeError: it is not the state of such an optimizer; nothing has changed then.
        """
        if "updates" not in state:
            raise ValueError(f"state has {', '.join(map(repr, state)) or 'nothing'}, expected 'updates' too")
        vectors: dict[str, FloatArray] = {}
        for name, vector in state.items():
            if name != "updates":
                vectors[name] = floats(f"state: {name}", vector, self._network.dtype)
                check_shape(f"state: {name}", vectors[name], self._network.flat.shape, "(parameters,)")
        self._core.set_state(count("state: updates", state["updates"], 0, 2**63 - 1), vectors)
