"""An EncoderDecoder of symbols that writes sequences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra._arrays import count, number
from recurra._batch import read_input
from recurra._decoded import Decoded
from recurra._network_base import NetworkBase
from recurra._ragged import Sequences, is_ragged, pad


class DecodeMethods(NetworkBase):
    """What a `Network` writes."""

    def decode(
        self,
        x: Sequences,
        *,
        lengths: npt.ArrayLike | None = None,
        max_length: int = 100,
        beam: int = 1,
        length_power: float = 1.0,
    ) -> list[list[Decoded]]:
        """What an EncoderDecoder of symbols writes for each sequence.

        Args:
            x: As for a call, or a list of arrays of any lengths.
            lengths: As for a call; lists know theirs.
            max_length: Of a sequence written, its end symbol included.
            beam: Hypotheses kept per sequence; 1: greedy, the likeliest symbol at each step.
            length_power: Hypotheses that have ended are ranked by log probability / length**length_power.

        Returns:
            For each sequence (a list of one if x has no batch axis) at most `beam` hypotheses, the best
            first; those that have not ended come last, and only where fewer than `beam` have.

        Raises:
            ValueError: the network does not write symbols, or as for a call.
        """
        if not self._core.num_symbols:
            raise ValueError(
                "decode: the network does not write symbols, expected an EncoderDecoder with an Embedding "
                "first in its decoder"
            )
        if is_ragged(x):
            if lengths is not None:
                raise ValueError(
                    "lengths is given, expected None: x is a list of sequences, which have their own"
                )
            x, lengths = pad("x", x)
        batch = read_input(x, lengths, self._core, self.dtype, writes=False)
        found = self._core.decode(
            batch.core(),
            count("decode: max_length", max_length, 1),
            count("decode: beam", beam, 1),
            number("decode: length_power", length_power),
        )
        return [
            [
                Decoded(np.array(symbols, np.int64), log_probability, score, ended)
                for symbols, log_probability, score, ended in hypotheses
            ]
            for hypotheses in found
        ]
