"""``lm score``: how well a model predicts a text."""

from __future__ import annotations

import argparse
import math

import numpy as np

from recurra._lm._files import load_model, read_text
from recurra._lm._progress import perplexity_of
from recurra._lm._train_online import RATE
from recurra._online import Online
from recurra._optimizers import SGD
from recurra._rules import BPTT
from recurra.text import learn_online, perplexity


def run(options: argparse.Namespace) -> int:
    """Print the perplexity; the exit status."""
    if not options.dynamic and options.learning_rate is not None:
        raise ValueError("--learning-rate is given without --dynamic, expected it with --dynamic")
    network, tokenizer = load_model(options.model, options.vocabulary)
    ids = tokenizer.encode(read_text(options.text), start=True)
    if options.dynamic:
        rate = RATE if options.learning_rate is None else options.learning_rate
        learner = Online(
            network, BPTT(options.window), "cross_entropy", SGD(rate), clip_norm=options.clip or None
        )
        found = perplexity_of(learn_online(learner, ids))
    else:
        found = perplexity(network, ids)
    if options.quiet:
        print(f"{found:.6g}")
        return 0
    unknown = int(np.sum(ids[1:] == tokenizer.unknown))
    print(f"tokens {len(ids) - 1} ({unknown} unknown)")
    print(f"cross entropy {math.log(found):.4f} nats, {math.log2(found):.4f} bits per token")
    print(f"perplexity {found:.4f}")
    return 0
