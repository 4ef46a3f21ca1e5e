"""The same language model in PyTorch: equal weights at the beginning, equal batches, equally many updates."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import recurra as rc


class Twin:
    """An Embedding, an LSTM and a Linear layer with a network's parameters."""

    def __init__(self, network: rc.Network) -> None:
        import torch

        torch.set_num_threads(1)
        values: dict[str, Any] = {name: torch.tensor(value) for name, value in network.parameters.items()}
        self._embedding = torch.nn.Embedding(*values["0.weight"].shape)
        self._embedding.weight.data = values["0.weight"]
        units, inputs = values["1.weight_hh"].shape[1], values["1.weight_ih"].shape[1]
        self._lstm = torch.nn.LSTM(inputs, units, batch_first=True)
        self._lstm.weight_ih_l0.data, self._lstm.weight_hh_l0.data = (
            values["1.weight_ih"],
            values["1.weight_hh"],
        )
        self._lstm.bias_ih_l0.data = values["1.bias"]
        self._lstm.bias_hh_l0.data = torch.zeros(4 * units)  # ours has one bias
        self._lstm.bias_hh_l0.requires_grad_(False)
        self._linear = torch.nn.Linear(units, len(values["2.weight"]))
        self._linear.weight.data, self._linear.bias.data = values["2.weight"], values["2.bias"]
        modules = (self._embedding, self._lstm, self._linear)
        self._parameters = [p for module in modules for p in module.parameters() if p.requires_grad]

    def _windows(self, parts: rc.text.Tracks, batch_size: int, learn: Any = None) -> float:  # noqa: ANN401
        """One pass with the state carried on; the mean loss. `learn` gets the loss of each window."""
        import torch

        state, total, count = None, 0.0, 0
        for first in range(0, len(parts.x), batch_size):
            rows = slice(first, first + batch_size)
            valid = torch.arange(parts.x.shape[1]) < torch.tensor(parts.lengths[rows])[:, None]
            hidden, state = self._lstm(self._embedding(torch.tensor(parts.x[rows])), state)
            state = tuple(part.detach() for part in state)
            loss = torch.nn.functional.cross_entropy(
                self._linear(hidden)[valid], torch.tensor(parts.y[rows])[valid]
            )
            number = int(valid.sum())
            total, count = total + loss.item() * number, count + number
            if learn is not None:
                learn(loss)
        return total / count

    def train(
        self, parts: rc.text.Tracks, batch_size: int, epochs: int, rate: float, clip_norm: float
    ) -> float:
        """Adam; the seconds it took."""
        import torch

        optimizer = torch.optim.Adam(self._parameters, lr=rate)

        def learn(loss: Any) -> None:  # noqa: ANN401
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._parameters, clip_norm)
            optimizer.step()

        start = time.perf_counter()
        for _ in range(epochs):
            self._windows(parts, batch_size, learn)
        return time.perf_counter() - start

    def perplexity(self, ids: npt.NDArray[np.int64]) -> float:
        """Of a text, read from its beginning."""
        import torch

        with torch.no_grad():
            return math.exp(self._windows(rc.text.tracks(ids, 256, 1), 1))
