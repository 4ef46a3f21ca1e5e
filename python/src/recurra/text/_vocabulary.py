"""Which tokens a vocabulary has, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from recurra._arrays import count

UNKNOWN, END = "<unk>", "<eos>"
SPECIAL = (UNKNOWN, END)  # their ids are 0 and 1


def most_frequent(counts: Counter[str], min_count: int = 1, max_size: int | None = None) -> list[str]:
    """The special tokens, then the others, the most frequent first; equally frequent ones by code points.

    Args:
        counts: How often each token was seen.
        min_count: How often a token must have been seen.
        max_size: The most tokens of the vocabulary, with the special ones. None: no limit.
    """
    least = count("build: min_count", min_count, 1)
    if max_size is not None:
        max_size = count("build: max_size", max_size, len(SPECIAL) + 1)
    seen = [token for token, times in counts.items() if times >= least and token not in SPECIAL]
    seen.sort(key=lambda token: (-counts[token], token))
    return [*SPECIAL, *seen][:max_size]


def check_tokens(tokens: Sequence[str]) -> tuple[str, ...]:
    """`tokens`, if they begin with the special ones and none is there twice."""
    if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
        raise TypeError(f"tokens is {tokens!r:.60}, expected a sequence of strings")
    found = tuple(tokens)
    if found[: len(SPECIAL)] != SPECIAL:
        raise ValueError(f"tokens begins with {found[:2]}, expected {SPECIAL}")
    places: dict[str, int] = {}
    for i, token in enumerate(found):
        if places.setdefault(token, i) != i:
            raise ValueError(f"tokens[{i}] is {token!r}, expected another than tokens[{places[token]}]")
    return found
