"""Descriptions of layers. They hold no numbers: a `Network` is built from a list of them."""

from __future__ import annotations

from typing import Literal

from recurra import _core
from recurra._arrays import count


def _size(layer: str, name: str, value: int) -> int:
    return count(f"{layer}: {name}", value, 1, 2**62)


class Layer:
    """A layer's type and options. Use a subclass, and each layer object in one place of one network."""

    def __init__(self, type: str, **options: bool | int | float | str) -> None:
        self._spec = _core.LayerSpec(type, options)

    @property
    def type(self) -> str:
        """The type's name, as files have it."""
        return self._spec.type

    @property
    def options(self) -> dict[str, bool | int | float | str]:
        """The options, by name."""
        return self._spec.options

    @classmethod
    def _from_spec(cls, spec: _core.LayerSpec) -> Layer:
        kind = {c.__name__: c for c in (*Layer.__subclasses__(), *Cell.__subclasses__())}.get(
            spec.type, Layer
        )
        layer = kind.__new__(kind)
        layer._spec = spec
        return layer

    def __repr__(self) -> str:
        return repr(self._spec)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self.type, self.options)


def _restore(type: str, options: dict[str, bool | int | float | str]) -> Layer:
    return Layer._from_spec(_core.LayerSpec(type, options))


class Cell(Layer):
    """A recurrent cell by its registered name, run over time: (time, input_size) -> (time, hidden_size).

    Args:
        name: The name the cell declares, one of those built into the package.
        input_size: Features of the input, at least 1.
        hidden_size: Units, at least 1.
    """

    def __init__(
        self, name: str, input_size: int, hidden_size: int, **variant: bool | int | float | str
    ) -> None:
        super().__init__(
            name,
            input_size=_size(name, "input_size", input_size),
            hidden_size=_size(name, "hidden_size", hidden_size),
            **variant,
        )


class Elman(Cell):
    """Elman's simple recurrent network: h_t = phi(W x_t + R h_{t-1} + b).

    Parameters: ``weight_ih`` (hidden, input), ``weight_hh`` (hidden, hidden), ``bias`` (hidden).
    State: ``h``.
    Source: J. L. Elman, Finding structure in time, Cognitive Science 14 (1990).
    """

    def __init__(
        self, input_size: int, hidden_size: int, activation: Literal["tanh", "relu", "logistic"] = "tanh"
    ) -> None:
        if activation not in ("tanh", "relu", "logistic"):
            raise ValueError(f"Elman: activation is {activation!r}, expected 'tanh', 'relu' or 'logistic'")
        super().__init__("Elman", input_size, hidden_size, activation=activation)


class LSTM(Cell):
    """LSTM with forget gate: c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    i, f, o are logistic and g is tanh of W x_t + R h_{t-1} + b. Parameters: ``weight_ih`` (4 hidden, input),
    ``weight_hh`` (4 hidden, hidden), ``bias`` (4 hidden), gates in the order i, f, g, o. State: ``h``, ``c``.
    Source: S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997); F. Gers et al., ibid. 12 (2000).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__("LSTM", input_size, hidden_size)


class GRU(Cell):
    """Gated recurrent unit, reset after the product: n = tanh(a_n + r q), h_t = z h_{t-1} + (1 - z) n.

    q = R_q h_{t-1} + b_q has a bias of its own. Parameters: ``weight_ih`` (3 hidden, input) for r, z, n,
    ``weight_hh`` (3 hidden, hidden) for r, z, q, ``bias`` (4 hidden) for r, z, n, q. State: ``h``.
    Source: K. Cho et al., EMNLP 2014, in cuDNN's and PyTorch's form.
    """

    def __init__(self, input_size: int, hidden_size: int, reset: Literal["after"] = "after") -> None:
        if reset != "after":
            raise ValueError(f"GRU: reset is {reset!r}, expected 'after'")
        super().__init__("GRU", input_size, hidden_size, reset=reset)


class Linear(Layer):
    """y = W x + b at every step: (..., input_size) -> (..., output_size).

    Parameters: ``weight`` (output, input), ``bias`` (output).
    """

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__(
            "Linear",
            input_size=_size("Linear", "input_size", input_size),
            output_size=_size("Linear", "output_size", output_size),
        )


class Embedding(Layer):
    """A row of a table per class id: integers (time) -> (time, size). The first layer only.

    Parameter: ``weight`` (num_embeddings, size).
    """

    def __init__(self, num_embeddings: int, size: int) -> None:
        super().__init__(
            "Embedding",
            num_embeddings=_size("Embedding", "num_embeddings", num_embeddings),
            size=_size("Embedding", "size", size),
        )


class Last(Layer):
    """The last valid step of a sequence: (time, features) -> (features); zeros where there is none."""

    def __init__(self) -> None:
        super().__init__("Last")


class Mean(Layer):
    """The mean of a sequence's valid steps: (time, features) -> (features). Streams as the running mean."""

    def __init__(self) -> None:
        super().__init__("Mean")


class Dropout(Layer):
    """While training, zero elements with this probability and scale the others by 1 / (1 - probability).

    Source: N. Srivastava et al., JMLR 15 (2014).
    """

    def __init__(self, probability: float) -> None:
        if not 0 <= probability < 1:
            raise ValueError(f"Dropout: probability is {probability!r}, expected 0 <= probability < 1")
        super().__init__("Dropout", probability=float(probability))


class Tanh(Layer):
    """The hyperbolic tangent of every element."""

    def __init__(self) -> None:
        super().__init__("Tanh")


class Relu(Layer):
    """max(x, 0) of every element."""

    def __init__(self) -> None:
        super().__init__("Relu")


class Logistic(Layer):
    """1 / (1 + exp(-x)) of every element."""

    def __init__(self) -> None:
        super().__init__("Logistic")
