"""How a language model makes probabilities of its last hidden layer: one place that knows the ways."""

from __future__ import annotations

from recurra._layer import Layer
from recurra._layers import Linear
from recurra._losses import CrossEntropy, Loss

SOFTMAXES = ("full",)


def make_softmax(kind: str, inputs: int, tokens: int) -> tuple[Layer, Loss]:
    """The last layer, whose outputs score each token, and the loss that trains it."""
    if kind != "full":
        raise ValueError(f"softmax is {kind!r}, expected one of {', '.join(map(repr, SOFTMAXES))}")
    return Linear(inputs, tokens), CrossEntropy()
