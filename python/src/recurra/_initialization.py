"""How the parameters of a network are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recurra._arrays import number


@dataclass(frozen=True)
class Init:
    """Initialisation by name, for `Network(..., init=)` and `Network.initialize`.

    Weights are drawn gate by gate, a gate's matrix having ``rows`` units and ``columns`` inputs:
    "uniform" is +-1/sqrt(units), of a Linear +-1/sqrt(inputs); "glorot" is +-sqrt(6 / (rows + columns))
    (X. Glorot and Y. Bengio, AISTATS 2010); "orthogonal" has orthonormal rows or columns (A. M. Saxe et al.,
    ICLR 2014); "identity" is the unit matrix (with relu, an Elman cell and zero biases the IRNN, Q. V. Le et
    al. 2015). Gains begin with 1, shifts and learned initial states with 0; an Embedding is standard normal;
    IndRNN and LRU draw their per-unit parameters as their papers say.

    Args:
        input: Of the weights that multiply inputs, also in Linear.
        recurrent: Of the weights that multiply states.
        recurrent_scale: What the recurrent weights are multiplied by.
        bias: "uniform" or "zeros".
        forget_bias: The bias of the forget gate, in cells that have one; mostly 1 (R. Jozefowicz et al., ICML
            2015). None: like the other biases.
    """

    input: Literal["uniform", "glorot", "orthogonal"] = "uniform"
    recurrent: Literal["uniform", "glorot", "orthogonal", "identity"] = "uniform"
    recurrent_scale: float = 1.0
    bias: Literal["uniform", "zeros"] = "uniform"
    forget_bias: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("input", self.input), ("recurrent", self.recurrent), ("bias", self.bias)):
            if not isinstance(value, str):
                raise TypeError(f"Init: {name} is {value!r}, expected the name of an initialisation")
        number("Init: recurrent_scale", self.recurrent_scale)
        if self.forget_bias is not None:
            number("Init: forget_bias", self.forget_bias)
