"""A language model of the command line's options."""

from __future__ import annotations

import argparse

from recurra._cells import ELSTM, GRU, LSTM, SLSTM, SRU, Elman, IndRNN, MinGRU, MinLSTM
from recurra._layer import Layer
from recurra._layers import Dropout, Embedding
from recurra._lm._softmax import make_softmax
from recurra._losses import Loss
from recurra._network import Network

CELLS = {
    kind.__name__.lower(): kind for kind in (LSTM, GRU, Elman, ELSTM, SRU, MinGRU, MinLSTM, IndRNN, SLSTM)
}


def make_network(options: argparse.Namespace, tokens: int) -> tuple[Network, Loss]:
    """A network for a vocabulary of so many tokens, and the loss that trains it.

    Dropout stands before every layer but the embedding, and not in time: W. Zaremba et al., arXiv:1409.2329
    (2014). Tied embeddings: O. Press and L. Wolf, EACL 2017; H. Inan et al., ICLR 2017.
    """
    width = options.hidden if options.embedding is None else options.embedding
    if options.tied and width != options.hidden:
        raise ValueError(
            f"--tied: the embedding has size {width}, expected {options.hidden}, the hidden size, as the two "
            "are one matrix"
        )
    if options.tied and options.softmax == "adaptive":
        raise ValueError("--tied is given with --softmax adaptive, expected a softmax of one matrix")
    layers: list[Layer] = [Embedding(tokens, width)]
    for _ in range(options.layers):
        layers += [*_dropout(options), CELLS[options.cell](width, options.hidden)]
        width = options.hidden
    last, loss = make_softmax(options.softmax, width, tokens)
    layers += [*_dropout(options), last]
    network = Network(layers, dtype=options.dtype, seed=options.seed)
    if options.tied:
        network.tie("0.weight", f"{len(layers) - 1}.weight")
    return network, loss


def _dropout(options: argparse.Namespace) -> list[Layer]:
    return [Dropout(options.dropout)] if options.dropout != 0 else []
