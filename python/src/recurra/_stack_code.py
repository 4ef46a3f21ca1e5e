"""Stacks of symbols as numbers that a network can read: the Cantor code of Siegelmann and Sontag, in float64.

Symbol i of k is the digit 2 i + 1, and a stack whose top is w_1 is the number

    q = w_1 / b + w_2 / b^2 + ...,   b the smallest power of two that is at least 2 k,

in 0 <= q < 1: q = 0 is the empty stack. Two symbols have the digits 1 and 3 in base 4, as in the paper.
What lies below the top is r = b q - w_1, and 0 <= r < 1, so b q is never strictly between an even and the
next odd number: a saturated unit tells without an error in between whether the top is at least w,

    min(max(b q - w + 1, 0), 1)  is  1 if w_1 >= w, and 0 if w_1 < w.

Push is (q + w) / b and pop is b q - w_1.

How deep. With b = 2^s a stack of d digits is an odd multiple of 2^(-s d), as its last digit is odd, and
below 1. So float64, with its 53 bits, holds every stack of d digits if s d <= 53, and not all of them if
s d > 53: the first digit 2 k - 1 >= b / 2 makes q >= 1/2, where the numbers have gaps of 2^-53. The units
compute with these numbers besides:

- push and keep add to a multiple of 2^(-s d), d the digits afterwards, and 0 or 1. No sum of some of their
  terms reaches 2 in size: q / b + w / b + 1 < 2. It is exact if s d + 1 <= 53.
- pop adds multiples of 2^(-s (d - 1)), d the digits before, and no sum of some of its terms reaches b + 1
  <= 2^(s + 1) in size. It is exact if s (d - 1) + s + 1 <= 53.

Both allow s d <= 52. As 53 is a prime number, floor(52 / s) = floor(53 / s) for every s > 1, so nothing is
lost to the units: the depth is floor(52 / s). Sums are exact in whatever order the terms are added, with
fused products or without. (What a unit adds up that comes to zero or less may be rounded; it gives 0.)

H. T. Siegelmann and E. D. Sontag, Turing computability with neural nets, Applied Mathematics Letters 4
(1991); On the computational power of neural nets, Journal of Computer and System Sciences 50 (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class StackCode:
    """The code for stacks of `symbols` different symbols."""

    symbols: int

    @property
    def _bits(self) -> int:
        return (2 * self.symbols - 1).bit_length()

    @property
    def base(self) -> int:
        """Of the number: 4 for two symbols."""
        return 1 << self._bits

    @property
    def depth(self) -> int:
        """The most symbols that float64 holds without an error, whatever they are: 26 for two symbols."""
        return 52 // self._bits

    def digit(self, symbol: int) -> int:
        """Of symbol 0 .. symbols - 1."""
        return 2 * symbol + 1

    def number(self, stack: Sequence[int]) -> float:
        """The number of a stack, its top first.

        Raises:
            OverflowError: it is deeper than `depth`.
        """
        if len(stack) > self.depth:
            raise OverflowError(f"number: stack has {len(stack)} symbols, expected at most {self.depth}")
        return float(sum(Fraction(self.digit(s), self.base ** (k + 1)) for k, s in enumerate(stack)))

    def stack(self, number: float) -> list[int]:
        """The stack of a number, its top first.

        Raises:
            ValueError: it is the number of no stack of at most `depth` symbols.
        """
        found: list[int] = []
        left = number
        while 0 < left < 1 and len(found) < self.depth:
            left *= self.base  # exact, and so is the difference
            digit = int(left)
            left -= digit
            if digit % 2 == 0 or digit > self.digit(self.symbols - 1):
                left = number  # a digit that no symbol has
                break
            found.append(digit // 2)
        if left != 0:
            raise ValueError(f"stack: number is {number!r}, expected a stack of at most {self.depth} symbols")
        return found
