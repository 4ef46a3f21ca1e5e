"""The first LSTM's sequences, its numbers of weights and its rule as in the paper, and the quick run."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import recurra as rc

pytest.importorskip("sklearn")

from studies import lstm1997
from studies.__main__ import main
from studies.sequences1997 import SYMBOLS, Symbols, adding, embedded_reber, lag, reber


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


def logistic(a: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-a))
    return result


def test_numbers_of_weights_are_the_papers() -> None:
    exact = rc.RTRL()
    assert lstm1997.grammarian(4, 1, exact, 0.1, 0).parameters == 264
    assert lstm1997.grammarian(3, 2, exact, 0.1, 0).parameters == 276
    assert lstm1997.one_unit(5, exact, 1.0, 0).parameters == 36
    assert lstm1997.adder(exact, 0.5, 0).parameters == 93


def test_the_adder_is_the_papers_net() -> None:
    """By hand, a step at a time: every unit has a bias, the output sees the cells alone."""
    net = lstm1997.adder(rc.EProp(), 0.5, seed=3).learner.network
    into, among, out = (net.parameters[name] for name in ("0.weight_ih", "0.weight_hh", "1.weight"))
    biases = into[:, 2]
    assert biases[:2].tolist() == [-3, -6]
    assert biases[2:].all()
    assert np.abs(biases[2:]).max() < 0.1
    assert not net.parameters["0.bias"].any()
    pairs, _ = adding(20, np.random.default_rng(0))
    fed, c = np.zeros(8), np.zeros((2, 2))
    for x in pairs:
        a = into[:, :2] @ x + biases + among @ fed
        i, o = logistic(a[:2]), logistic(a[2:4])
        c = c + i * (4 * logistic(a[4:].reshape(2, 2)) - 2)
        h = o * (2 * logistic(c) - 1)
        fed = np.concatenate([h.ravel(), i, o])
    expected = logistic(out @ h.ravel() + net.parameters["1.bias"])
    np.testing.assert_allclose(net(lstm1997.with_one(pairs)[None])[0, -1], expected, atol=1e-12)


def test_what_is_missing_stays_missing() -> None:
    """In all three networks, while the rest learns."""
    exact, target = rc.RTRL(), np.array([1.0])
    adder, lagged = lstm1997.adder(exact, 0.5, 0), lstm1997.one_unit(3, exact, 1.0, 0)
    reader = lstm1997.grammarian(3, 2, exact, 0.5, 0)
    for made, x, wanted in ((adder, np.ones(3), target), (lagged, *np.eye(3)[:2]), (reader, *np.eye(7)[:2])):
        network = made.learner.network
        before = network.flat.copy()
        for _ in range(5):
            made.learn(x, wanted)
        assert (network.flat != before).sum() > made.parameters / 3
        assert not any(network.parameters[name].any() for name in made.missing)


def test_no_string_to_test_with_is_one_to_learn_from() -> None:
    for seed in range(3):
        training, test = lstm1997.reber_strings(seed)
        assert len(training) == len(test) == 256
        assert not {string.text for string in training} & {string.text for string in test}


class Paper:
    """Appendix A.1 for one net of blocks of two cells: outputs see the cells; no biases but the gates'."""

    def __init__(self, net: rc.Network, blocks: int, rate: float) -> None:
        self.into, self.among, self.bias = (
            net.parameters[f"0.{name}"].copy() for name in ("weight_ih", "weight_hh", "bias")
        )
        self.out = net.parameters["1.weight"].copy()
        self.blocks, self.rate = blocks, rate
        self.reset()

    def reset(self) -> None:
        inputs = self.into.shape[1] + self.among.shape[1]
        self.fed, self.c = np.zeros(4 * self.blocks), np.zeros((2, self.blocks))
        self.of_input_gate = np.zeros((2, self.blocks, inputs + 1))
        self.of_cell = np.zeros((2, self.blocks, inputs))

    def learn(self, x: np.ndarray, target: np.ndarray) -> np.ndarray:
        n = self.blocks
        z = np.concatenate([x, self.fed])
        biased = np.append(z, 1.0)
        a = self.into @ x + self.among @ self.fed
        i, o = (logistic(a[k * n : (k + 1) * n] + self.bias[k * n : (k + 1) * n]) for k in (0, 1))
        s = logistic(a[2 * n :].reshape(2, n))
        g = 4 * s - 2
        self.c = self.c + i * g
        for v in range(2):
            for j in range(n):
                self.of_input_gate[v, j] += g[v, j] * i[j] * (1 - i[j]) * biased
                self.of_cell[v, j] += i[j] * 4 * s[v, j] * (1 - s[v, j]) * z
        squashed = 2 * logistic(self.c) - 1
        h = o * squashed
        y = logistic(self.out @ h.ravel())
        e = (target - y) * y * (1 - y)
        back = (self.out.T @ e).reshape(2, n)
        slope = 0.5 * (1 - squashed**2)
        for j in range(n):
            at_gate = o[j] * (1 - o[j]) * (squashed[:, j] @ back[:, j])
            at_cell = o[j] * slope[:, j] * back[:, j]
            self._move(n + j, self.rate * at_gate * biased)
            self._move(j, self.rate * sum(at_cell[v] * self.of_input_gate[v, j] for v in range(2)))
            for v in range(2):
                self._move((2 + v) * n + j, self.rate * at_cell[v] * self.of_cell[v, j])
        self.out += self.rate * np.outer(e, h.ravel())
        self.fed = np.concatenate([h.ravel(), i, o])
        return y

    def _move(self, row: int, step: np.ndarray) -> None:
        inputs = self.into.shape[1]
        self.into[row] += step[:inputs]
        self.among[row] += step[inputs : inputs + self.among.shape[1]]
        if row < len(self.bias):
            self.bias[row] += step[-1]


@pytest.mark.parametrize("rule", lstm1997.RULES)
def test_the_1997_rule_is_the_papers_appendix_and_the_exact_one_is_not(rule: str) -> None:
    made = lstm1997.grammarian(3, 2, lstm1997.RULES[rule], 0.5, seed=1)
    net, rng = made.learner.network, np.random.default_rng(0)
    paper = Paper(net, 3, 0.5)
    agree = []
    for _ in range(10):
        string = embedded_reber(rng)
        made.learner.reset()
        paper.reset()
        for x, target in zip(string.inputs, string.targets, strict=True):
            agree.append(np.abs(made.learn(x, target) - paper.learn(x, target)).max())
    if rule == "1997":
        assert max(agree) < 1e-11
        np.testing.assert_allclose(net.parameters["0.weight_hh"], paper.among, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(net.parameters["1.weight"], paper.out, rtol=1e-9, atol=1e-12)
    else:
        assert max(agree) > 1e-6
    assert not net.parameters["1.bias"].any()


def test_strings_are_of_the_grammar_and_every_prefix_can_go_on_as_they_say() -> None:
    rng = np.random.default_rng(3)
    drawn = [embedded_reber(rng) for _ in range(400)]
    follow: dict[str, set[str]] = {}
    for string in drawn:
        assert re.fullmatch("B([TP])B.*E\\1E", string.text)
        for k, symbol in enumerate(string.text[1:], 1):
            follow.setdefault(string.text[:k], set()).add(symbol)
        for k, following in enumerate(string.following, 1):
            assert string.text[k] in following
        np.testing.assert_array_equal(string.inputs.argmax(axis=1), [*map(SYMBOLS.index, string.text[:-1])])
        np.testing.assert_array_equal(string.targets.argmax(axis=1), [*map(SYMBOLS.index, string.text[1:])])
        assert (string.possible.sum(axis=1) == [*map(len, string.following)]).all()
    often = {text: symbols for text, symbols in follow.items() if len(text) < 5}
    for string, k in itertools.product(drawn[:50], range(1, 4)):
        assert often[string.text[:k]] == set(string.following[k - 1])


def accepted(text: str) -> bool:
    """The grammar as it is drawn everywhere, read from the end of the string to its beginning."""
    before = {
        7: {(6, "E")}, 6: {(4, "S"), (5, "V")}, 5: {(3, "V")}, 4: {(2, "X"), (5, "P")},
        3: {(1, "P"), (3, "T"), (4, "X")}, 2: {(1, "T"), (2, "S")}, 1: {(0, "B")}, 0: set(),
    }  # fmt: skip
    nodes = {7}
    for symbol in reversed(text):
        nodes = {node for after in nodes for node, label in before[after] if label == symbol}
    return 0 in nodes


def test_inner_strings_are_accepted_and_others_are_not() -> None:
    rng = np.random.default_rng(4)
    assert all(accepted(reber(rng).text) for _ in range(300))
    assert all(accepted(text) for text in ("BTXSE", "BPVVE", "BTSSXXTVVE", "BPVPXVPSE", "BTSXXVPSE"))
    assert not any(accepted(text) for text in ("BTSE", "BPVE", "BTXXE", "TXSE", "BPVPXSVE", ""))


def test_an_exam_wants_the_possible_symbols_to_be_the_most_active() -> None:
    """A network that always says the same passes only where just that may follow."""
    net = rc.Network([rc.Linear(7, 7), rc.Logistic()], dtype="float64")
    net.flat[:] = 0
    strings = [embedded_reber(np.random.default_rng(seed)) for seed in range(20)]
    assert lstm1997.Exam(strings).failed(net) == 20
    only = [Symbols("BT", ["TP"]), Symbols("BP", ["TP"])]
    assert lstm1997.Exam(only).failed(net) == 2  # equals are not the most active
    net.parameters["0.bias"][[SYMBOLS.index("T"), SYMBOLS.index("P")]] = [1, 0.5]
    assert lstm1997.Exam(only).failed(net) == 0
    net.parameters["0.bias"][SYMBOLS.index("S")] = 0.7
    assert lstm1997.Exam(only).failed(net) == 2
    assert lstm1997.Exam([*only, Symbols("BTS", ["TP", "S"])]).failed(net) == 3


def test_sequences_with_a_lag() -> None:
    for first in (0, 1):
        x, y = lag(first, 5)
        assert x.argmax(axis=1).tolist() == [first, 2, 3, 4]
        assert y.argmax(axis=1).tolist() == [2, 3, 4, first]
        assert (x.sum(axis=1) == 1).all()


def test_sums_are_those_of_the_marked_values() -> None:
    rng = np.random.default_rng(5)
    lengths, begins = [], 0
    for _ in range(3000):
        pairs, wanted = adding(100, rng)
        values, marks = pairs.T
        marked = np.flatnonzero(marks == 1)
        assert len(marked) == 2
        assert marked[0] < 10 or marked[1] < 10
        assert marked[1] <= 50
        assert marks[-1] == -1
        begins += marks[0] == 1
        assert marks[0] in (1, -1)
        assert (marks[1:-1][marks[1:-1] != 1] == 0).all()
        assert values[0] == 0 or marks[0] == -1
        assert wanted == pytest.approx(0.5 + values[marked].sum() / 4)
        assert 0 <= wanted <= 1
        lengths.append(len(pairs))
    assert set(lengths) == set(range(100, 111))
    assert begins == pytest.approx(3000 * (0.1 + 0.9 / 49), rel=0.2)


def test_results_of_a_row() -> None:
    row = lstm1997.adding_rows(quick=False)[0]
    cases = ((1000, 2.0, 400, 3), (None, 9.0, None, 2560), (3000, 4.0, 900, 0))
    results = [lstm1997.Result(*case) for case in cases]
    cells = lstm1997.line(row, results)[-4:]
    assert cells == ["67%, **2,000** (1000, -, 3000)", "400, -, 900", "3, 2560, 0", "4.0"]


def test_quick(capsys: pytest.CaptureFixture[str]) -> None:
    main(["lstm1997", "--quick"])
    text = capsys.readouterr().out
    assert "`python -m studies lstm1997 --quick`" in text
    lines = [[c.strip() for c in r.split("|")[1:-1]] for r in text.splitlines() if r.startswith("| ")][2:]
    assert [(c[0][0], c[2], c[3]) for c in lines] == [
        ("1", "276", "1997"), ("2", "16", "exact RTRL"), ("4", "93", "1997"), ("4", "93", "exact RTRL"),
    ]  # fmt: skip
    assert lines[1][7].startswith("100%")


def test_the_1997_rule_learns() -> None:
    """Some hundred strings leave errors well below those of the first ones."""
    made, rng = lstm1997.grammarian(4, 1, lstm1997.RULES["1997"], 0.5, seed=0), np.random.default_rng(6)
    losses = []
    for _ in range(600):
        string = embedded_reber(rng)
        made.learner.reset()
        errors = [
            np.mean((made.learn(x, target) - target) ** 2)
            for x, target in zip(string.inputs, string.targets, strict=True)
        ]
        losses.append(np.mean(errors))
    assert np.mean(losses[-100:]) < 0.7 * np.mean(losses[:20])
