"""``lm sample``: let a model write."""

from __future__ import annotations

import argparse

import numpy as np

from recurra._arrays import count
from recurra._lm._files import load_model


def run(options: argparse.Namespace) -> int:
    """Print the samples, each with its prompt, and a line's end behind each; the exit status."""
    network, tokenizer = load_model(options.model, options.vocabulary)
    rows = count("--count", options.count, 1)
    prompt = tokenizer.encode(options.prompt, start=True)
    drawn = network.generate(
        np.tile(prompt, (rows, 1)),
        options.length,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
    )
    for row in drawn:
        print(tokenizer.decode(np.concatenate([prompt[1:], row])))
    return 0
