"""Translation without a recurrent network: the nearest example, and one classifier per place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from studies.numerals import Ids


def aligned(sequences: Sequence[Ids], places: int, symbols: int) -> npt.NDArray[np.float32]:
    """One-hot codes of the last `places` symbols, the last one last."""
    codes = np.zeros((len(sequences), places, symbols), np.float32)
    for code, sequence in zip(codes, sequences, strict=True):
        last = sequence[-places:]
        code[np.arange(places - len(last), places), last] = 1
    return codes.reshape(len(sequences), -1)


def nearest(x: Sequence[Ids], y: Sequence[Ids], symbols: int, queries: Sequence[Ids]) -> list[Ids]:
    """The target of the training source that agrees in most places, counted from the end."""
    places = max(map(len, x))
    codes, asked = (aligned(part, places, symbols) for part in (x, queries))
    return [y[i] for i in (asked @ codes.T).argmax(axis=1)]


def by_place(x: Sequence[Ids], y: Sequence[Ids], symbols: int, queries: Sequence[Ids]) -> list[Ids]:
    """Logistic regression of each place of the target, counted from its end, on the whole source."""
    nothing = -1  # the class of a place before the target's start
    places, source_places = max(map(len, y)), max(map(len, x))
    codes, asked = (aligned(part, source_places, symbols) for part in (x, queries))
    columns = []
    for place in range(1, places + 1):
        classes = [target[-place] if len(target) >= place else nothing for target in y]
        columns.append(LogisticRegression(max_iter=1000).fit(codes, classes).predict(asked))
    return [row[row != nothing] for row in np.stack(columns[::-1], axis=1)]
