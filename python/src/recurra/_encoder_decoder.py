"""One sequence to another one of its own length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from recurra._arrays import integer
from recurra._layer import Layer, choice, listed, size
from recurra._wrappers import Chain


class EncoderDecoder(Layer):
    """An encoder reads one sequence; a decoder, which begins with the encoder's last states, writes another.

    The only layer of a network. Targets and outputs are (batch, target time, ...), with ``target_lengths=``.

    If the decoder begins with an Embedding it writes symbols: its outputs are scores of classes (train with
    cross entropy), and each step sees the class written before: the target's while it learns, its own in
    ``net.decode(x)``. A target's sequences should end with the end symbol. Otherwise it writes values: its
    outputs are its next inputs, beginning with zeros.

    Parameters carry ``encoder.``, ``decoder.`` or ``bridge.`` and the number of their layer inside.

    Args:
        encoder: The layers that read; the first one may be an Embedding.
        decoder: The layers that write; `Attention` layers among them look at the encoder's outputs.
        start: Of symbols, the class id seen first, in the range of the decoder's Embedding, often one more
            than there are outputs.
        end: Of symbols, the class that ends a sequence; None: sequences go on to the length asked for.
        bridge: None: the encoder's last states are the decoder's first ones, layer by layer, the two
            directions of a Bidirectional beside each other; they must have the same names and sizes.
            "linear": those are an affine function of all of these.

    Source: I. Sutskever et al., NIPS 2014; K. Cho et al., EMNLP 2014.
    """

    def __init__(
        self,
        encoder: Layer | Sequence[Layer],
        decoder: Layer | Sequence[Layer],
        *,
        start: int | None = None,
        end: int | None = None,
        bridge: Literal["linear"] | None = None,
    ) -> None:
        options: dict[str, int | str] = {}
        if start is not None:
            options["start"] = integer("EncoderDecoder: start", start)
        if end is not None:
            options["end"] = integer("EncoderDecoder: end", end)
        if bridge is not None:
            options["bridge"] = choice("EncoderDecoder: bridge", bridge, "linear")
        chains = [_chain("encoder", encoder), _chain("decoder", decoder)]
        listed("EncoderDecoder: encoder and decoder together", [*_as_list(encoder), *_as_list(decoder)])
        super().__init__("EncoderDecoder", *chains, **options)


def _as_list(layers: Layer | Sequence[Layer]) -> list[Layer]:
    return [layers] if isinstance(layers, Layer) else list(layers)


def _chain(name: str, layers: Layer | Sequence[Layer]) -> Chain:
    if isinstance(layers, Chain):
        return layers
    return Chain(listed(f"EncoderDecoder: {name}", _as_list(layers)))


class Attention(Layer):
    """y_t = [x_t, c_t], where the context c_t is a mean of the encoder's outputs m_s, weighted by a softmax.

    In the decoder of an EncoderDecoder: (time, features) -> (time, features + encoder's features).

    Args:
        score: "dot": x_t . m_s, for as many features as the encoder's outputs have; "additive":
            v . tanh(W_q x_t + W_k m_s + b).
        size: Units of the additive score.

    Parameters of the additive score: ``weight_query`` (size, features), ``weight_key`` (size, encoder's
    features), ``bias`` (size), ``weight_score`` (1, size).

    Source: dot: M.-T. Luong et al., EMNLP 2015; additive: D. Bahdanau et al., ICLR 2015.
    """

    def __init__(self, score: Literal["dot", "additive"] = "dot", size: int | None = None) -> None:
        choice("Attention: score", score, "dot", "additive")
        if (score == "additive") != (size is not None):
            wanted = "a number of units" if score == "additive" else "None"
            raise ValueError(f"Attention: size is {size!r}, expected {wanted} for score={score!r}")
        options = {} if size is None else {"size": _size("Attention", "size", size)}
        super().__init__("Attention", score=score, **options)


_size = size
