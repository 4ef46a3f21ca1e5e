"""A long text as parallel tracks, for truncated back-propagation with the state carried on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray, count, integers


class Tracks(NamedTuple):
    """Windows of a text in the order in which batches need them; each token is the target of those before it.

    Attributes:
        x: (windows, window) ids that are read.
        y: (windows, window) those that follow them.
        lengths: (windows,) valid steps; what lies behind is 0.
    """

    x: IntArray
    y: IntArray
    lengths: IntArray


def tracks(ids: npt.ArrayLike, window: int, batch_size: int) -> Tracks:
    """Cut a text into `batch_size` tracks that are read side by side, window after window.

    Row i of batch k is window k of track i, so that ``fit(..., *tracks, batch_size=batch_size, shuffle=False,
    stateful=True)`` is truncated BPTT over the tracks, the state carried from window to window. All tokens
    but the first are predicted, each once: the last tracks and windows may be shorter, none is dropped (but
    see `consecutive_windows`, which cuts evenly). A track begins with the initial state and the last token
    of the track before it.

    Args:
        ids: (tokens,) class ids, at least 2.
        window: Steps between two updates, at least 1.
        batch_size: Tracks, at least 1; to be the `batch_size` of `fit`.

    Source: T. Mikolov et al., Interspeech 2010, and W. Zaremba et al., arXiv:1409.2329 (2014), train so.
    """
    text = read_text("tracks: ids", ids)
    window, batch_size = count("tracks: window", window, 1), count("tracks: batch_size", batch_size, 1)
    predictions = len(text) - 1
    steps = -(-predictions // batch_size)  # of the longest track
    windows = -(-steps // window)
    ends = np.minimum(np.arange(1, batch_size + 1) * steps, predictions)
    begins = np.minimum(np.arange(batch_size) * steps, predictions)
    lengths = np.clip((ends - begins) - np.arange(windows)[:, np.newaxis] * window, 0, window)

    def cut(values: IntArray) -> IntArray:
        laid = np.zeros((windows, batch_size, window), np.int64)
        flat = np.zeros(batch_size * steps, np.int64)
        flat[:predictions] = values
        padded = np.zeros((batch_size, windows * window), np.int64)
        padded[:, :steps] = flat.reshape(batch_size, steps)
        laid[:] = padded.reshape(batch_size, windows, window).swapaxes(0, 1)
        return laid.reshape(-1, window)

    return Tracks(cut(text[:-1]), cut(text[1:]), lengths.reshape(-1))


def read_text(name: str, ids: npt.ArrayLike) -> IntArray:
    """(tokens,) int64, at least one token to predict."""
    array = integers(name, ids)
    if array.ndim != 1 or len(array) < 2:
        raise ValueError(f"{name} has shape {array.shape}, expected (tokens,), at least 2")
    return array
