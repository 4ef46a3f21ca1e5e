"""A text to learn from, its part for validation, and the vocabulary of both."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from recurra._arrays import IntArray
from recurra._lm._files import read_text
from recurra.text import Tokenizer, load_tokenizer
from recurra.text._tokenizers import LEVELS


@dataclass(frozen=True)
class Corpus:
    """Texts as ids; each begins with the end of a line, so that every token is predicted."""

    tokenizer: Tokenizer
    training: IntArray
    validation: IntArray | None


def read_corpus(options: argparse.Namespace) -> Corpus:
    """What the options name. The vocabulary is that of the part that is learned from."""
    text = read_text(options.text)
    held_out = ""
    if options.validation_file is not None:
        held_out = read_text(options.validation_file)
    elif options.validation != 0:
        text, held_out = split_text(text, options.validation)
    tokenizer = _tokenizer(options, text)
    return Corpus(
        tokenizer,
        tokenizer.encode(text, start=True),
        tokenizer.encode(held_out, start=True) if held_out else None,
    )


def split_text(text: str, fraction: float) -> tuple[str, str]:
    """The first lines, and the last ones, which are about this fraction of the text."""
    if not 0 < fraction < 1:
        raise ValueError(f"--validation is {fraction}, expected 0 <= fraction < 1")
    cut = text.find("\n", round(len(text) * (1 - fraction))) + 1
    if cut in (0, len(text)):  # no line ends there: in the middle of one
        cut = round(len(text) * (1 - fraction))
    if not 0 < cut < len(text):
        raise ValueError(f"--validation is {fraction} of {len(text)} characters, expected some on each side")
    return text[:cut], text[cut:]


def _tokenizer(options: argparse.Namespace, text: str) -> Tokenizer:
    if options.vocabulary is None:
        return LEVELS[options.level].build(
            text, min_count=options.min_count, max_size=options.max_size, lowercase=options.lowercase
        )
    for name, given in (
        ("--lowercase", options.lowercase),
        ("--min-count", options.min_count != 1),
        ("--max-size", options.max_size is not None),
    ):
        if given:
            raise ValueError(f"{name} is given with --vocabulary, expected it without: the file decides")
    tokenizer = load_tokenizer(options.vocabulary)
    if tokenizer.level != options.level:
        raise ValueError(f"{options.vocabulary} has level {tokenizer.level}, expected {options.level}")
    return tokenizer
