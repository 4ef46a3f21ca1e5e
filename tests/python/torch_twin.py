"""The same networks in PyTorch, whose second bias per gate is held at zero."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import recurra as rc

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

Array = npt.NDArray[Any]
Tensor = Any

# The cells that PyTorch has, by registered name; the others have a transcription (cell_references.py).
TORCH_CELLS = ("Elman(activation=tanh)", "Elman(activation=relu)", "LSTM", "GRU(reset=after)")
# Elman's logistic function is written below: with it the whole suite of test_torch.py runs.
TWIN_CELLS = (*TORCH_CELLS, "Elman(activation=logistic)")


class Twin:
    """A network of cells and Linear layers, with gradients and parameters laid out as Recurra's."""

    def __init__(self, network: rc.Network) -> None:
        self.network = network
        self.dtype = torch.float32 if network.dtype == np.float32 else torch.float64
        self.modules = [self._module(i, layer) for i, layer in enumerate(network.layers)]

    def _module(self, i: int, layer: rc.Layer) -> Any:  # noqa: ANN401
        values = {
            name.split(".")[1]: torch.tensor(v)
            for name, v in self.network.parameters.items()
            if name.startswith(f"{i}.")
        }
        if layer.type == "Linear":
            module = torch.nn.Linear(
                layer.options["input_size"], layer.options["output_size"], dtype=self.dtype
            )
            module.weight.data, module.bias.data = values["weight"], values["bias"]
            return module
        if layer.options.get("activation") == "logistic":
            return LogisticElman(values)
        kind = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "Elman": torch.nn.RNN}[layer.type]
        variant = {"nonlinearity": layer.options["activation"]} if layer.type == "Elman" else {}
        sizes = layer.options["input_size"], layer.options["hidden_size"]
        module = kind(*sizes, batch_first=True, dtype=self.dtype, **variant)
        rows = module.bias_ih_l0.numel()
        module.weight_ih_l0.data, module.weight_hh_l0.data = values["weight_ih"], values["weight_hh"]
        module.bias_ih_l0.data = values["bias"][:rows]
        module.bias_hh_l0.data.zero_()
        if layer.type == "GRU":
            units = rows // 3
            module.bias_hh_l0.data[2 * units :] = values["bias"][rows:]
            only_q = torch.cat([torch.zeros(2 * units), torch.ones(units)]).to(self.dtype)
            module.bias_hh_l0.register_hook(lambda gradient: gradient * only_q)
        else:
            module.bias_hh_l0.requires_grad_(False)
        return module

    def parameters(self) -> list[Tensor]:
        return [p for module in self.modules for p in module.parameters() if p.requires_grad]

    def _flatten(self, read: Any) -> Array:  # noqa: ANN401
        parts = []
        for module in self.modules:
            if isinstance(module, torch.nn.Linear):
                tensors = [module.weight, module.bias]
            else:
                tensors = [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0]
            parts += [read(t).ravel() for t in tensors]
            if isinstance(module, torch.nn.GRU):
                parts.append(read(module.bias_hh_l0)[-module.hidden_size :])
        return np.concatenate(parts)

    def flat(self) -> Array:
        """The present parameters, laid out as `Network.flat`."""
        return self._flatten(lambda tensor: tensor.detach().numpy().copy())

    def gradient(self) -> Array:
        """The gradients, laid out as `Network.flat`."""
        return self._flatten(lambda tensor: tensor.grad.numpy().copy())

    def __call__(self, x: Tensor, lengths: Array, state: rc.State | None) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs, zero past the ends, and final states by Recurra's names; lengths are at least 1."""
        mask = torch.arange(x.shape[1])[None] < torch.tensor(lengths)[:, None]
        final: dict[str, Tensor] = {}
        for i, module in enumerate(self.modules):
            if isinstance(module, torch.nn.Linear):
                x = module(x)
                continue
            start = (
                {k: torch.tensor(state[f"{i}.{k}"])[None] for k in "hc" if f"{i}.{k}" in state}
                if state
                else {}
            )
            if isinstance(module, LogisticElman):
                x, final[f"{i}.h"] = module(x, mask, start.get("h"))
                continue
            packed = torch.nn.utils.rnn.pack_padded_sequence(
                x, lengths.tolist(), batch_first=True, enforce_sorted=False
            )
            initial = (start["h"], start["c"]) if "c" in start else start.get("h")
            packed, last = module(packed, initial)
            x, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
            for name, value in zip("hc", last if isinstance(last, tuple) else (last,), strict=False):
                final[f"{i}.{name}"] = value[0]
        return x * mask[..., None], final


class LogisticElman:
    """Elman's network with the logistic function, which torch.nn.RNN lacks."""

    def __init__(self, values: dict[str, Tensor]) -> None:
        self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0 = (
            torch.nn.Parameter(values[name]) for name in ("weight_ih", "weight_hh", "bias")
        )

    def parameters(self) -> list[Tensor]:
        return [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0]

    def __call__(self, x: Tensor, mask: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        h = torch.zeros(x.shape[0], self.weight_hh_l0.shape[0], dtype=x.dtype) if start is None else start[0]
        outputs = []
        for t in range(x.shape[1]):
            a = x[:, t] @ self.weight_ih_l0.T + h @ self.weight_hh_l0.T + self.bias_ih_l0
            h = torch.where(mask[:, t, None], torch.sigmoid(a), h)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h


def torch_module(name: str, directions: list[dict[str, Tensor]]) -> Any:  # noqa: ANN401
    """One of TORCH_CELLS with Recurra's parameters, one dictionary per direction."""
    type_name, _, variant = name.rstrip(")").partition("(")
    gates, kind = {"LSTM": (4, torch.nn.LSTM), "GRU": (3, torch.nn.GRU), "Elman": (1, torch.nn.RNN)}[
        type_name
    ]
    first = directions[0]
    rows, inputs = first["weight_ih"].shape
    options: dict[str, Any] = {"nonlinearity": variant.split("=")[1]} if type_name == "Elman" else {}
    if "weight_hr" in first:
        options["proj_size"] = len(first["weight_hr"])
    module = kind(
        inputs,
        rows // gates,
        batch_first=True,
        bidirectional=len(directions) == 2,
        dtype=first["weight_ih"].dtype,
        **options,
    )
    for suffix, p in zip(("l0", "l0_reverse"), directions, strict=False):
        extra = p["bias"][rows:]  # GRU's b_q
        values = {key: value for key, value in p.items() if key != "bias"}
        values["bias_ih"] = p["bias"][:rows]
        values["bias_hh"] = torch.cat([torch.zeros(rows - len(extra), dtype=extra.dtype), extra])
        for key, value in values.items():
            getattr(module, f"{key}_{suffix}").data = value
    return module


def torch_run(
    module: Any,  # noqa: ANN401
    x: Tensor,
    lengths: Array,
    states: list[dict[str, Tensor]],
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Outputs, zero past the ends, and the last state of each direction; lengths are at least 1."""
    names = "hc" if "c" in states[0] else "h"
    start = [torch.stack([state[name] for state in states]) for name in names]
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, lengths.tolist(), batch_first=True, enforce_sorted=False
    )
    packed, last = module(packed, tuple(start) if len(start) == 2 else start[0])
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    final = last if isinstance(last, tuple) else (last,)
    return y, [{name: value[d] for name, value in zip(names, final, strict=True)} for d in range(len(states))]
