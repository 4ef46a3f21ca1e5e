"""Trees in brackets, beside a parser of nested tuples that is written as the grammar is: recursively."""

import pickle
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st

STANFORD = "(3 (2 It) (4 (2 works) (2 .)))"
PENN = """
( (S
    (NP (DT the) (NN cat))
    (VP sat)))
"""

Nested: TypeAlias = "tuple[str, str | list[Nested] | None]"

tokens = st.text(st.characters(exclude_characters=" \t\n\r\f\v()"), min_size=1, max_size=4)
leaves = st.tuples(tokens, st.none() | tokens)
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda below: st.tuples(tokens | st.just(""), st.lists(below, min_size=1, max_size=4)),
    max_leaves=12,
)


def text_of(tree: Nested, space: str = " ") -> str:
    label, content = tree
    if content is None:
        return f"({label})"
    if isinstance(content, str):
        return f"({label}{space}{content})"
    return f"({label}{space}{space.join(text_of(child, space) for child in content)})"


def nodes_of(tree: Nested, parent: int = -1, slot: int = 0, first: int = 0) -> list[tuple[Any, ...]]:
    """(parent, slot, label, word) of each node."""
    label, content = tree
    found: list[tuple[Any, ...]] = [(parent, slot, label, content if isinstance(content, str) else None)]
    for place, child in enumerate(content if isinstance(content, list) else ()):
        found += nodes_of(child, first, place, first + len(found))
    return found


@given(st.lists(trees, max_size=3), st.sampled_from([" ", "  ", "\n\t"]))
def test_it_reads_and_writes_what_the_grammar_says(forest: list[Nested], space: str) -> None:
    nodes: list[tuple[Any, ...]] = []
    for tree in forest:
        nodes += nodes_of(tree, first=len(nodes))
    read = rc.Forest.from_brackets([text_of(tree, space) for tree in forest])
    parents = [node[0] for node in nodes]
    assert read.forest.num_trees == len(forest)
    assert read.forest == rc.Forest(parents, [node[1] for node in nodes])
    assert read.forest.parents.tolist() == parents
    assert (read.labels, read.words) == ([node[2] for node in nodes], [node[3] for node in nodes])
    assert read.to_brackets() == [text_of(tree) for tree in forest]
    assert rc.Forest.from_brackets(read.to_brackets()) == read


def test_a_tree_of_each_treebank() -> None:
    read = rc.Forest.from_brackets(STANFORD)
    assert read.forest.parents.tolist() == [-1, 0, 0, 2, 2]
    assert read.labels == ["3", "2", "4", "2", "2"]
    assert read.words == [None, "It", None, "works", "."]
    penn = rc.Forest.from_brackets(PENN)
    assert penn.forest.parents.tolist() == [-1, 0, 1, 2, 2, 1]
    assert penn.labels == ["", "S", "NP", "DT", "NN", "VP"]
    assert penn.words == [None, None, None, "the", "cat", "sat"]
    assert penn.to_brackets() == ["( (S (NP (DT the) (NN cat)) (VP sat)))"]


def test_a_non_breaking_space_is_part_of_a_word() -> None:
    read = rc.Forest.from_brackets("(2 8\xa01/2)")
    assert read.words == ["8\xa01/2"]
    assert read.to_brackets() == ["(2 8\xa01/2)"]


def test_it_does_not_recurse() -> None:
    depth = 100_000
    text = "(a " * depth + "(b c)" + ")" * depth
    read = rc.Forest.from_brackets(text)
    assert read.forest.height == depth + 1
    assert read.words[-1] == "c"
    assert read.to_brackets() == [text]


def test_nothing_to_read_is_an_empty_forest() -> None:
    read = rc.Forest.from_brackets([])
    assert (read.forest.num_trees, read.labels, read.words) == (0, [], [])
    assert read.to_brackets() == []


def test_other_labels_can_be_written() -> None:
    forest = rc.Forest([-1, 0, 0], [0, 1, 0])  # the second child has the lower number
    assert forest.to_brackets(np.array([4, 1, 2]), [None, "b", "a"]) == ["(4 (2 a) (1 b))"]
    assert rc.Forest([1, 2, -1, -1]).to_brackets("abcd") == ["(c (b (a)))", "(d)"]


def test_brackets_can_be_pickled() -> None:
    read = rc.Forest.from_brackets(STANFORD)
    assert pickle.loads(pickle.dumps(read)) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r" is '', expected a tree"),
        ("  \n", r" is .*, expected a tree"),
        ("word", r"position 0: 'word' before the tree"),
        (" )", r"position 1: '\)' before the tree"),
        ("(a b) c", r"position 6: 'c' behind the end"),
        ("(a b))", r"position 5: '\)' behind the end"),
        ("(a b) (c d)", r"position 6: '\(' behind the end"),
        ("(a (b c)", r"position 0: '\(' is never closed, expected 1 more"),
        ("(a (b (c d", r"position 6: '\(' is never closed, expected 3 more"),
        ("()", r"position 1: empty brackets"),
        ("(a ( ))", r"position 5: empty brackets"),
        ("(a b c)", r"position 5: 'c' behind the word 'b'"),
        ("(a b (c d))", r"position 5: '\(' behind the word 'b'"),
        ("(a (b c) d)", r"position 9: the word 'd' behind children"),
        ("( (b c) d)", r"position 8: the word 'd' behind children"),
    ],
)
def test_mistakes_are_found_where_they_are(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^Forest\.from_brackets: text.*{message}"):
        rc.Forest.from_brackets(text)
    with pytest.raises(ValueError, match=rf"^Forest\.from_brackets: text\[1\].*{message}"):
        rc.Forest.from_brackets(["(a b)", text])


def test_only_strings_are_text() -> None:
    with pytest.raises(TypeError, match=r"text\[1\] is 3, expected a string"):
        rc.Forest.from_brackets(["(a b)", 3])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"text is a (Posix)?Path, expected a string or a list"):
        rc.Forest.from_brackets(Path("trees.txt"))  # type: ignore[arg-type]


CHAIN = rc.Forest([1, -1])


@pytest.mark.parametrize(
    ("forest", "labels", "words", "message"),
    [
        (CHAIN, ["a"], None, "labels has length 1, expected 2"),
        (CHAIN, ["a", "b"], ["w"], "words has length 1, expected 2"),
        (CHAIN, ["a", "b c"], None, r"labels\[1\] is 'b c', expected no space"),
        (CHAIN, ["a", "b"], ["(", None], r"words\[0\] is '\(', expected no space or bracket"),
        (CHAIN, ["a", "b"], [None, "w"], r"words\[1\] is 'w', expected None: the node has children"),
        (CHAIN, ["a", "b"], ["", None], r"words\[0\] is '', expected some text"),
        (CHAIN, ["", "b"], None, r"labels\[0\] is '', expected some text"),
        (CHAIN, ["", "b"], ["w", None], r"labels\[0\] is '', expected some text"),
        (rc.Forest([1, -1], [1, 0]), "ab", None, "slot 0 of node 1 is empty"),
        (rc.Forest.from_edges([0, 0], [1, 2], 3), "abc", None, "several parents"),
    ],
)
def test_what_cannot_be_written_is_refused(forest: rc.Forest, labels: Any, words: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ValueError, match=message):
        forest.to_brackets(labels, words)
