"""ListOps: expressions of digits, such as [MAX 2 9 [MIN 4 7 ] 0 ], their values, and how they are written.

Drawn as the published ones (N. Nangia and S. R. Bowman, NAACL student workshop 2018): an argument is with a
probability of a quarter an operator, which has 2 to 5 arguments, and otherwise a digit; operators stand at
most 19 deep; no expression comes twice. A median of an even number of values is the mean of the two in the
middle, rounded down.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from typing import TypeAlias

from studies.trees import Tree

# A digit, or an operator and its arguments
Expression: TypeAlias = "int | tuple[int, tuple[Expression, ...]]"

VALUES = 10
OPERATORS: tuple[tuple[str, Callable[[Sequence[int]], int]], ...] = (
    ("[MIN", min),
    ("[MAX", max),
    ("[MED", lambda values: int(statistics.median(values))),
    ("[SM", lambda values: sum(values) % VALUES),
)
END = VALUES + len(OPERATORS)
SYMBOLS = (*map(str, range(VALUES)), *(name for name, _ in OPERATORS), "]")
MORE, LAST = END, END + 1  # labels of the inner nodes of a binary tree: another argument; the last one
LABELS = LAST + 1

NESTED, MAX_ARGUMENTS, MAX_DEPTH = 0.25, 5, 20
LONGEST = 100  # symbols


def draw(rng: random.Random, depth: int = 1) -> Expression:
    """An expression, most often a digit."""
    if depth == MAX_DEPTH or rng.random() >= NESTED:
        return rng.randrange(VALUES)
    count = rng.randint(2, MAX_ARGUMENTS)
    arguments = tuple(draw(rng, depth + 1) for _ in range(count))
    return rng.randrange(len(OPERATORS)), arguments


def draw_distinct(count: int, seed: int, longest: int = LONGEST) -> list[Expression]:
    """Expressions with an operator and at most so many symbols, no two alike."""
    rng = random.Random(seed)
    drawn: dict[Expression, None] = {}
    while len(drawn) < count:
        expression = draw(rng)
        if isinstance(expression, tuple) and length(expression) <= longest:
            drawn[expression] = None
    return list(drawn)


def length(expression: Expression) -> int:
    """Number of symbols."""
    return 1 if isinstance(expression, int) else 2 + sum(map(length, expression[1]))


def depth(expression: Expression) -> int:
    """How many operators stand inside one another."""
    return 0 if isinstance(expression, int) else 1 + max(map(depth, expression[1]))


def value(expression: Expression) -> int:
    """The digit that it comes to."""
    if isinstance(expression, int):
        return expression
    operator, arguments = expression
    return OPERATORS[operator][1]([value(argument) for argument in arguments])


def write(expression: Expression) -> list[int]:
    """The ids of its symbols."""
    if isinstance(expression, int):
        return [expression]
    operator, arguments = expression
    return [VALUES + operator, *(symbol for argument in arguments for symbol in write(argument)), END]


def spell(symbols: Sequence[int]) -> str:
    """Symbols to be read by people."""
    return " ".join(SYMBOLS[symbol] for symbol in symbols)


def operator_tree(expression: Expression) -> Tree:
    """An operator's node is above those of its arguments."""
    tree = Tree()

    def grow(part: Expression, parent: int, slot: int) -> None:
        if isinstance(part, int):
            tree.add(part, parent, slot)
            return
        operator, arguments = part
        node = tree.add(VALUES + operator, parent, slot)
        for place, argument in enumerate(arguments):
            grow(argument, node, place)

    grow(expression, -1, 0)
    return tree


def binary_tree(expression: Expression) -> Tree:
    """As published: an operator takes one argument after the other, ((([MAX 2) 9) 4) for [MAX 2 9 4 ]."""
    tree = Tree()

    def grow(part: Expression, parent: int, slot: int) -> None:
        if isinstance(part, int):
            tree.add(part, parent, slot)
            return
        operator, arguments = part
        label = LAST
        for argument in reversed(arguments):
            node = tree.add(label, parent, slot)
            grow(argument, node, 1)
            parent, slot, label = node, 0, MORE
        tree.add(VALUES + operator, parent, slot)

    grow(expression, -1, 0)
    return tree
