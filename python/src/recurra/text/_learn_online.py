"""A learner that reads a text, token by token."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from recurra._losses import CrossEntropy
from recurra._online import Online
from recurra.text._tracks import read_text


def learn_online(
    learner: Online, ids: npt.ArrayLike, progress: Callable[[int, float], None] | None = None
) -> float:
    """Let a learner read a text: each token is predicted from those before it, then learned from.

    With ``Online(net, rule=BPTT(5), loss="cross_entropy", optimizer=SGD(0.1))`` this trains as the first
    recurrent language models were. Over a text to be scored it is their dynamic evaluation: exp of what is
    returned is the perplexity of a model that goes on learning from what it has just been judged by.

    Args:
        learner: Of one sequence (no `batch_size`), with a loss that takes class ids. It goes on from its
            state; a text of its own begins with ``learner.reset()``.
        ids: (tokens,) class ids, at least 2.
        progress: Called at every thousandth token and the last with the number of tokens and the mean so far.

    Returns:
        The mean loss of all tokens but the first, each before it was learned from.

    Raises:
        ValueError, TypeError: ids that the network does not know.
        OverflowError: a loss is not finite; what was learned before stays.

    Source: T. Mikolov et al., Recurrent neural network based language model, Interspeech 2010; the window
    T. Mikolov et al., Extensions of recurrent neural network language model, ICASSP 2011.
    """
    if not isinstance(learner, Online):
        raise TypeError(f"learn_online: learner is a {type(learner).__name__}, expected a recurra.Online")
    kind = learner._loss
    weighted = isinstance(kind, CrossEntropy) and (kind.class_weights or kind.ignore_index is not None)
    if not kind.takes_classes or weighted:
        raise ValueError(
            f"learn_online: loss is {kind!r}, expected cross_entropy in which all tokens count alike"
        )
    text = read_text("learn_online: ids", ids).tolist()
    if learner._batched:
        raise ValueError(f"learn_online: learner has batch_size {learner.batch_size}, expected None")
    step: Callable[[int, int], tuple[object, float]] = learner.step  # type: ignore[assignment]  # a target: a loss
    total = 0.0
    for i in range(1, len(text)):
        _, loss = step(text[i - 1], text[i])
        total += loss
        if progress is not None and (i % 1000 == 0 or i + 1 == len(text)):
            progress(i, total / i)
    return total / (len(text) - 1)
