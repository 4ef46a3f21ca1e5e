"""Classifiers of a token by the tokens around it: what labelling needs without a recurrent network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

Ids = npt.NDArray[np.int64]
Predict: TypeAlias = Callable[[Sequence[Ids]], list[Ids]]
Classifier: TypeAlias = Callable[[Sequence[Ids], Sequence[Ids], int, int, int], Predict]

HIDDEN = 64


def one_hot_windows(sequences: Sequence[Ids], width: int, tokens: int) -> csr_matrix:
    """A row per token: the one-hot codes of it and of `width` neighbours on each side, 0 beyond the ends."""
    side, span = np.full(width, -1), 2 * width + 1
    rows = [
        np.lib.stride_tricks.sliding_window_view(np.concatenate([side, sequence, side]), span)
        for sequence in sequences
    ]
    ids = np.concatenate(rows)
    row, place = np.nonzero(ids >= 0)
    columns = place * tokens + ids[row, place]
    return csr_matrix((np.ones(len(row), np.float32), (row, columns)), shape=(len(ids), span * tokens))


def _fitted(
    model: LogisticRegression | MLPClassifier, x: Sequence[Ids], y: Sequence[Ids], width: int, tokens: int
) -> Predict:
    model.fit(one_hot_windows(x, width, tokens), np.concatenate(y))

    def predict(sequences: Sequence[Ids]) -> list[Ids]:
        flat = model.predict(one_hot_windows(sequences, width, tokens))
        return np.split(flat, np.cumsum([len(sequence) for sequence in sequences])[:-1])

    return predict


def logistic(x: Sequence[Ids], y: Sequence[Ids], width: int, tokens: int, seed: int) -> Predict:
    """Logistic regression, which has nothing to draw by a seed."""
    del seed
    return _fitted(LogisticRegression(C=0.1, max_iter=1000), x, y, width, tokens)


def perceptron(x: Sequence[Ids], y: Sequence[Ids], width: int, tokens: int, seed: int) -> Predict:
    """One hidden layer, trained until a tenth of the training data says stop."""
    model = MLPClassifier((HIDDEN,), early_stopping=True, n_iter_no_change=3, max_iter=40, random_state=seed)
    return _fitted(model, x, y, width, tokens)
