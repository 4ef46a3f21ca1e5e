"""Updates of a language model of an embedding, an LSTM and a readout: ours and PyTorch's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import copy_weights
from benchmarks.timing import Run, repeated

UPDATES = 4  # of one call
RATE = 1e-3


def peak_bytes() -> int:
    """Read the most memory that this process has had, from Linux."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert found
    return 1024 * int(found[1])


def network(vocabulary: int, hidden: int, readout: str) -> rc.Network:
    last: rc.Layer = rc.Linear(hidden, vocabulary)
    if readout == "adaptive":
        last = rc.AdaptiveSoftmax(hidden, vocabulary, cutoffs=cutoffs(vocabulary))
    return rc.Network([rc.Embedding(vocabulary, hidden), rc.LSTM(hidden, hidden), last], seed=1)


def cutoffs(vocabulary: int) -> tuple[int, int]:
    return vocabulary // 50, vocabulary // 10


def tokens(vocabulary: int, batch: int, time: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw ids as often as words are used: the c-th most frequent one with 1 / (c + 1)."""
    share = 1 / np.arange(1.0, vocabulary + 1)
    ids = np.random.default_rng(0).choice(vocabulary, (UPDATES * batch, time + 1), p=share / share.sum())
    return np.ascontiguousarray(ids[:, :-1]), np.ascontiguousarray(ids[:, 1:])


def ours(
    vocabulary: int, hidden: int, batch: int, time: int, readout: str, threads: int
) -> tuple[dict[str, float], Run]:
    rc.set_num_threads(threads)
    net = network(vocabulary, hidden, readout)
    x, y = tokens(vocabulary, batch, time)
    first = rc.evaluate(net, x, y, loss="cross_entropy", batch_size=batch)
    loss = rc.SampledSoftmax(4096) if readout == "sampled" else rc.CrossEntropy()
    optimizer = rc.Adam(RATE, lazy=readout == "sampled")

    def update() -> None:
        rc.fit(
            net,
            x,
            y,
            loss=loss,
            optimizer=optimizer,
            epochs=1,
            batch_size=batch,
            shuffle=False,
            progress=False,
        )

    update()
    return {"loss": first, "bytes": peak_bytes()}, repeated(update)


def pytorch(
    vocabulary: int, hidden: int, batch: int, time: int, readout: str, threads: int
) -> tuple[dict[str, float], Run]:
    torch.set_num_threads(threads)
    net = network(vocabulary, hidden, readout)
    embedding = torch.nn.Embedding.from_pretrained(
        torch.from_numpy(net.parameters["0.weight"].copy()), freeze=False
    )
    lstm = torch.nn.LSTM(hidden, hidden, batch_first=True)
    copy_weights(net, lstm, "_l0", "1.")
    x, y = (torch.from_numpy(ids) for ids in tokens(vocabulary, batch, time))
    loss_of = full_loss(net) if readout == "full" else adaptive_loss(net)
    parameters = [*embedding.parameters(), *lstm.parameters(), *loss_of.parameters()]
    del net
    optimizer = torch.optim.Adam(parameters, RATE)

    def loss(i: int) -> torch.Tensor:
        rows = slice(i * batch, (i + 1) * batch)
        result: torch.Tensor = loss_of(lstm(embedding(x[rows]))[0].reshape(-1, hidden), y[rows].reshape(-1))
        return result

    def update() -> None:
        for i in range(UPDATES):
            optimizer.zero_grad()
            torch.autograd.backward(loss(i))
            optimizer.step()

    with torch.no_grad():
        first = float(np.mean([loss(i).item() for i in range(UPDATES)]))
    update()
    return {"loss": first, "bytes": peak_bytes()}, repeated(update)


class Readout(torch.nn.Module):
    """What comes after the LSTM, and its loss."""

    def __init__(
        self, scores: torch.nn.Module, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    ) -> None:
        super().__init__()
        self.scores, self.loss = scores, loss

    def forward(self, h: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Give the mean of -log p."""
        return self.loss(h, wanted)


def full_loss(net: rc.Network) -> Readout:
    weight, bias = (torch.from_numpy(net.parameters[f"2.{name}"].copy()) for name in ("weight", "bias"))
    scores = torch.nn.Linear(weight.shape[1], weight.shape[0])
    scores.weight.data, scores.bias.data = weight, bias
    return Readout(scores, lambda h, wanted: torch.nn.functional.cross_entropy(scores(h), wanted))


def adaptive_loss(net: rc.Network) -> Readout:
    vocabulary, hidden = net.parameters["0.weight"].shape
    scores = torch.nn.AdaptiveLogSoftmaxWithLoss(hidden, vocabulary, [*cutoffs(vocabulary)])
    names = [name for name in net.parameters if name.startswith("2.")]
    for parameter, name in zip(scores.parameters(), names, strict=True):
        parameter.data = torch.from_numpy(net.parameters[name].copy())
    return Readout(scores, lambda h, wanted: scores(h, wanted).loss)
