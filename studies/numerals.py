"""Numbers below a million in digits and in the letters of English words, both as sequences of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]

LARGEST = 999_999
UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DIGITS = "0123456789"
LETTERS = "".join(sorted(set(" ".join((*UNITS, *TENS, "hundred", "thousand")))))  # a space among them


def words(number: int) -> list[str]:
    """A number as it is said, without "and": 12 345 is twelve thousand three hundred forty five."""
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        return [*words(thousands), "thousand", *(words(rest) if rest else [])]
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return [UNITS[hundreds], "hundred", *(words(rest) if rest else [])]
    if number >= 20:
        tens, rest = divmod(number, 10)
        return [TENS[tens - 2], *([UNITS[rest]] if rest else [])]
    return [UNITS[number]]


def read(said: Sequence[str]) -> int:
    """The number that is said, however badly formed; the inverse of `words`."""
    total = part = 0
    for word in said:
        if word == "thousand":
            total, part = total + 1000 * part, 0
        elif word == "hundred":
            part *= 100
        else:
            part += UNITS.index(word) if word in UNITS else 10 * TENS.index(word) + 20
    return total + part


@dataclass(frozen=True)
class Script:
    """How numbers are written: the symbols, in the order of their ids."""

    name: str
    symbols: str

    def write(self, number: int) -> Ids:
        """The ids of a number's symbols."""
        said = str(number) if self.symbols == DIGITS else " ".join(words(number))
        return np.array([self.symbols.index(symbol) for symbol in said])

    def spell(self, ids: Iterable[int]) -> str:
        """The symbols of these ids."""
        return "".join(self.symbols[i] for i in ids)


IN_DIGITS, IN_LETTERS = Script("digits", DIGITS), Script("letters", LETTERS)


def draw(count: int, seed: int) -> list[int]:
    """Distinct numbers, the logarithm of n + 1 uniform but for the few short ones, which run out."""
    rng = np.random.default_rng(seed)
    drawn: dict[int, None] = {}
    while len(drawn) < count:
        drawn[int((LARGEST + 2) ** rng.random()) - 1] = None
    numbers = list(drawn)
    rng.shuffle(numbers)  # the last ones drawn are long: the short ones were there already
    return numbers


def distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Insertions, deletions and replacements from one sequence to the other (V. Levenshtein, 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
