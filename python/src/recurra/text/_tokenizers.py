"""Text as class ids, and back."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray, flag, integers
from recurra.text import _vocabulary_file
from recurra.text._vocabulary import END, check_tokens, most_frequent


class Tokenizer(ABC):
    """A vocabulary and what its tokens are: characters or words.

    Id 0 is ``<unk>``, a token that the vocabulary does not have; id 1 is ``<eos>``, the end of a line.

    Args:
        tokens: All of them in the order of their ids, beginning with ``<unk>`` and ``<eos>``.
        lowercase: Whether text is put into lower case first.

    Raises:
        ValueError, TypeError: a token is there twice, or is not of this level.
    """

    level: ClassVar[str]
    unknown: ClassVar[int] = 0
    end: ClassVar[int] = 1

    def __init__(self, tokens: Sequence[str], *, lowercase: bool = False) -> None:
        self._tokens = check_tokens(tokens)
        for i, token in enumerate(self._tokens[2:], 2):
            self._check(f"tokens[{i}]", token)
        self._lowercase = flag(f"{type(self).__name__}: lowercase", lowercase)
        self._ids = {token: i for i, token in enumerate(self._tokens)}

    @classmethod
    def build(
        cls,
        text: str | Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        lowercase: bool = False,
    ) -> Self:
        """A vocabulary of the tokens of a text, the most frequent first.

        Args:
            text: All of it, or parts that are read one after the other, such as the lines of a file.
            min_count: How often a token must occur to be there.
            max_size: The most tokens, ``<unk>`` and ``<eos>`` among them. None: no limit.
            lowercase: Put text into lower case, now and always.
        """
        counts: Counter[str] = Counter()
        lower = flag("build: lowercase", lowercase)
        for part in [text] if isinstance(text, str) else text:
            counts.update(token for token in cls._split(_text("build", part, lower)))
        return cls(most_frequent(counts, min_count, max_size), lowercase=lower)

    @property
    def tokens(self) -> tuple[str, ...]:
        """In the order of their ids."""
        return self._tokens

    @property
    def lowercase(self) -> bool:
        """Whether text is put into lower case first."""
        return self._lowercase

    def __len__(self) -> int:
        return len(self._tokens)

    def encode(self, text: str, *, start: bool = False) -> IntArray:
        """The ids of a text, (tokens,) int64.

        Args:
            text: What to read. Every line feed is an ``<eos>``.
            start: Put an ``<eos>`` in front, so that what comes first is predicted as the first of a line.
        """
        tokens = self._split(_text("encode", text, self._lowercase))
        ids = np.fromiter((self._ids.get(token, self.unknown) for token in tokens), np.int64)
        return np.concatenate([[self.end], ids]) if flag("encode: start", start) else ids

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text that has these ids, (tokens,) integers; an ``<eos>`` becomes a line feed."""
        array = integers("decode: ids", ids) if np.size(ids) else np.empty(np.shape(ids), np.int64)
        if array.ndim != 1:
            raise ValueError(f"decode: ids has shape {array.shape}, expected (tokens,)")
        wrong = np.flatnonzero((array < 0) | (array >= len(self)))
        if wrong.size:
            raise ValueError(f"decode: ids[{wrong[0]}] is {array[wrong[0]]}, expected 0 .. {len(self) - 1}")
        return self._join(array)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a vocabulary file, whole or not at all: UTF-8, a token per line."""
        content = _vocabulary_file.VocabularyFile(self.level, self._lowercase, self._tokens)
        _vocabulary_file.write(path, content)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tokenizer):
            return NotImplemented
        return (self.level, self._lowercase, self._tokens) == (other.level, other._lowercase, other._tokens)

    def __hash__(self) -> int:
        return hash((self.level, self._lowercase, self._tokens))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} tokens{', lowercase' * self._lowercase})"

    @staticmethod
    @abstractmethod
    def _split(text: str) -> Iterator[str]:
        """The tokens of a text."""

    @staticmethod
    @abstractmethod
    def _check(name: str, token: str) -> None:
        """Raise ValueError unless it can be a token."""

    @abstractmethod
    def _join(self, ids: IntArray) -> str:
        """The text of valid ids."""


class CharTokenizer(Tokenizer):
    """Text by characters, that is by code points: ``decode(encode(text)) == text`` for known ones.

    An unknown character is decoded as U+FFFD.
    """

    level = "char"

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        return (END if character == "\n" else character for character in text)

    @staticmethod
    def _check(name: str, token: str) -> None:
        if len(token) != 1 or token == "\n":
            raise ValueError(f"CharTokenizer: {name} is {token!r}, expected one character, no line feed")

    def _join(self, ids: IntArray) -> str:
        special = {self.unknown: "\ufffd", self.end: "\n"}
        return "".join(special.get(i) or self._tokens[i] for i in ids.tolist())


class WordTokenizer(Tokenizer):
    """Text by what stands between blanks of any kind; punctuation is a word only if blanks stand around it.

    ``decode`` puts one blank between words, so runs of blanks are lost. A word ``<unk>`` or ``<eos>`` of a
    text is that token.
    """

    level = "word"

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        for i, line in enumerate(text.split("\n")):
            if i > 0:
                yield END
            yield from line.split()

    @staticmethod
    def _check(name: str, token: str) -> None:
        if token.split() != [token]:
            raise ValueError(f"WordTokenizer: {name} is {token!r}, expected a word without blanks")

    def _join(self, ids: IntArray) -> str:
        ends = np.flatnonzero(ids == self.end)
        lines = np.split(ids, ends)
        kept = [line if i == 0 else line[1:] for i, line in enumerate(lines)]
        return "\n".join(" ".join(self._tokens[i] for i in line.tolist()) for line in kept)


LEVELS: dict[str, type[Tokenizer]] = {kind.level: kind for kind in (CharTokenizer, WordTokenizer)}


def load_tokenizer(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer whose vocabulary is in a file.

    Raises:
        OSError: the file cannot be opened or read.
        RuntimeError: it is no vocabulary file, or damaged.
    """
    content = _vocabulary_file.read(path)
    if content.level not in LEVELS:
        known = " or ".join(LEVELS)
        raise RuntimeError(f"load: {os.fspath(path)}: level is {content.level!r}, expected {known}")
    try:
        return LEVELS[content.level](content.tokens, lowercase=content.lowercase)
    except ValueError as error:
        raise RuntimeError(f"load: {os.fspath(path)}: {error}") from None


def _text(function: str, text: object, lowercase: bool) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{function}: text is a {type(text).__name__}, expected a string")
    return text.lower() if lowercase else text
