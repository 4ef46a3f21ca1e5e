"""Parameters of a network: how they are drawn, tied and frozen."""

from __future__ import annotations

from recurra._arrays import FloatArray, check_seed
from recurra._initialization import Init
from recurra._network_base import NetworkBase
from recurra._parameters import Parameters


class ParameterMethods(NetworkBase):
    """What a `Network` does with its parameters."""

    @property
    def flat(self) -> FloatArray:
        """All parameters as one writable vector. Those that are tied have equal values in it, see `tie`."""
        self._core.update_copies()
        return self._flat

    @property
    def parameters(self) -> Parameters:
        """Writable views into `flat`, by name."""
        self._core.update_copies()
        return self._parameters

    def tie(self, *names: str) -> None:
        """Make parameters of equal shape one parameter: ``net.tie("2.weight", "0.weight")``.

        The first keeps its values, the others take them and are copies of it from now on. A gradient has the
        sum in the place of the first and 0 in those of the others; updates move the first, and the others
        follow. A name may be in a group already, which then becomes part of this one. If one of them is
        frozen, all are from now on; they take the first's values all the same.

        `flat` and `parameters` still have a place for each. Write to the first: whatever uses the network
        next, `flat` and `parameters` among it, gives the copies its values, so what was written into a copy
        alone is lost.

        Args:
            names: At least two, such as "0.weight_hh".

        Raises:
            ValueError: a name that no parameter has or that is given twice, fewer than two names, or shapes
                that differ; nothing has changed then.
        """
        self._core.tie(_read_names("tie", names))

    @property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The groups of parameters that are one, the first of a group first."""
        return tuple(tuple(group) for group in self._core.tied)

    def freeze(self, *names: str) -> None:
        """Let parameters rest: their gradient is 0, and nothing that learns moves them, whatever decays.

        They rest in `fit`, in `Online` and under the optimizers; `initialize` draws them all the same, and
        they can be written. Parameters that are tied rest together.

        Args:
            names: Parameters, such as "0.weight_hh", or beginnings up to a dot: "0" is all of layer 0.

        Raises:
            ValueError: a name that no parameter has; nothing has changed then.
        """
        self._core.freeze(_read_names("freeze", names))

    def unfreeze(self, *names: str) -> None:
        """Let parameters learn again, named as for `freeze`."""
        self._core.unfreeze(_read_names("unfreeze", names))

    @property
    def frozen(self) -> tuple[str, ...]:
        """The parameters that rest, one by one."""
        return tuple(self._core.frozen)

    def initialize(self, init: Init | None = None, seed: int = 0) -> None:
        """Draw all parameters anew, in place, those that are frozen too.

        Raises:
            ValueError: `init` has an unknown name.
            TypeError: it is no `Init`.
        """
        if init is not None and not isinstance(init, Init):
            raise TypeError(f"init is {init!r}, expected a recurra.Init or None")
        chosen = Init() if init is None else init
        self._core.initialize(
            check_seed(seed),
            chosen.input,
            chosen.recurrent,
            float(chosen.recurrent_scale),
            chosen.bias,
            None if chosen.forget_bias is None else float(chosen.forget_bias),
        )


def _read_names(function: str, names: tuple[object, ...]) -> list[str]:
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{function}: got {name!r}, expected the names of parameters")
    return [str(name) for name in names]
