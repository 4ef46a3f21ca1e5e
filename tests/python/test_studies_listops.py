"""Expressions and their trees against a second reading of their symbols, and the quick run."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import expressions, listops, reading
from studies.__main__ import main
from studies.expressions import Expression, binary_tree, draw_distinct, operator_tree, spell, value, write
from studies.reading import Reader
from studies.trees import Tree, join


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def of(name: str, values: list[int]) -> int:
    if name == "[MED":
        return int(np.median(values))
    return {"[MIN": min(values), "[MAX": max(values), "[SM": sum(values) % 10}[name]


def evaluate(text: str) -> int:
    """By a stack, from the text alone."""
    stack: list[list[str | int]] = [[]]
    for word in text.split():
        if word.startswith("["):
            stack.append([word])
        elif word == "]":
            name, *values = stack.pop()
            stack[-1].append(of(str(name), [int(v) for v in values]))
        else:
            stack[-1].append(int(word))
    (result,) = stack.pop()
    assert not stack
    return int(result)


def children(tree: Tree) -> list[dict[int, int]]:
    """By node, the child in each slot."""
    below: list[dict[int, int]] = [{} for _ in tree.labels]
    for node, (parent, slot) in enumerate(zip(tree.parents, tree.slots, strict=True)):
        assert parent < node
        if parent < 0:
            assert node == 0
        else:
            assert slot not in below[parent]
            below[parent][slot] = node
    return below


DRAWN = draw_distinct(2000, seed=3)


def test_values_are_those_of_the_symbols() -> None:
    assert evaluate("[MAX 2 9 [MIN 4 7 ] 0 ]") == 9
    assert evaluate("[SM 9 9 [MED 1 2 4 8 ] ]") == 1
    for expression in DRAWN:
        assert value(expression) == evaluate(spell(write(expression)))


def test_trees_evaluate_to_the_value() -> None:
    for expression in DRAWN:
        trees = operator_tree(expression), binary_tree(expression)
        below, below_binary = map(children, trees)

        def summed(node: int, labels: list[int], slots: list[dict[int, int]]) -> int:
            if labels[node] < 10:
                assert not slots[node]
                return labels[node]
            assert sorted(slots[node]) == list(range(len(slots[node])))
            found = [summed(slots[node][k], labels, slots) for k in range(len(slots[node]))]
            return of(expressions.SYMBOLS[labels[node]], found)

        def partly(node: int, labels: list[int], slots: list[dict[int, int]]) -> tuple[str, list[int]]:
            """The operator and its arguments so far."""
            if 10 <= labels[node] < 14:
                assert not slots[node]
                return expressions.SYMBOLS[labels[node]], []
            assert sorted(slots[node]) == [0, 1]
            name, before = partly(slots[node][0], labels, slots)
            return name, [*before, taken(slots[node][1], labels, slots)]

        def taken(node: int, labels: list[int], slots: list[dict[int, int]]) -> int:
            if labels[node] < 10:
                assert not slots[node]
                return labels[node]
            assert labels[node] == expressions.LAST
            inner = slots[node][0]
            while labels[inner] >= 14:
                assert labels[inner] == expressions.MORE
                inner = slots[inner][0]
            return of(*partly(node, labels, slots))

        assert summed(0, trees[0].labels, below) == value(expression)
        assert taken(0, trees[1].labels, below_binary) == value(expression)


def test_arguments_keep_their_order_in_the_trees() -> None:
    """Labels in the order of a walk are the symbols in theirs, but for what has no symbol."""
    for expression in DRAWN:
        symbols = [s for s in write(expression) if s != expressions.END]
        assert operator_tree(expression).labels == symbols
        tree = binary_tree(expression)
        below = children(tree)

        def walk(node: int, labels: list[int], slots: list[dict[int, int]]) -> list[int]:
            inner = [label for k in sorted(slots[node]) for label in walk(slots[node][k], labels, slots)]
            return inner or [labels[node]]

        assert walk(0, tree.labels, below) == symbols


def parse(text: str) -> object:
    """Nested lists."""
    listed = re.sub(r"\[(\w+)", r"['\1',", text).replace(" ]", "],")
    return eval(re.sub(r"(?<=\d) ", ", ", listed).rstrip(","))  # the study's own text


def test_expressions_are_drawn_as_they_say() -> None:
    texts = [spell(write(expression)) for expression in DRAWN]
    assert len(set(texts)) == len(texts)

    def depth(parsed: object) -> int:
        if isinstance(parsed, int):
            return 0
        assert isinstance(parsed, list)
        assert 2 <= len(parsed) - 1 <= 5
        return 1 + max(depth(part) for part in parsed[1:])

    for expression, text in zip(DRAWN, texts, strict=True):
        assert text.startswith("[")
        assert len(text.split()) == expressions.length(expression) <= 100
        assert 1 <= depth(parse(text)) == expressions.depth(expression) < 20
    words = " ".join(texts).split()
    assert {words.count(name) > 500 for name, _ in expressions.OPERATORS} == {True}


def test_a_quarter_of_the_arguments_are_operators() -> None:
    rng = random.Random(1)
    drawn = [expressions.draw(rng) for _ in range(20000)]
    operators = sum(isinstance(expression, tuple) for expression in drawn)
    assert operators == pytest.approx(5000, abs=250)  # 61 the standard deviation
    counts = np.bincount([len(e[1]) for e in drawn if isinstance(e, tuple)], minlength=7)
    assert counts[:2].sum() == counts[6] == 0
    assert counts[2:6] == pytest.approx(operators / 4, rel=0.15)


def test_operators_stand_at_most_nineteen_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "NESTED", 1.0)
    monkeypatch.setattr(expressions, "MAX_DEPTH", 6)
    assert expressions.depth(expressions.draw(random.Random(0))) == 5


def test_joined_trees_are_each_tree() -> None:
    trees = [binary_tree(expression) for expression in DRAWN[:50]]
    labels, parents, slots = join(trees)
    first = 0
    for tree in trees:
        nodes = slice(first, first + len(tree.labels))
        assert labels[nodes].tolist() == tree.labels
        assert slots[nodes].tolist() == tree.slots
        assert parents[first] == -1
        assert (parents[nodes][1:] - first).tolist() == tree.parents[1:]
        first = nodes.stop
    assert first == len(labels) == len(parents) == len(slots)


def test_parts_differ() -> None:
    task = listops.task(quick=True)
    parts: list[Expression] = [*task.training, *task.validation, *task.test]
    assert len(set(parts)) == len(parts) == 2700
    assert task.answers(task.test).tolist() == [evaluate(spell(write(item))) for item in task.test]


@pytest.mark.parametrize("reader", listops.READERS, ids=lambda reader: reader.name)
def test_networks_have_as_many_parameters_as_they_may(reader: Reader[Expression]) -> None:
    units = reader.units(12000)
    sizes = [reader.network(n, 0).flat.size for n in (units, units + 1)]
    assert 0.9 * 12000 < sizes[0] <= 12000 < sizes[1]


@pytest.mark.parametrize("reader", listops.READERS, ids=lambda reader: reader.name)
def test_items_are_classified_each_alone(reader: Reader[Expression], monkeypatch: pytest.MonkeyPatch) -> None:
    net, items = reader.network(6, seed=2), DRAWN[:11]
    monkeypatch.setattr(reading, "AT_ONCE", 4)
    alone = [reader.classify(net, [item])[0] for item in items]
    assert reader.classify(net, items).tolist() == alone


@pytest.mark.once
def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["listops", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies listops --quick`" in output
    right = {
        reader.name: float(re.search(rf"^\| {reader.name} \|[^*]*\*\*([\d.]+)%", output, re.M)[1])  # type: ignore[index]
        for reader in listops.READERS
    }
    assert right["tree LSTM, binary"] > 60  # always the commonest digit: 11
    assert right["tree LSTM, sum of arguments"] > 55
    assert 30 < right["LSTM"] < right["tree LSTM, binary"]
