"""How a language model makes probabilities of its last hidden layer: one place that knows the ways."""

from __future__ import annotations

from recurra._adaptive_softmax import AdaptiveSoftmax
from recurra._layer import Layer
from recurra._layers import Linear
from recurra._losses import CrossEntropy, Loss, SampledSoftmax

SOFTMAXES = ("full", "sampled", "adaptive")
SAMPLES = 1024


def make_softmax(kind: str, inputs: int, tokens: int) -> tuple[Layer, Loss]:
    """The last layer, whose outputs score each token, and the loss that trains it.

    The adaptive one gives whole scores to a twentieth of the tokens, the most frequent ones, smaller ones to
    the next fifth, and the smallest to the rest.
    """
    if kind == "full":
        return Linear(inputs, tokens), CrossEntropy()
    if kind == "sampled":
        return Linear(inputs, tokens), SampledSoftmax(SAMPLES)
    if kind != "adaptive":
        raise ValueError(f"softmax is {kind!r}, expected one of {', '.join(map(repr, SOFTMAXES))}")
    least = 20
    if tokens < least or inputs < 16:
        raise ValueError(
            f"--softmax adaptive: {tokens} tokens and {inputs} units, expected at least {least} and 16"
        )
    return AdaptiveSoftmax(inputs, tokens, (tokens // 20, tokens // 4)), CrossEntropy()
