"""Machines that are known, and the drawing of others."""

from __future__ import annotations

import recurra as rc
from hypothesis import strategies as st


def machine(text: str, start: str, blank: str) -> rc.TuringMachine:
    """From lines such as "A0 1RB": in state A under 0 write 1, go right, become B."""
    rules = {}
    for line in text.strip().splitlines():
        pair, action = line.split()
        rules[pair[0], pair[1]] = (action[2], action[0], action[1])
    return rc.TuringMachine(rules, start, blank)


# T. Rado, On non-computable functions (1962); A. H. Brady, Math. Comp. 40 (1983): the most ones before
# halting, from an empty tape.
BEAVER_3 = machine("A0 1RB\nA1 1RH\nB0 0RC\nB1 1RB\nC0 1LC\nC1 1LA", "A", "0")
BEAVER_4 = machine("A0 1RB\nA1 1LB\nB0 1LA\nB1 0LC\nC0 1RH\nC1 1LD\nD0 1RD\nD1 0RA", "A", "0")
# To the end of a binary number, and back with the carry.
INCREMENT = machine("S0 0RS\nS1 1RS\nS_ _LC\nC1 0LC\nC0 1NH\nC_ 1NH", "S", "_")
# 111+11 -> 11111: a one for the plus, and the last one taken away.
ADDITION = machine("S1 1RS\nS+ 1RE\nE1 1RE\nE_ _LT\nT1 _NH", "S", "_")
# 111 -> 111_111: a one is marked and another one written behind, again and again.
COPY = machine(
    """S1 xRA
       S_ _LB
       A1 1RA
       A_ _RW
       W1 1RW
       W_ 1LR
       R1 1LR
       R_ _LK
       K1 1LK
       Kx xRS
       Bx 1LB
       B_ _RH""",
    "S",
    "_",
)
# Halts in Y if a word of a and b is a palindrome, else in N: the first letter is sought at the end.
PALINDROME = machine(
    """Sa _RA
       Sb _RB
       S_ _NY
       Aa aRA
       Ab bRA
       A_ _Lc
       ca _LR
       cb bNN
       c_ _NY
       Ba aRB
       Bb bRB
       B_ _Ld
       da aNN
       db _LR
       d_ _NY
       Ra aLR
       Rb bLR
       R_ _RS""",
    "S",
    "_",
)
# Never halts: from one end of its word to the other, and turns each letter round every time.
BOUNCER = machine("Ra bRR\nRb aRR\nR_ _LL\nLa bLL\nLb aLL\nL_ _RR", "R", "_")


@st.composite
def turing_machines(draw: st.DrawFn) -> rc.TuringMachine:
    """Machines of few states and symbols, of which some pairs have no transition."""
    symbols = "_abcd"[: draw(st.integers(1, 5))]
    states = "PQRS"[: draw(st.integers(1, 4))]
    action = st.tuples(st.sampled_from(states), st.sampled_from(symbols), st.sampled_from("LNRRLL"))
    pairs = [(state, symbol) for state in states for symbol in symbols]
    rules = draw(st.dictionaries(st.sampled_from(pairs), action, min_size=len(pairs) // 2 + 1))
    return rc.TuringMachine(rules, draw(st.sampled_from([state for state, _ in rules])))


@st.composite
def tapes(draw: st.DrawFn, of: rc.TuringMachine, longest: int = 8) -> list[str]:
    """Any tape of a machine, also with blanks in it and at its ends."""
    return draw(st.lists(st.sampled_from(of.symbols), max_size=longest))
