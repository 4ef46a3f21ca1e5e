"""How well a network predicts a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray, count
from recurra._fit import evaluate
from recurra._network import Network
from recurra._ragged import is_ragged
from recurra.text._tracks import read_text, tracks


def perplexity(
    network: Network,
    ids: npt.ArrayLike | Sequence[npt.NDArray[Any]],
    *,
    window: int = 256,
    batch_size: int = 1,
) -> float:
    """Exp of the mean of -log p(token given all before it), over all tokens but the first.

    The state is carried through the whole text, in memory that does not grow with it.

    Args:
        network: It reads ids and has an output, a logit, for each.
        ids: (tokens,) class ids, one text that is read from its beginning; or a list of such arrays, texts
            that have nothing to do with each other: each begins with the initial state, and its own first
            token is not predicted.
        window: Steps that are made at once. The result does not depend on it.
        batch_size: One text: in so many parts side by side, which is faster, but each part begins with the
            initial state. A list: texts of at most `window` steps that are read at once.

    Raises:
        ValueError, TypeError: ids that the network does not know, or fewer than 2 of a text.
    """
    if not isinstance(network, Network):
        raise TypeError(f"perplexity: network is a {type(network).__name__}, expected a recurra.Network")
    if network._core.looks_ahead or network._core.pools:
        what = "looks ahead" if network._core.looks_ahead else "pools over time"
        raise ValueError(
            f"perplexity: the network {what}, expected an output of each step from the steps before it"
        )
    window = count("perplexity: window", window, 1)
    batch_size = count("perplexity: batch_size", batch_size, 1)
    if not is_ragged(ids):
        found = _of_text(network, read_text("perplexity: ids", ids), window, batch_size)
    else:
        texts = [read_text(f"perplexity: ids[{i}]", text) for i, text in enumerate(ids)]
        found = _of_texts(network, texts, window, batch_size)
    with np.errstate(over="ignore"):
        return float(np.exp(found))


def _of_text(network: Network, text: IntArray, window: int, batch_size: int) -> float:
    x, y, lengths = tracks(text, min(window, -(-(len(text) - 1) // batch_size)), batch_size)
    return evaluate(
        network, x, y, loss="cross_entropy", lengths=lengths, batch_size=batch_size, stateful=True
    )


def _of_texts(network: Network, texts: Sequence[IntArray], window: int, batch_size: int) -> float:
    short = [text for text in texts if len(text) <= window + 1]
    total = 0.0
    if short:
        x, y = [text[:-1] for text in short], [text[1:] for text in short]
        loss = evaluate(network, x, y, loss="cross_entropy", batch_size=batch_size)
        total = loss * sum(map(len, y))
    for text in texts:
        if len(text) > window + 1:
            total += _of_text(network, text, window, 1) * (len(text) - 1)
    return total / sum(len(text) - 1 for text in texts)
