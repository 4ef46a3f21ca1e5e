"""Diagnosis of long-range dependence: what happens inside a network along one sequence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recurra import _core
from recurra._arrays import FloatArray, check_shape, count, floats, integers
from recurra._batch import read_input
from recurra._losses import Loss, LossName, read_loss
from recurra._network import Network
from recurra._state import State, state_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Diagnosis:
    """A network on one sequence, dropout off: its states and gates, gradients through time, Jacobians.

    Args:
        network: Any network whose outputs depend on earlier steps alone. It may change afterwards.
        x: (time, features), or class ids (time,) for an Embedding.
        state: Where the sequence starts; default the initial state.

    Raises:
        ValueError: the network looks ahead, or as for a call of it.

    Source: S. Hochreiter, Untersuchungen zu dynamischen neuronalen Netzen (1991); Y. Bengio, P. Simard,
    P. Frasconi, IEEE Transactions on Neural Networks 5 (1994); R. Pascanu et al., ICML 2013.
    """

    def __init__(self, network: Network, x: npt.ArrayLike, *, state: State | None = None) -> None:
        batch = read_input(x, None, network._core, network.dtype, writes=False)
        if not batch.single:
            raise ValueError(f"x has a batch of {batch.x.shape[0]} sequences, expected one: (time, features)")
        start = None if state is None else state_array(state, network._blocks, 1, network.dtype)
        self._core: _core.DiagnosisF32 | _core.DiagnosisF64
        if isinstance(network._core, _core.NetworkF32):
            self._core = _core.DiagnosisF32(network._core, batch.x, start)
        else:
            self._core = _core.DiagnosisF64(network._core, batch.x, start)
        self._blocks = network._blocks
        self._pools = network._core.pools
        self._outputs = network.output_size
        self._dtype = network.dtype
        self.time: int = batch.x.shape[1]
        """Number of steps."""

    def signals(self) -> dict[str, FloatArray]:
        """All states and gates over time, by name: (time, width) each.

        ``"0.state.h"`` is a state after each step; ``"0.gate.i"`` the value of a gate (of an SLSTM's forget
        gate its logarithm, ``"0.gate.log_f"``, and so both of a MinLSTM; an SLSTM's input gate is an
        exponent). With a projection,
        ``"0.state.h"`` is the cell's own h', before it, and ``"0.state.projection"`` what is fed, leaves and
        is carried: the ``"0.h"`` of a `State` and of `state_gradients`.
        """
        return self._core.signals()

    def state_gradients(
        self, target: npt.ArrayLike, loss: LossName | Loss = "mse", *, step: int | None = None
    ) -> dict[str, FloatArray]:
        """dL/ds_k for the states s_k before each step k = 0 .. step, by name: (step + 1, width) each.

        Args:
            target: Of the one output that L is the loss of: (output_size,), or a class id.
            loss: L, as in `Network.loss_and_gradient`.
            step: Which output; default the last, and always the last if the network pools.

        Raises:
            IndexError: there is no such step.
            ValueError: the target has another shape, or a value that is refused.
        """
        last = self.time - 1 if step is None else count("state_gradients: step", step, 0)
        settings = read_loss(loss)
        if settings.takes_classes:
            ids = integers("target", target)
            check_shape("target", ids, (), "()")
            values, number = None, int(ids)
        else:
            values, number = floats("target", target, self._dtype), None
            check_shape("target", values, (self._outputs,), "(output,)")
        gradients = self._core.state_gradients(last, values, number, settings._core(), self._outputs)
        return {name: gradients[:, begin : begin + width] for name, _, begin, width in self._blocks}

    def gradient_norms(
        self,
        target: npt.ArrayLike,
        loss: LossName | Loss = "mse",
        *,
        step: int | None = None,
        states: str | Sequence[str] | None = None,
    ) -> FloatArray:
        """The Euclidean norm of dL_t/ds_k by lag, (step + 1,): element 0 is the state just before step t.

        Where it falls to zero the network cannot learn what lies that far back (vanishing); where it grows,
        learning is unstable (exploding).

        Args:
            target: As in `state_gradients`.
            loss: As in `state_gradients`.
            step: As in `state_gradients`.
            states: Only these states, such as ``"0.h"`` or ``("0.h", "0.c")``; default all.

        Raises:
            IndexError, ValueError: as `state_gradients`; there are no states, or none was named.
            KeyError: no state has that name.
        """
        self._require_states("gradient_norms")
        known = [name for name, *_ in self._blocks]
        names = known if states is None else [states] if isinstance(states, str) else list(states)
        if not names:
            raise ValueError(f"states is {states!r}, expected some of {', '.join(known)}, or None")
        for name in names:
            if name not in known:
                raise KeyError(f"no state is named {name!r}, expected some of {', '.join(known)}")
        gradients = self.state_gradients(target, loss, step=step)
        chosen = [gradients[name] for name in names]
        norms: FloatArray = np.linalg.norm(np.concatenate(chosen, axis=1), axis=1)[::-1].copy()
        return norms

    def jacobians(self) -> FloatArray:
        """ds_t/ds_{t-1} of every step, (time, states, states), states as in `initial_state`.

        Raises:
            ValueError: the network pools over time.
        """
        return self._core.jacobians()

    def spectral_radius(self) -> FloatArray:
        """The largest absolute eigenvalue of every step's Jacobian, (time,).

        It decides only where every step has the same Jacobian: a gradient shrinks in the long run if it is
        below 1, and may grow if it is above. Products of different Jacobians can grow although each radius is
        below 1; see `jacobian_norms`.

        Raises:
            ValueError: the network pools over time, or has no states.
        """
        self._require_states("spectral_radius")
        radius: FloatArray = np.abs(np.linalg.eigvals(self.jacobians())).max(axis=1)
        return radius

    def jacobian_norms(self) -> FloatArray:
        """The largest singular value of every step's Jacobian, (time,): how much it can stretch a gradient.

        A gradient's norm by lag is at most the product of those in between, so bounded below 1 they suffice
        for it to vanish; above 1 they tell nothing, for the bound need not be reached.

        Raises:
            ValueError: the network pools over time, or has no states.
        """
        self._require_states("jacobian_norms")
        norms: FloatArray = np.linalg.norm(self.jacobians(), ord=2, axis=(1, 2))
        return norms

    def _require_states(self, function: str) -> None:
        if not self._blocks:
            raise ValueError(f"{function}: the network has no states, expected a recurrent layer in it")

    def plot(
        self,
        target: npt.ArrayLike | None = None,
        loss: LossName | Loss = "mse",
        *,
        path: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """States and gates over time, the spectral radius, and with a target the gradient's norm by lag.

        Needs matplotlib (``pip install recurra[plots]``).

        Args:
            target: Of the last output, as in `state_gradients`.
            loss: As in `state_gradients`.
            path: Where to write the picture; the suffix chooses the format.
        """
        from recurra._plots import plot_diagnosis

        norms = None if target is None else self.gradient_norms(target, loss)
        radius = None if self._pools else self.spectral_radius()
        figure = plot_diagnosis(self.signals(), radius, norms)
        if path is not None:
            figure.savefig(os.fspath(path))
        return figure
