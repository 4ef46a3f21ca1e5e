"""Texts, and a model's two files: the network, and its vocabulary beside it."""

from __future__ import annotations

import os
from pathlib import Path

from recurra._network import Network, load
from recurra.text import Tokenizer, load_tokenizer


def read_text(path: str) -> str:
    """A text in UTF-8; ValueError where it is none, or is empty."""
    data = Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: byte {error.start} is not UTF-8, expected a text in UTF-8") from None
    if not text:
        raise ValueError(f"{path} is empty, expected a text")
    return text


def vocabulary_path(model: str, given: str | None = None) -> Path:
    """Where the vocabulary of a model is, if not told: lm.safetensors has lm.vocabulary.txt."""
    return Path(model.removesuffix(".safetensors") + ".vocabulary.txt") if given is None else Path(given)


def check_writable(path: str) -> None:
    """Whether a file can be written there: now, instead of after the training."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{path} is a folder, expected the name of a file")
    folder = target.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path}: the folder {folder} cannot be written to")


def save_model(network: Network, tokenizer: Tokenizer, path: str) -> None:
    """Write both files."""
    tokenizer.save(vocabulary_path(path))
    network.save(path)


def load_model(path: str, vocabulary: str | None) -> tuple[Network, Tokenizer]:
    """Read both files, which must fit each other."""
    network = load(path)
    beside = vocabulary_path(path, vocabulary)
    tokenizer = load_tokenizer(beside)
    if not network._core.takes_ids or network._core.num_ids != len(tokenizer):
        takes = (
            f"reads {network._core.num_ids} class ids" if network._core.takes_ids else "reads no class ids"
        )
        raise ValueError(f"{path}: the network {takes}, expected {len(tokenizer)}, the tokens of {beside}")
    if network.output_size != len(tokenizer):
        raise ValueError(
            f"{path}: the network has {network.output_size} outputs, expected {len(tokenizer)}, the tokens "
            f"of {beside}"
        )
    return network, tokenizer
