"""A language model that writes on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recurra._arrays import IntArray, check_seed, count, integers
from recurra._network_base import NetworkBase
from recurra._sampling import Sampling
from recurra._stream import Stream, StreamWeights

PIECE = 64  # steps of a prompt that are made at once: their outputs have a row each


class GenerateMethods(NetworkBase):
    """What a `Network` of ids writes."""

    def generate(
        self,
        prompt: npt.ArrayLike,
        steps: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        weights: StreamWeights | None = None,
    ) -> IntArray:
        """Symbols drawn one after the other, each fed back as the next input.

        The network reads class ids, and its outputs are logits (or log probabilities) of the next one. It
        runs as a stream, so its memory does not grow with `steps`; dropout is off.

        Args:
            prompt: (time,) or (batch, time) class ids that it reads first, at least one step.
            steps: How many symbols to draw.
            temperature: Logits are divided by it: below 1 likely symbols become likelier; 0: the likeliest.
            top_k: Draw among so many likeliest symbols; at most the network's outputs. None: among all.
            top_p: Of those, draw among the fewest likeliest whose probabilities add up to this, in (0, 1].
            seed: The same seed draws the same symbols from the same outputs.
            weights: How the weights are kept, see `stream`.

        Returns:
            (steps,), or (batch, steps) if the prompt has a batch axis, without the prompt.

        Raises:
            ValueError: a setting out of range, an id that the network does not know, or a network whose
                outputs cannot be its inputs.
            OverflowError: an output is not finite.

        Source: temperature: D. H. Ackley et al., Cognitive Science 9 (1985); `top_k`: A. Fan et al., ACL
        2018; `top_p`: A. Holtzman et al., ICLR 2020.
        """
        steps = count("generate: steps", steps, 1)
        sampling = Sampling(temperature, top_k, top_p)
        rng = np.random.default_rng(check_seed(seed))
        self._check_symbols(top_k)
        ids = integers("generate: prompt", prompt)
        if ids.ndim not in (1, 2) or 0 in ids.shape:
            raise ValueError(
                f"generate: prompt has shape {ids.shape}, expected (time,) or (batch, time), at least one "
                "step"
            )
        batch = len(ids) if ids.ndim == 2 else None
        stream = Stream(self._core, batch, self._blocks, self._initial, weights)
        for begin in range(0, ids.shape[-1], PIECE):
            logits = stream.process(np.ascontiguousarray(ids[..., begin : begin + PIECE]))[..., -1, :]
        drawn = np.empty((steps, *ids.shape[:-1]), np.int64)
        for t in range(steps):
            drawn[t] = sampling.draw(logits, rng)
            if t + 1 < steps:
                logits = stream.step(drawn[t] if batch is not None else int(drawn[t]))
        return np.ascontiguousarray(np.moveaxis(drawn, 0, -1))

    def _check_symbols(self, top_k: int | None) -> None:
        if not self._core.takes_ids or self._core.decodes or self._core.pools:
            raise ValueError(
                "generate: the network gives no output for each class id it reads, expected an Embedding "
                "first and an output at every step"
            )
        if self.output_size > self._core.num_ids:
            raise ValueError(
                f"generate: the network has {self.output_size} outputs, expected at most "
                f"{self._core.num_ids}, as many as it reads ids: an output is the next input"
            )
        if top_k is not None and top_k > self.output_size:
            raise ValueError(f"generate: top_k is {top_k}, expected 1 .. {self.output_size}")
