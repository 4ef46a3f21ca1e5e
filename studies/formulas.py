"""Formulas of propositional logic, what they say of one another, and how they are written.

Pairs are drawn as for the published sets (S. R. Bowman et al., CoCo at NIPS 2015; in the way of the generator
that comes with Y. Shen et al., ICLR 2019): four of six variables for both formulas; a formula is a variable,
or "and" or "or" of two formulas that may be half as large, and may be negated. Those that hold always or
never are left out. The relation follows from the sets of worlds, assignments of all six variables, where the
formulas hold.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

from studies.trees import Tree

# A variable; NOT and a formula; AND or OR and two
Formula: TypeAlias = "int | tuple[int, Formula] | tuple[int, Formula, Formula]"

Pair: TypeAlias = "tuple[Formula, Formula]"

VARIABLES, IN_A_PAIR = 6, 4
AND, OR, NOT = range(VARIABLES, VARIABLES + 3)
SYMBOLS = ("a", "b", "c", "d", "e", "f", "and", "or", "not", "(", ")", ";")
OPENED, CLOSED, NEXT = range(9, 12)
ROOT = 9  # the label of the node above both formulas of a pair, in trees, which have no brackets
LABELS = 10

LARGEST = 12  # a formula's size at the top, halved at every step down; one of size 1 is a variable
BINARY, NEGATED = 4 / 9, 1 / 3

WORLDS = 1 << VARIABLES  # world w has variable k where bit k of w is set
EVERYWHERE = (1 << WORLDS) - 1
HOLDS = tuple(sum(1 << w for w in range(WORLDS) if w >> k & 1) for k in range(VARIABLES))

# B. MacCartney and C. Manning's relations
RELATIONS = ("equivalence", "entails", "is entailed", "negation", "alternation", "cover", "independence")
EQUIVALENT, ENTAILS, ENTAILED, NEGATION, ALTERNATION, COVER, INDEPENDENT = range(7)


def worlds(formula: Formula) -> int:
    """Where it holds, bit w for world w."""
    if isinstance(formula, int):
        return HOLDS[formula]
    first = worlds(formula[1])
    if len(formula) == 2:
        return EVERYWHERE & ~first
    second = worlds(formula[2])
    return first & second if formula[0] == AND else first | second


def relation(left: int, right: int) -> int:
    """Of formulas that hold in these worlds, each in some but not in all."""
    if left == right:
        return EQUIVALENT
    if left & right == left:
        return ENTAILS
    if left & right == right:
        return ENTAILED
    disjoint, exhaustive = not left & right, left | right == EVERYWHERE
    if disjoint:
        return NEGATION if exhaustive else ALTERNATION
    return COVER if exhaustive else INDEPENDENT


def operators(formula: Formula) -> int:
    """How many operators it has."""
    return 0 if isinstance(formula, int) else 1 + sum(operators(part) for part in formula[1:])


def draw(rng: random.Random, variables: list[int], largest: int = LARGEST) -> Formula:
    """A formula of these variables."""
    drawn: Formula
    if largest < 2 or rng.random() >= BINARY:
        drawn = rng.choice(variables)
    else:
        parts = [draw(rng, variables, largest // 2) for _ in range(2)]
        drawn = (rng.choice((AND, OR)), parts[0], parts[1])
    return (NOT, drawn) if rng.random() < NEGATED else drawn


def draw_pair(rng: random.Random) -> Pair:
    """Two formulas, each of which holds in some world and not in all."""
    while True:
        variables = rng.sample(range(VARIABLES), IN_A_PAIR)
        left, right = draw(rng, variables), draw(rng, variables)
        if all(0 < worlds(formula) < EVERYWHERE for formula in (left, right)):
            return left, right


def write(formula: Formula) -> list[int]:
    """The ids of its symbols: ( a and b ), ( not a )."""
    if isinstance(formula, int):
        return [formula]
    first = write(formula[1])
    if len(formula) == 2:
        return [OPENED, NOT, *first, CLOSED]
    return [OPENED, *first, formula[0], *write(formula[2]), CLOSED]


def write_pair(pair: Pair) -> list[int]:
    """One formula behind the other."""
    return [*write(pair[0]), NEXT, *write(pair[1])]


def spell(symbols: Sequence[int]) -> str:
    """Symbols to be read by people."""
    return " ".join(SYMBOLS[symbol] for symbol in symbols)


def pair_tree(pair: Pair) -> Tree:
    """Both formulas below one node, the first in slot 0, the second in slot 1."""
    tree = Tree()

    def grow(formula: Formula, parent: int, slot: int) -> None:
        if isinstance(formula, int):
            tree.add(formula, parent, slot)
            return
        node = tree.add(formula[0], parent, slot)
        grow(formula[1], node, 0)
        if len(formula) == 3:
            grow(formula[2], node, 1)

    root = tree.add(ROOT)
    for slot, formula in enumerate(pair):
        grow(formula, root, slot)
    return tree
