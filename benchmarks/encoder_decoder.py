"""Training steps of an encoder and decoder, and greedy decoding, beside the same made of PyTorch modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import recurra as rc
import torch

from benchmarks.cells import copy_weights
from benchmarks.native import Native
from benchmarks.tables import number, print_row, ratio
from benchmarks.timing import Run, by_turns, repeated

BATCH, TIME, VOCABULARY, EMBEDDED = 32, 20, 60, 64
START = VOCABULARY
COLUMNS = (
    "hidden",
    "attention",
    "training: recurra",
    "torch",
    "/ ours",
    "greedy: recurra",
    "torch",
    "/ ours",
)
WIDTHS = (6, 9, 17, 9, 7, 15, 9, 7)


def network(hidden: int, score: str) -> rc.Network:
    """Both sides of one GRU; attention beside it or none."""
    units = hidden if score == "additive" else None
    attention = [] if score == "none" else [rc.Attention(score, units)]
    width = hidden if score == "none" else 2 * hidden
    encoder = [rc.Embedding(VOCABULARY, EMBEDDED), rc.GRU(EMBEDDED, hidden)]
    decoder = [rc.Embedding(VOCABULARY + 1, EMBEDDED), rc.GRU(EMBEDDED, hidden), *attention]
    return rc.Network(
        [rc.EncoderDecoder(encoder, [*decoder, rc.Linear(width, VOCABULARY)], start=START)], seed=1
    )


class Peer(torch.nn.Module):
    """The same network with the same weights."""

    def __init__(self, net: rc.Network, hidden: int, score: str) -> None:
        super().__init__()
        values = {name: torch.from_numpy(v.copy()) for name, v in net.parameters.items()}
        self.score = score
        self.source = torch.nn.Embedding.from_pretrained(values["0.encoder.0.weight"], freeze=False)
        self.target = torch.nn.Embedding.from_pretrained(values["0.decoder.0.weight"], freeze=False)
        self.reads, self.writes = (torch.nn.GRU(EMBEDDED, hidden, batch_first=True) for _ in range(2))
        copy_weights(net, self.reads, "_l0", "0.encoder.1.")
        copy_weights(net, self.writes, "_l0", "0.decoder.1.")
        last = "0.decoder.2." if score == "none" else "0.decoder.3."
        self.out = torch.nn.Linear(*values[f"{last}weight"].shape[::-1])
        self.out.weight.data, self.out.bias.data = values[f"{last}weight"], values[f"{last}bias"]
        if score == "additive":
            names = ("weight_query", "weight_key", "bias", "weight_score")
            self.additive = torch.nn.ParameterList([values[f"0.decoder.2.{name}"] for name in names])

    def attend(self, y: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        """Set the contexts beside y."""
        if self.score == "none":
            return y
        if self.score == "dot":
            scores = y @ memory.transpose(1, 2)
        else:
            query, key, bias, weight = self.additive
            matched = torch.tanh((y @ query.T)[:, :, None] + (memory @ key.T + bias)[:, None])
            scores = (matched @ weight.T)[..., 0]
        return torch.cat([y, torch.softmax(scores, -1) @ memory], -1)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Score the classes of every step."""
        memory, state = self.reads(self.source(x))
        y, _ = self.writes(self.target(seen), state)
        return self.out(self.attend(y, memory))

    @torch.no_grad()
    def greedy(self, x: torch.Tensor, steps: int) -> torch.Tensor:
        """Write so many symbols, the likeliest at each step."""
        memory, state = self.reads(self.source(x))
        symbol = torch.full((len(x), 1), START)
        written = []
        for _ in range(steps):
            y, state = self.writes(self.target(symbol), state)
            symbol = self.out(self.attend(y, memory)).argmax(-1)
            written.append(symbol)
        return torch.cat(written, 1)


def runs(hidden: int, score: str) -> dict[str, Run]:
    """Both tasks of both sides, found equal first."""
    net = network(hidden, score)
    peer = Peer(net, hidden, score)
    random = np.random.default_rng(0)
    x, y = (random.integers(0, VOCABULARY, (BATCH, TIME)) for _ in range(2))
    x_torch, y_torch = torch.from_numpy(x), torch.from_numpy(y)
    seen = torch.cat([torch.full((BATCH, 1), START), y_torch[:, :-1]], 1)

    def torch_step() -> float:
        peer.zero_grad()
        logits = peer(x_torch, seen).reshape(-1, VOCABULARY)
        loss = torch.nn.functional.cross_entropy(logits, y_torch.reshape(-1))
        torch.autograd.backward(loss)
        return loss.item()

    ours, theirs = net.loss_and_gradient(x, y, "cross_entropy")[0], torch_step()
    written = np.array([d[0].symbols for d in net.decode(x, max_length=TIME)])
    agree = float(np.mean(written == peer.greedy(x_torch, TIME).numpy()))
    if abs(ours - theirs) > 1e-4 * theirs or agree < 0.98:  # a tie may fall either way
        raise AssertionError(f"{score}: losses {ours} and {theirs}, {agree:.1%} of the symbols agree")

    return {
        "training_recurra": repeated(lambda: net.loss_and_gradient(x, y, "cross_entropy")),
        "training_torch": repeated(torch_step),
        "greedy_recurra": repeated(lambda: net.decode(x, max_length=TIME)),
        "greedy_torch": repeated(lambda: peer.greedy(x_torch, TIME)),
    }


def run(native: Native, quick: bool) -> Iterator[dict[str, Any]]:
    """Print the table, size by size."""
    torch.set_num_threads(1)
    rc.set_num_threads(1)
    print(
        f"\nAn encoder and decoder of one GRU each: batch {BATCH}, {TIME} steps in and out, embeddings of "
        f"{EMBEDDED}, {VOCABULARY} classes."
    )
    print("One thread. Milliseconds, medians. / ours: PyTorch's time over ours.")
    print_row(COLUMNS, WIDTHS)
    for hidden in (64,) if quick else (64, 128, 256):
        for score in ("none", "dot", "additive"):
            timings = by_turns(runs(hidden, score), 1.0 if quick else 8.0)
            row: dict[str, Any] = {"table": "encoder_decoder", "hidden": hidden, "attention": score}
            row |= {"batch": BATCH, "time": TIME, "threads": 1}
            texts = [str(hidden), score]
            for task in ("training", "greedy"):
                ours, theirs = (timings[f"{task}_{side}"].median for side in ("recurra", "torch"))
                row |= {f"{task}_recurra": ours, f"{task}_torch": theirs}
                texts += [number(ours / 1e6, 2), number(theirs / 1e6, 2), ratio(theirs / ours)]
            print_row(texts, WIDTHS)
            yield row
