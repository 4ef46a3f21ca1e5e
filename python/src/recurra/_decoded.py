"""What an encoder and decoder write."""

from __future__ import annotations

from dataclasses import dataclass

from recurra._arrays import IntArray


@dataclass
class Decoded:
    """A sequence of symbols and how likely it is."""

    symbols: IntArray
    """(steps,) class ids, without the end symbol."""
    log_probability: float
    """Of all of them, the end symbol included."""
    score: float
    """What it was ranked by: log_probability / length**length_power, the end symbol counted."""
    ended: bool
    """Whether the end symbol came, before `max_length`."""
