"""Layers without recurrence."""

from __future__ import annotations

from recurra._arrays import count, flag
from recurra._layer import Layer
from recurra._layer import probability as _probability
from recurra._layer import size as _size


class Linear(Layer):
    """y = W x + b at every step: (..., input_size) -> (..., output_size).

    Parameters: ``weight`` (output, input), ``bias`` (output), which `bias` may leave out.
    """

    def __init__(self, input_size: int, output_size: int, *, bias: bool = True) -> None:
        options: dict[str, bool] = {} if flag("Linear: bias", bias) else {"bias": False}
        super().__init__(
            "Linear",
            input_size=_size("Linear", "input_size", input_size),
            output_size=_size("Linear", "output_size", output_size),
            **options,
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


class Max(Layer):
    """The maximum of a sequence's valid steps, feature by feature: (time, features) -> (features).

    Zeros where there is no step. The gradient goes to the first step that has the maximum. Streams as the
    running maximum.
    """

    def __init__(self) -> None:
        super().__init__("Max")


class Delay(Layer):
    """A tapped delay line: y_t = [x_t, x_{t-d}, ..., x_{t-steps*d}], zero before the first step.

    (time, features) -> (time, (steps + 1) * features), the latest first. With a Linear layer behind it, one
    layer of a time-delay network, which is a dilated convolution over time. State: ``x``, the inputs of the
    last steps * dilation steps.

    Args:
        steps: How many earlier inputs; 0: none, the input as it is.
        dilation: How many steps they are apart, d.
        present: Whether x_t is among them.
        input_size: Features of x; needed where no layer before it tells, as in the first layer of a network
            or of a Feedback.

    Source: A. Waibel et al., IEEE Transactions on ASSP 37 (1989).
    """

    def __init__(
        self, steps: int, *, dilation: int = 1, present: bool = True, input_size: int | None = None
    ) -> None:
        options: dict[str, bool | int] = {"steps": count("Delay: steps", steps, 0, 2**62)}
        if _size("Delay", "dilation", dilation) != 1:
            options["dilation"] = dilation
        if not flag("Delay: present", present):
            options["present"] = False
        if input_size is not None:
            options["input_size"] = _size("Delay", "input_size", input_size)
        super().__init__("Delay", **options)


class Dropout(Layer):
    """While training, zero elements with this probability and scale the others by 1 / (1 - probability).

    Args:
        probability: 0 <= probability < 1.
        per_sequence: One mask for all steps of a sequence (variational dropout) instead of one per step.

    Source: N. Srivastava et al., JMLR 15 (2014); per sequence: Y. Gal and Z. Ghahramani, NIPS 2016.
    """

    def __init__(self, probability: float, *, per_sequence: bool = False) -> None:
        options = {"per_sequence": True} if flag("Dropout: per_sequence", per_sequence) else {}
        checked = _probability("Dropout", "probability", probability)
        super().__init__("Dropout", probability=checked, **options)


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
