"""Token by token, as the first recurrent language models were trained."""

from __future__ import annotations

import argparse
import math
import time

from recurra._lm._corpus import Corpus
from recurra._lm._progress import PerplexityProgress
from recurra._losses import Loss
from recurra._network import Network
from recurra._online import Online
from recurra._optimizers import SGD
from recurra._rules import BPTT
from recurra.text import learn_online, perplexity

RATE, ENOUGH = 0.1, 1.003  # ENOUGH: by so much must an epoch make the loss smaller


def train_online(network: Network, loss: Loss, corpus: Corpus, options: argparse.Namespace) -> bool:
    """SGD after every token; whether it was interrupted.

    The rate stays until an epoch improves the validation loss too little; then every epoch halves it, until
    one improves too little again. The network keeps its best epoch (not after Ctrl-C). Without validation
    the rate stays.

    Source: T. Mikolov et al., Interspeech 2010.
    """
    tokens = len(corpus.training) - 1
    shown = PerplexityProgress(options.epochs, not options.quiet and options.epochs > 0, tokens)
    rate = RATE if options.learning_rate is None else options.learning_rate
    best, kept, halving, interrupted = math.inf, network.flat.copy(), False, False
    try:
        for epoch in range(options.epochs):
            start = time.perf_counter()
            learned = _epoch(network, loss, corpus, options, rate, epoch, shown)
            found = math.nan
            if corpus.validation is not None:
                found = math.log(perplexity(network, corpus.validation))
            shown.epoch(epoch, learned, found, time.perf_counter() - start)
            if math.isnan(found):
                continue
            if math.isinf(found) and math.isinf(best):
                raise OverflowError(
                    "--online: the validation perplexity is inf, expected a finite one; "
                    "lower the learning rate or clip"
                )
            enough = found * ENOUGH <= best
            if found < best:
                best, kept = found, network.flat.copy()
            if halving and not enough:
                break
            halving = halving or not enough
            rate = rate / 2 if halving else rate
    except KeyboardInterrupt:
        interrupted = True
    finally:
        shown.close(interrupted)
    if math.isfinite(best) and not interrupted:
        network.flat[:] = kept
    return interrupted


def _epoch(
    network: Network,
    loss: Loss,
    corpus: Corpus,
    options: argparse.Namespace,
    rate: float,
    epoch: int,
    shown: PerplexityProgress,
) -> float:
    learner = Online(network, BPTT(options.window), loss, SGD(rate), clip_norm=options.clip or None)
    tokens = len(corpus.training) - 1

    def report(done: int, mean: float) -> None:
        shown.batch(epoch, done, tokens, mean)

    return learn_online(learner, corpus.training, report if shown.wants_batches else None)
