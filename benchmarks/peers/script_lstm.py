"""The LSTM with its stages as PyTorch's users write it: a cell and its loop over time, by TorchScript.

What is fixed when the module is made is ``Final``, so TorchScript drops the branches that a variant does not
take. The products W x of all steps are made at once, before the loop. Parameters have the names and the
layout of ours. (TorchScript reads annotations as objects: no ``from __future__`` here.)
"""

from typing import Any, Final

import torch
from recurra import Network
from torch import Tensor


class ScriptLSTM(torch.nn.Module):
    """(batch, time, features) to the same; gates i, f, g, o, or i, g, o if they are coupled."""

    hidden: Final[int]
    gates: Final[int]
    coupled: Final[bool]
    layer_norm: Final[bool]
    peephole: Final[bool]
    projection: Final[bool]
    zoneout: Final[float]
    recurrent_dropout: Final[float]

    def __init__(self, net: Network) -> None:
        super().__init__()
        options: dict[str, Any] = net.layers[0].options
        self.hidden = int(options["hidden_size"])
        self.coupled = bool(options.get("coupled", False))
        self.gates = 3 if self.coupled else 4
        self.layer_norm = bool(options.get("layer_norm", False))
        self.peephole = options.get("peephole", "none") == "current"
        self.projection = "projection" in options
        self.zoneout = float(options.get("zoneout", 0.0))
        self.recurrent_dropout = float(options.get("recurrent_dropout", 0.0))
        for name, values in net.parameters.items():
            self.register_parameter(name.removeprefix("0."), torch.nn.Parameter(torch.tensor(values)))

    def forward(self, x: Tensor) -> Tensor:
        """Run over the sequences."""
        products = x.transpose(0, 1) @ self.weight_ih.t()
        if self.layer_norm:
            products = self.normed(products, self.gain_ih, self.gates)
        products = products + self.bias
        h = torch.zeros([x.size(0), self.weight_hh.size(1)], dtype=x.dtype)
        c = torch.zeros([x.size(0), self.hidden], dtype=x.dtype)
        mask = torch.ones_like(h)
        if self.recurrent_dropout > 0 and self.training:
            mask = torch.nn.functional.dropout(mask, self.recurrent_dropout)
        outputs: list[Tensor] = []
        for product in products.unbind(0):
            fed = h
            if self.recurrent_dropout > 0:
                fed = h * mask
            h, c = self.step(product, fed, h, c)
            outputs.append(h)
        return torch.stack(outputs, 1)

    def step(self, product: Tensor, fed: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Make the next h and c of W x + b, of h as it is fed, and of the states before."""
        recurrent = fed @ self.weight_hh.t()
        if self.layer_norm:
            recurrent = self.normed(recurrent, self.gain_hh, self.gates)
        parts = (product + recurrent).chunk(self.gates, 1)
        i, g, o = parts[0], torch.tanh(parts[-2]), parts[-1]
        if self.peephole:
            i = i + self.peephole_i * c
        i = torch.sigmoid(i)
        if self.coupled:
            f = 1 - i
        else:
            f = parts[1]
            if self.peephole:
                f = f + self.peephole_f * c
            f = torch.sigmoid(f)
        new_c = f * c + i * g
        read = new_c
        if self.layer_norm:
            read = self.normed(new_c, self.gain_c, 1) + self.shift_c
        if self.peephole:
            o = o + self.peephole_o * read
        new_h = torch.sigmoid(o) * torch.tanh(read)
        if self.projection:
            new_h = new_h @ self.weight_hr.t()
        if self.zoneout > 0:
            new_h, new_c = self.kept(h, new_h), self.kept(c, new_c)
        return new_h, new_c

    def normed(self, a: Tensor, gain: Tensor, gates: int) -> Tensor:
        """Normalise each gate over its units."""
        apart = a.unflatten(-1, [gates, self.hidden])
        return torch.nn.functional.layer_norm(apart, [self.hidden], eps=1e-5).flatten(-2) * gain

    def kept(self, old: Tensor, new: Tensor) -> Tensor:
        """Keep the old value of some units at random, or in proportion outside training."""
        if self.training:
            return torch.where(torch.rand_like(new) < self.zoneout, old, new)
        return new + self.zoneout * (old - new)
