"""Formulas against Python's own logic, relations against their definition by sets, and the quick run."""

from __future__ import annotations

import itertools
import random
import re

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import formulas, logic
from studies.__main__ import main
from studies.formulas import Pair, draw_pair, pair_tree, relation, spell, worlds, write, write_pair
from studies.reading import Compared, Outcome, Reader, scores
from studies.search import Found


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def drawn(count: int, seed: int) -> list[Pair]:
    rng = random.Random(seed)
    return [draw_pair(rng) for _ in range(count)]


PAIRS = drawn(400, 1)
ASSIGNMENTS = [
    dict(zip("abcdef", values, strict=True)) for values in itertools.product((True, False), repeat=6)
]


def models(text: str) -> set[int]:
    """The assignments under which it is true; Python reads the formula as it is written."""
    code = compile(text.strip(), text, "eval")
    return {k for k, assignment in enumerate(ASSIGNMENTS) if eval(code, {}, assignment)}


def by_sets(a: set[int], b: set[int]) -> str:
    """B. MacCartney and C. Manning's table."""
    everything = set(range(64))
    rows = {
        "equivalence": a == b,
        "entails": a < b,
        "is entailed": a > b,
        "negation": not a & b and a | b == everything,
        "alternation": not a & b and a | b != everything,
        "cover": bool(a & b) and a | b == everything and not a <= b and not b <= a,
    }
    holding = [name for name, holds in rows.items() if holds]
    assert len(holding) <= 1
    return holding[0] if holding else "independence"


def test_worlds_are_where_python_finds_the_formula_true() -> None:
    for formula in (formula for pair in PAIRS for formula in pair):
        found = worlds(formula)
        expected = models(spell(write(formula)))
        assert found.bit_count() == len(expected) not in (0, 64)
        for world in range(64):
            named = {name: bool(world >> k & 1) for k, name in enumerate("abcdef")}
            assert (found >> world & 1 == 1) == (ASSIGNMENTS.index(named) in expected)


def test_relations_are_those_of_the_sets_of_models() -> None:
    seen = set()
    for pair in drawn(3000, 2):
        name = formulas.RELATIONS[relation(*map(worlds, pair))]
        left, right = spell(write_pair(pair)).split(" ; ")
        assert name == by_sets(models(left), models(right))
        seen.add(name)
    assert seen == set(formulas.RELATIONS)


def test_relations_turned_round() -> None:
    turned = [0, 2, 1, 3, 4, 5, 6]
    for left, right in PAIRS:
        a, b = worlds(left), worlds(right)
        assert relation(b, a) == turned[relation(a, b)]


def test_pairs_are_drawn_as_they_say() -> None:
    many = drawn(6000, 3)
    sizes, negated, variables = [], 0, set()
    for pair in many:
        text = spell(write_pair(pair))
        named = set(re.findall(r"\b[a-f]\b", text))
        variables |= named
        assert len(named) <= 4
        for formula, written in zip(pair, text.split(" ; "), strict=True):
            words = written.split()
            count = sum(words.count(name) for name in ("and", "or", "not"))
            assert formulas.operators(formula) == count
            assert words.count("and") + words.count("or") <= 7  # three halvings of 12
            assert words.count("(") == words.count(")") == count
            negated += words[:2] == ["(", "not"]
            sizes.append(count)
    assert variables == set("abcdef")
    assert negated / len(sizes) == pytest.approx(1 / 3, abs=0.025)
    assert max(sizes) > 10
    independent = np.mean([relation(*map(worlds, pair)) == formulas.INDEPENDENT for pair in many])
    assert 0.5 < independent < 0.65


def test_a_pair_is_one_tree_with_the_formulas_in_two_slots() -> None:
    for pair in PAIRS:
        tree = pair_tree(pair)
        below: list[dict[int, int]] = [{} for _ in tree.labels]
        for node, (parent, slot) in enumerate(zip(tree.parents, tree.slots, strict=True)):
            assert parent < node
            if node:
                assert slot not in below[parent]
                below[parent][slot] = node

        def text(node: int, labels: list[int], slots: list[dict[int, int]]) -> str:
            name = formulas.SYMBOLS[labels[node]]
            parts = [text(slots[node][k], labels, slots) for k in sorted(slots[node])]
            assert sorted(slots[node]) == list(range(len(parts)))
            if len(parts) == 2:
                return f"( {parts[0]} {name} {parts[1]} )"
            return f"( {name} {parts[0]} )" if parts else name

        assert tree.parents[0] == -1
        assert tree.labels[0] == formulas.ROOT == max(tree.labels)
        assert sorted(below[0]) == [0, 1]
        halves = [text(below[0][slot], tree.labels, below) for slot in (0, 1)]
        assert " ; ".join(halves) == spell(write_pair(pair))


def test_parts_differ_in_pairs_and_in_operators() -> None:
    training, validation, test = logic.pairs(500, 50, 20, seed=5)
    assert [len(training), len(validation), len(test)] == [500, 50, 20 * 7]
    everything = [*training, *validation, *test]
    assert len(set(everything)) == len(everything)

    def larger(pair: Pair) -> int:
        halves = spell(write_pair(pair)).split(" ; ")
        return max(len(re.findall(r"\b(?:and|or|not)\b", half)) for half in halves)

    assert max(map(larger, [*training, *validation, *test[:20]])) == 6
    assert [larger(pair) for pair in test[20:]] == [n for n in range(7, 13) for _ in range(20)]


def test_shares_by_size_and_seed() -> None:
    task = logic.task(quick=True)
    counts = len(task.test) // 7
    right = np.arange(len(task.test)) % counts < np.arange(len(task.test)) // counts * 10
    outcomes = [Outcome(0.0, right, 1.0), Outcome(0.0, ~right, 3.0)]
    compared = Compared("LSTM", 5, 99, Found("LSTM", 0.01, {0.01: 0.5}, []), outcomes)
    assert logic.by_size(compared, task) == [
        [pytest.approx(k / 10), pytest.approx(1 - k / 10)] for k in range(7)
    ]
    ours, published = logic.rows(compared, task)
    assert ours[:5] == ["LSTM", "5", "99", "0.01", "**50%** (0%, 100%)"]
    assert ours[-1] == "2"
    assert published[-7:-1] == ["88%", "84%", "80%", "78%", "71%", "69%"]
    assert len(ours) == len(published) == 12


@pytest.mark.parametrize("reader", logic.READERS, ids=lambda reader: reader.name)
def test_networks_have_as_many_parameters_as_they_may(reader: Reader[Pair]) -> None:
    units = reader.units(15000)
    sizes = [reader.network(n, 0).flat.size for n in (units, units + 1)]
    assert 0.9 * 15000 < sizes[0] <= 15000 < sizes[1]


@pytest.mark.parametrize("reader", logic.READERS, ids=lambda reader: reader.name)
def test_the_order_of_a_pair_matters(reader: Reader[Pair]) -> None:
    net = reader.network(6, seed=2)
    left, right = PAIRS[0]
    one, other = (scores(net, reader.inputs([pair])) for pair in ((left, right), (right, left)))
    assert np.abs(one - other).max() > 1e-4


@pytest.mark.once
def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["logic", "--quick"])
    output = capsys.readouterr().out
    assert "`python -m studies logic --quick`" in output
    rows = {
        line.split("|")[1].strip(): [float(share) for share in re.findall(r"\*\*(\d+)%", line)]
        for line in output.splitlines()
        if line.startswith("| ")
    }
    independence = float(re.search(r"always independence \|[ |]*(\d+)%", output)[1])  # type: ignore[index]
    assert rows["tree LSTM"][0] > independence + 15
    assert rows["LSTM"][0] > independence - 8
    assert len(rows["LSTM"]) == len(rows["tree LSTM"]) == 7
