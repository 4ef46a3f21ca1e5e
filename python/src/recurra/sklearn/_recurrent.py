"""Cells under a head: what the estimators of sequences share."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from sklearn.utils import check_random_state  # type: ignore[import-untyped]

import recurra as rc
from recurra._arrays import FloatArray, flag
from recurra._losses import LossName
from recurra.sklearn._architecture import CellChoice, Pooling, pooling_layer, recurrent_layers
from recurra.sklearn._sequences import Sequences
from recurra.sklearn._standardization import Standardization
from recurra.sklearn._training import Trained, draw_seed, run


class Recurrent(Trained):
    """A network of cells under a head.

    Args (by keyword, beside those of `Trained`):
        cell: "lstm", "gru", "elman", ...; or what makes a layer of an input size and a hidden size, such as
            ``recurra.GRU`` or ``functools.partial(recurra.LSTM, peephole=True)``.
        hidden_size: Units of each layer (and direction).
        num_layers: Layers on top of each other.
        bidirectional: Each layer also reads the sequences from their end. Where only the last step is read
            (``pooling="last"``), the other direction has seen no more than that step.
        dropout: Probability of zeros in what leaves each layer, while training.
    """

    cell: CellChoice
    hidden_size: int
    num_layers: int
    bidirectional: bool
    dropout: float
    _input: Standardization

    def _fit_network(
        self,
        sequences: Sequences,
        y: npt.NDArray[Any],
        loss: LossName | rc.Loss,
        *,
        output_size: int,
        pooling: Pooling | None = None,
        window: int | None = None,
    ) -> None:
        """Build the network, train it, and set what `fit` leaves."""
        random = check_random_state(self.random_state)
        standardization = Standardization.of(
            sequences.values[sequences.valid], flag("standardize", self.standardize)
        )
        layers, width = recurrent_layers(
            self.cell,
            sequences.values.shape[2],
            self.hidden_size,
            self.num_layers,
            self.bidirectional,
            self.dropout,
            self.dtype,
        )
        if pooling is not None:
            layers.append(pooling_layer(pooling))
        network = rc.Network([*layers, rc.Linear(width, output_size)], self.dtype, draw_seed(random))
        x = standardization.apply(sequences.values, network.dtype)
        rule = None if window is None else rc.BPTT(window=window)
        self.history_ = self._train(network, x, y, sequences.lengths, loss, random, rule=rule)
        self.network_, self._input = network, standardization

    def _outputs(self, sequences: Sequences) -> FloatArray:
        """What the network gives for checked input."""
        x = self._input.apply(sequences.values, self.network_.dtype)
        return run(self.network_, x, sequences.lengths)
