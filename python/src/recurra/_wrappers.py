"""Layers around layers: both directions in time, and connections past a net."""

from __future__ import annotations

from collections.abc import Sequence

from recurra._layer import Layer, listed


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


def _inside(owner: str, layers: Layer | Sequence[Layer]) -> list[Layer]:
    return [layers] if isinstance(layers, Layer) else listed(owner, layers)
