"""Trees as text: the bracketed parse trees of the Stanford Sentiment Treebank and of the Penn Treebank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray
from recurra._forest import Forest

# Spaces of ASCII alone: there are words with a non-breaking space in them, such as "1 1/2" of the treebanks.
_TOKEN = re.compile(r"[()]|[^\s()]+", re.ASCII)
_UNWRITABLE = re.compile(r"[\s()]", re.ASCII)


@dataclass(frozen=True)
class Brackets:
    """Trees that were read from text.

    Attributes:
        forest: The trees; nodes in the order of their opening brackets, slots in that of the children.
        labels: (nodes,) what follows each opening bracket, "" if that is another one.
        words: (nodes,) the word of a node that has one, None elsewhere.
    """

    forest: Forest
    labels: list[str]
    words: list[str | None]

    def to_brackets(self) -> list[str]:
        """The text of each tree, on one line, with single spaces."""
        return write_brackets(self.forest, self.labels, self.words)


class _Reader:
    """The nodes read so far, of all trees, and the node above each."""

    def __init__(self) -> None:
        self.parents: list[int] = []
        self.slots: list[int] = []
        self.labels: list[str] = []
        self.words: list[str | None] = []

    def read(self, name: str, text: str) -> None:
        """One tree. What is open is the path from the last node to the root, so there is no recursion."""
        first, node, opened = len(self.parents), -1, False
        children: list[int] = []  # of each open node
        starts: list[int] = []  # where each open node's bracket stands
        for found in _TOKEN.finditer(text):
            token, here = found.group(), f"{name}, position {found.start()}"
            if node < 0 and (token != "(" or len(self.parents) > first):
                place = "behind the end of the tree" if len(self.parents) > first else "before the tree"
                raise ValueError(f"{here}: {token!r} {place}, expected one tree in brackets")
            if token == "(":
                if node >= 0 and self.words[node] is not None:
                    raise ValueError(f"{here}: '(' behind the word {self.words[node]!r}, expected ')'")
                self.parents.append(node)
                self.slots.append(children[-1] if children else 0)
                if children:
                    children[-1] += 1
                self.labels.append("")
                self.words.append(None)
                node = len(self.parents) - 1
                children.append(0)
                starts.append(found.start())
                opened = True
            elif token == ")":
                if opened:
                    raise ValueError(f"{here}: empty brackets, expected a label, a word or children in them")
                node = self.parents[node]
                children.pop()
                starts.pop()
            elif opened:
                self.labels[node], opened = token, False
            elif children[-1]:
                raise ValueError(f"{here}: the word {token!r} behind children, expected '(' or ')'")
            elif self.words[node] is not None:
                raise ValueError(f"{here}: {token!r} behind the word {self.words[node]!r}, expected ')'")
            else:
                self.words[node] = token
        if starts:
            raise ValueError(
                f"{name}, position {starts[-1]}: '(' is never closed, expected {len(starts)} more ')'"
            )
        if len(self.parents) == first:
            raise ValueError(f"{name} is {text[:40]!r}, expected a tree in brackets")


def read_brackets(text: str | Sequence[str]) -> Brackets:
    """What `Forest.from_brackets` gives."""
    reader = _Reader()
    if isinstance(text, str):
        reader.read("Forest.from_brackets: text", text)
    elif not isinstance(text, Iterable):
        raise TypeError(
            f"Forest.from_brackets: text is a {type(text).__name__}, expected a string or a list of strings"
        )
    else:
        for number, one in enumerate(text):
            if not isinstance(one, str):
                raise TypeError(f"Forest.from_brackets: text[{number}] is {one!r}, expected a string")
            reader.read(f"Forest.from_brackets: text[{number}]", one)
    return Brackets(Forest(reader.parents, reader.slots), reader.labels, reader.words)


def write_brackets(
    forest: Forest, labels: Sequence[object] | npt.NDArray[Any], words: Sequence[str | None] | None = None
) -> list[str]:
    """What `Forest.to_brackets` gives."""
    for name, values in (("labels", labels), ("words", words)):
        if values is not None and len(values) != forest.num_nodes:
            raise ValueError(
                f"Forest.to_brackets: {name} has length {len(values)}, "
                f"expected {forest.num_nodes}, one per node"
            )
    children = _children(forest)
    lines = []
    for root in forest.roots:
        parts: list[str] = []
        left: list[int | None] = [int(root)]  # nodes that are still to be written; None: a closing bracket
        while left:
            node = left.pop()
            if node is None:
                parts.append(")")
                continue
            below = children[node]
            word = None if words is None else words[node]
            parts.append(_opened(node, str(labels[node]), word, bool(below)))
            left.append(None)
            left.extend(reversed(below))
        lines.append("".join(parts).lstrip())
    return lines


def _children(forest: Forest) -> list[list[int]]:
    """Of each node, in order."""
    parents, slots = forest.parents, forest.slots
    order: IntArray = np.arange(forest.num_edges) if slots is None else np.argsort(slots, kind="stable")
    children: list[list[int]] = [[] for _ in range(parents.size)]
    for edge in order:
        node, place = int(forest.target[edge]), len(children[forest.target[edge]])
        if slots is not None and slots[edge] != place:
            raise ValueError(
                f"Forest.to_brackets: slot {place} of node {node} is empty, "
                "expected children in the first slots"
            )
        children[node].append(int(forest.source[edge]))
    return children


def _opened(node: int, label: str, word: str | None, has_children: bool) -> str:
    """A node up to its first child, with the space before it."""
    for name, token in (("labels", label), ("words", word)):
        if token is not None and _UNWRITABLE.search(token):
            raise ValueError(f"Forest.to_brackets: {name}[{node}] is {token!r}, expected no space or bracket")
    if word is not None and has_children:
        raise ValueError(
            f"Forest.to_brackets: words[{node}] is {word!r}, expected None: the node has children"
        )
    if word == "" or (label == "" and not has_children):
        name = "words" if word == "" else "labels"
        raise ValueError(f"Forest.to_brackets: {name}[{node}] is '', expected some text")
    return f" ({label}" if word is None else f" ({label} {word}"
