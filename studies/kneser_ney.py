"""N-grams with interpolated Kneser-Ney smoothing, the language model that recurrent ones are measured by.

p_n(w | h) = max(c(h w) - D, 0) / c(h) + D N(h) / c(h) p_{n-1}(w | h without its first), where N(h) counts the
different words seen behind h. Below the highest order c(g) is in how many different contexts g was seen. The
shortest history has probability 1 / (size of the vocabulary) below it. D = n1 / (n1 + 2 n2) for each order,
with n1 and n2 the numbers of n-grams of count 1 and 2.

Source: R. Kneser and H. Ney, ICASSP 1995; H. Ney et al., Computer Speech and Language 8 (1994), for D;
S. F. Chen and J. Goodman, Computer Speech and Language 13 (1999), for the interpolation.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Gram = tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """Counts of n-grams of one length."""

    counts: Counter[Gram]
    totals: Counter[Gram]  # of a history
    types: Counter[Gram]  # different words behind a history
    discount: float


def make_order(counts: Counter[Gram]) -> Order:
    """What is needed of these counts."""
    totals: Counter[Gram] = Counter()
    for gram, times in counts.items():
        totals[gram[:-1]] += times
    types = Counter(gram[:-1] for gram in counts)
    often = Counter(counts.values())
    once, twice = often[1], often[2]
    discount = once / (once + 2 * twice) if once else 0.5  # none was seen once: any discount will do
    return Order(counts, totals, types, discount)


class KneserNey:
    """Of so many words at most, learned from a text of ids below `vocabulary`."""

    def __init__(self, ids: npt.NDArray[np.int64], order: int, vocabulary: int) -> None:
        text = ids.tolist()
        counts = Counter(zip(*(text[k:] for k in range(order)), strict=False))
        orders = [make_order(counts)]
        for _ in range(order - 1):
            counts = Counter(gram[1:] for gram in counts)
            orders.append(make_order(counts))
        self._orders = orders[::-1]  # that of single words first
        self._uniform = 1 / vocabulary

    def probability(self, history: Gram, token: int) -> float:
        """Of a token behind a history, of which the latest tokens count."""
        found = self._uniform
        for n, order in enumerate(self._orders):
            if n > len(history):
                break
            context = history[len(history) - n :]
            total = order.totals.get(context, 0)
            if total == 0:
                break
            seen = max(order.counts.get((*context, token), 0) - order.discount, 0)
            found = (seen + order.discount * order.types[context] * found) / total
        return found

    def perplexity(self, ids: npt.NDArray[np.int64]) -> float:
        """Of a text, all tokens but the first."""
        text, most = ids.tolist(), len(self._orders) - 1
        total = sum(
            math.log(self.probability(tuple(text[max(0, t - most) : t]), text[t]))
            for t in range(1, len(text))
        )
        return math.exp(-total / (len(text) - 1))
