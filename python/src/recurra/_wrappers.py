"""Layers around layers: in a row, in both directions of time, with connections past a net or back to it."""

from __future__ import annotations

from collections.abc import Sequence

from recurra._layer import Layer, listed, size


class Bidirectional(Layer):
    """Two layers on the same sequences, one of them from each sequence's own end to its start.

    (time, features) -> (time, forward features + reverse features). Parameters and states carry ``forward.``
    and ``reverse.``. An output depends on later steps: such a network neither streams nor learns by windows.

    Args:
        forward: A layer, mostly a cell.
        reverse: The layer of the other direction; default the same description, with parameters of its own.

    Source: M. Schuster and K. K. Paliwal, IEEE Transactions on Signal Processing 45 (1997).
    """

    def __init__(self, forward: Layer, reverse: Layer | None = None) -> None:
        super().__init__("Bidirectional", forward, forward if reverse is None else reverse)


class Residual(Layer):
    """y = x + net(x), for a net of layers from some number of features to the same number.

    Parameters and states carry the number of their layer inside. Source: K. He et al., CVPR 2016.
    """

    def __init__(self, layers: Layer | Sequence[Layer]) -> None:
        super().__init__("Residual", *_inside("Residual", layers))


class Skip(Layer):
    """y = [x, net(x)]: what stands on top sees the input beside the net's output.

    Parameters and states carry the number of their layer inside. Source: G. Huang et al., CVPR 2017.
    """

    def __init__(self, layers: Layer | Sequence[Layer]) -> None:
        super().__init__("Skip", *_inside("Skip", layers))


class Chain(Layer):
    """Layers one after the other where one layer is expected: ``Bidirectional(Chain([...]))``."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__("Chain", *listed("Chain", layers))


class Feedback(Layer):
    """The outputs of a net join its input, delayed: y_t = net([x_t, y_{t-1}, ..., y_{t-delays}]).

    Zero is fed back before the first step. The net takes delays * output features more than the layer, which
    may take none at all: ``Feedback([Linear(k, 1)], delays=k)`` is the autoregressive model AR(k). Behind a
    Delay and around an MLP it is the NARX network, around a hidden layer Jordan's network.

    Networks with one Feedback take a teacher: the true outputs, fed back instead (an open loop). In a closed
    loop the net runs step by step and the gradient passes through what is fed back. State: ``y``, the last
    outputs, the latest first; then the net's states, which like its parameters carry the number of their
    layer inside.

    Args:
        layers: The net. Its first layer must know its number of inputs.
        delays: How many earlier outputs are fed back.
        fed: How many features of an output, the last ones, are fed back; default all. The others only leave,
            as a controller's beside what it read from its memory. No teacher replaces a part of an output.

    Source: M. I. Jordan, CogSci 1986; I. J. Leontaritis and S. A. Billings, Int. J. Control 41 (1985).
    """

    def __init__(self, layers: Layer | Sequence[Layer], delays: int = 1, *, fed: int | None = None) -> None:
        options = {"delays": size("Feedback", "delays", delays)}
        if fed is not None:
            options["fed"] = size("Feedback", "fed", fed)
        super().__init__("Feedback", *_inside("Feedback", layers), **options)


def _inside(owner: str, layers: Layer | Sequence[Layer]) -> list[Layer]:
    return [layers] if isinstance(layers, Layer) else listed(owner, layers)
