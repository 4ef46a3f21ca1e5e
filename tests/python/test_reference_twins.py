"""The transcriptions equal PyTorch's modules and ONNX Runtime's operators, and obey identities."""

from collections.abc import Mapping
from typing import Any

import cell_references
import numpy as np
import pytest
from cell_references import bound
from onnx_twin import OPERATORS
from onnx_twin import run as run_onnx
from problems import Array, assert_close
from reference_terms import PLAIN, Run, Stages, Terms, Vectors, bidirectional, walk

torch = pytest.importorskip("torch")

from torch_twin import TORCH_CELLS, torch_module, torch_run  # noqa: E402

INPUT, UNITS, TIME = 3, 4, 6
LENGTHS = np.array([4, 1, 6, 3])

# Rows of weight_ih, weight_hh, weight_mh and bias, in units, and the per-unit parameters.
SHAPES: dict[str, tuple[int, int, int, int, str]] = {
    "Elman(activation=tanh)": (1, 1, 0, 1, ""),
    "Elman(activation=relu)": (1, 1, 0, 1, ""),
    "Elman(activation=logistic)": (1, 1, 0, 1, ""),
    "Elman(activation=saturated)": (1, 1, 0, 1, ""),
    "LeakyElman(leak=1.0)": (1, 1, 0, 1, ""),
    "ResidualRNN(recurrent=false)": (1, 0, 0, 1, ""),
    "LSTM": (4, 4, 0, 4, ""),
    "LSTM(forget_gate=false)": (3, 3, 0, 3, ""),
    "LSTM(coupled=true)": (3, 3, 0, 3, ""),
    "LSTM(peephole=current)": (4, 4, 0, 4, "peephole_i peephole_f peephole_o"),
    "LSTM(peephole=previous)": (4, 4, 0, 4, "peephole_i peephole_f peephole_o"),
    "LSTM(coupled=true, peephole=current)": (3, 3, 0, 3, "peephole_i peephole_o"),
    "LSTM1997": (3, 3, 0, 2, ""),
    "GRU(reset=after)": (3, 3, 0, 4, ""),
    "GRU(reset=before)": (3, 2, 1, 3, ""),
    "IndRNN": (1, 0, 0, 1, "u"),
    "MinGRU": (2, 0, 0, 2, ""),
    "MinLSTM": (3, 0, 0, 3, ""),
    "SRU": (4, 0, 0, 2, "v_f v_r"),
    "ELSTM": (3, 0, 0, 3, "w_f w_z"),
    "LRU": (2, 0, 0, 0, "nu_log theta_log gamma_log"),
    "SLSTM": (4, 4, 0, 4, ""),
}


def draw(name: str, seed: int, fed: int = UNITS) -> dict[str, Array]:
    """Random parameters."""
    rng = np.random.default_rng(seed)
    ih, hh, mh, bias, each = SHAPES[name]
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (ih * UNITS, INPUT),
        "weight_hh": (hh * UNITS, fed),
        "weight_mh": (mh * UNITS, UNITS),
        "bias": (bias * UNITS,),
    }
    shapes |= {unit: (UNITS,) for unit in each.split()}
    if fed != UNITS:
        shapes["weight_hr"] = (fed, UNITS)
    return {key: rng.uniform(-1, 1, shape) for key, shape in shapes.items() if shape[0]}


def draw_rows(name: str, seed: int, batch: int = 4, h: int = UNITS) -> tuple[Array, dict[str, Array]]:
    """A random input and state."""
    rng = np.random.default_rng(seed)
    names = cell_references.states_of(name)
    return rng.normal(size=(batch, TIME, INPUT)), {
        s: rng.normal(size=(batch, h if s == "h" else UNITS)) for s in names
    }


def run_rows(run: Run, x: Array, lengths: Array, state: Mapping[str, Array]) -> tuple[Array, Vectors]:
    """A run over every row of a ragged batch: outputs, zero past the ends, and last states."""
    outputs, finals = [], []
    for row, length in enumerate(lengths):
        ys, final = run(list(x[row, :length]), {s: values[row] for s, values in state.items()})
        outputs.append(np.stack([*ys, *(np.zeros_like(ys[0]) for _ in range(length, x.shape[1]))]))
        finals.append(final)
    return np.stack(outputs), {s: np.stack([final[s] for final in finals]) for s in finals[0]}


def transcribed(name: str, parameters: Mapping[str, Array], stages: Stages = PLAIN) -> Run:
    return walk(bound(name), parameters, np, stages)


@pytest.mark.parametrize("name", OPERATORS)
def test_onnx_operators(name: str) -> None:
    p = draw(name, 0)
    x, state = draw_rows(name, 1)
    y, last = run_rows(transcribed(name, p), x, LENGTHS, state)
    expected, (final,) = run_onnx(name, [p], x, LENGTHS, [state])
    assert_close(y, expected, (2e-5, 2e-6))
    assert set(last) == set(final)
    for s in last:
        assert_close(last[s], final[s], (2e-5, 2e-6), s)


@pytest.mark.parametrize("name", OPERATORS)
def test_onnx_operators_in_both_directions(name: str) -> None:
    parameters = [draw(name, seed) for seed in (2, 3)]
    x, ahead = draw_rows(name, 4)
    _, back = draw_rows(name, 5)
    both = bidirectional(transcribed(name, parameters[0]), transcribed(name, parameters[1]), np)
    state = {f"{d}.{s}": v for d, part in (("forward", ahead), ("reverse", back)) for s, v in part.items()}
    y, last = run_rows(both, x, LENGTHS, state)
    expected, finals = run_onnx(name, list(parameters), x, LENGTHS, [ahead, back])
    assert_close(y, expected, (2e-5, 2e-6))
    for direction, final in zip(("forward", "reverse"), finals, strict=True):
        for s, values in final.items():
            assert_close(last[f"{direction}.{s}"], values, (2e-5, 2e-6), s)


def of_torch(name: str, parameters: list[dict[str, Array]], states: list[dict[str, Array]], x: Array) -> Any:  # noqa: ANN401
    module = torch_module(name, [{k: torch.tensor(v) for k, v in p.items()} for p in parameters])
    tensors = [{s: torch.tensor(v) for s, v in state.items()} for state in states]
    return torch_run(module, torch.tensor(x), LENGTHS, tensors)


@pytest.mark.parametrize("name", TORCH_CELLS)
@pytest.mark.parametrize("directions", [1, 2])
def test_torch_modules(name: str, directions: int) -> None:
    parameters = [draw(name, seed) for seed in range(directions)]
    x, ahead = draw_rows(name, 6)
    _, back = draw_rows(name, 7)
    states = [ahead, back][:directions]
    expected, finals = of_torch(name, parameters, states, x)
    if directions == 1:
        y, last = run_rows(transcribed(name, parameters[0]), x, LENGTHS, ahead)
        last = {f"0.{s}": values for s, values in last.items()}
    else:
        both = bidirectional(transcribed(name, parameters[0]), transcribed(name, parameters[1]), np)
        state = {
            f"{d}.{s}": v
            for d, part in zip(("forward", "reverse"), states, strict=True)
            for s, v in part.items()
        }
        y, last = run_rows(both, x, LENGTHS, state)
        last = {s.replace("forward", "0").replace("reverse", "1"): values for s, values in last.items()}
    assert_close(y, expected.detach(), (1e-12, 1e-13))
    for k, final in enumerate(finals):
        for s, values in final.items():
            assert_close(last[f"{k}.{s}"], values.detach(), (1e-12, 1e-13), s)


def test_torch_s_projection() -> None:
    p, fed = draw("LSTM", 8, fed=2), 2
    x, state = draw_rows("LSTM", 9, h=fed)
    expected, (final,) = of_torch("LSTM", [p], [state], x)
    y, last = run_rows(transcribed("LSTM", p, Stages(projection=True)), x, LENGTHS, state)
    assert y.shape[2] == fed
    assert_close(y, expected.detach(), (1e-12, 1e-13))
    for s in "hc":
        assert_close(last[s], final[s].detach(), (1e-12, 1e-13), s)


def test_normalisation_is_torch_s() -> None:
    v = np.random.default_rng(0).normal(size=7)
    terms = Terms(np, {})
    expected = torch.nn.functional.layer_norm(torch.tensor(v), (7,))
    assert_close(terms.norm(v), expected, (1e-12, 1e-14))


def both_ways(
    left: tuple[str, dict[str, Array]],
    right: tuple[str, dict[str, Array]],
    drop: str = "",
    state: dict[str, Array] | None = None,
) -> None:
    """Two cells that must be the same: outputs, and the states of the left one but those in `drop`."""
    x, drawn = draw_rows(left[0], 10)
    state = drawn if state is None else state
    y, last = run_rows(
        transcribed(*left), x, LENGTHS, {s: state[s] for s in cell_references.states_of(left[0])}
    )
    z, final = run_rows(
        transcribed(*right), x, LENGTHS, {s: state[s] for s in cell_references.states_of(right[0])}
    )
    assert_close(y, z, (1e-11, 1e-12))
    for s in set(last) - set(drop.split()):
        assert_close(last[s], final[s], (1e-11, 1e-12), s)


def test_identity_leak_of_one_is_elman_s_network() -> None:
    p = draw("Elman(activation=tanh)", 0)
    both_ways(("LeakyElman(leak=1.0)", p), ("Elman(activation=tanh)", p))


def test_identity_heads_are_a_block_diagonal_matrix() -> None:
    p = draw("LSTM", 0, fed=2)
    del p["weight_hr"]
    full = np.zeros((4 * UNITS, UNITS))
    for row in range(4 * UNITS):
        head = row % UNITS // 2
        full[row, 2 * head : 2 * head + 2] = p["weight_hh"][row]
    both_ways(("LSTM", p), ("LSTM", p | {"weight_hh": full}))


def test_identity_ind_rnn_is_a_diagonal_matrix() -> None:
    p = draw("IndRNN", 0)
    dense = {"weight_ih": p["weight_ih"], "bias": p["bias"], "weight_hh": np.diag(p["u"])}
    both_ways(("IndRNN", p), ("Elman(activation=relu)", dense))


def test_identity_a_forget_gate_of_one() -> None:
    p = draw("LSTM(forget_gate=false)", 0)
    full = {}
    for key, values in p.items():
        i, g, o = np.split(values, 3)
        full[key] = np.concatenate([i, np.full_like(i, 60 if key == "bias" else 0), g, o])
    both_ways(("LSTM(forget_gate=false)", p), ("LSTM", full))


def test_identity_peepholes_of_zero() -> None:
    p = draw("LSTM(peephole=previous)", 0)
    p |= {key: np.zeros(UNITS) for key in p if key.startswith("peephole")}
    both_ways(("LSTM(peephole=previous)", p), ("LSTM", p))
    both_ways(("LSTM(peephole=current)", p), ("LSTM", p))


def test_identity_peepholes_that_see_the_same_memory() -> None:
    """Where the cell keeps its memory (input gate shut, forget gate open), c is c- and both kinds are one."""
    p = draw("LSTM(peephole=previous)", 0)
    for rows, value in ((slice(0, UNITS), -80.0), (slice(UNITS, 2 * UNITS), 80.0)):
        p["weight_ih"][rows], p["weight_hh"][rows], p["bias"][rows] = 0, 0, value
    both_ways(("LSTM(peephole=previous)", p), ("LSTM(peephole=current)", p))


def test_identity_the_original_lstm_is_one_without_forget_gate() -> None:
    """Where its gates feed nothing. As 2 s(c) - 1 = tanh(c / 2), half its memory is the other's."""
    p = draw("LSTM1997", 0)
    p["weight_hh"] = np.concatenate([p["weight_hh"], np.zeros((3 * UNITS, 2 * UNITS))], axis=1)
    x, state = draw_rows("LSTM1997", 1)
    y, last = run_rows(transcribed("LSTM1997", p), x, LENGTHS, state)
    other = {}
    for key, values in {**p, "bias": np.concatenate([p["bias"], np.zeros(UNITS)])}.items():
        i, o, g = np.split(values, 3)
        other[key] = np.concatenate([i, g / 2, o])
    other["weight_hh"] = other["weight_hh"][:, :UNITS]
    start = {"h": state["h1"], "c": state["c1"] / 2}
    z, final = run_rows(transcribed("LSTM(forget_gate=false)", other), x, LENGTHS, start)
    assert_close(y[:, :, :UNITS], z, (1e-11, 1e-12))
    assert_close(last["c1"] / 2, final["c"], (1e-11, 1e-12))
    for t in range(LENGTHS.min()):
        previous = state["h1"] if t == 0 else y[:, t - 1, :UNITS]
        a = x[:, t] @ p["weight_ih"].T + previous @ p["weight_hh"][:, :UNITS].T
        gates = 1 / (1 + np.exp(-(a[:, : 2 * UNITS] + p["bias"])))
        assert_close(y[:, t, UNITS:], gates, (1e-11, 1e-12))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_step_of_the_original_lstm_that_feeds_its_gates(size: int) -> None:
    rng, width = np.random.default_rng(3), (size + 2) * UNITS
    shapes = {"weight_ih": (width, INPUT), "weight_hh": (width, width), "bias": (2 * UNITS,)}
    p = {key: rng.uniform(-1, 1, shape) for key, shape in shapes.items()}
    name = f"LSTM1997(block_size={size})"
    x, state = draw_rows(name, 4)
    y, _ = run_rows(transcribed(name, p), x, np.full(4, 1), state)
    numbers = [str(j) for j in range(1, size + 1)]
    fed = np.concatenate([state[s] for s in (*(f"h{j}" for j in numbers), "i", "o")], axis=1)
    a = x[:, 0] @ p["weight_ih"].T + fed @ p["weight_hh"].T
    i, o = np.split(0.5 + 0.5 * np.tanh((a[:, : 2 * UNITS] + p["bias"]) / 2), 2, axis=1)
    g = np.split(2 * np.tanh(a[:, 2 * UNITS :] / 2), size, axis=1)
    h = [o * np.tanh((state[f"c{j}"] + i * each) / 2) for j, each in zip(numbers, g, strict=True)]
    assert_close(y[:, 0], np.concatenate([*h, i, o], axis=1), (1e-11, 1e-12))


def test_identity_zoneout_of_elman_s_network_is_a_leak() -> None:
    p = draw("Elman(activation=tanh)", 0)
    x, state = draw_rows("Elman(activation=tanh)", 1)
    y, last = run_rows(transcribed("Elman(activation=tanh)", p, Stages(zoneout=0.3)), x, LENGTHS, state)
    z, final = run_rows(transcribed("LeakyElman(leak=0.7)", p), x, LENGTHS, state)
    assert_close(y, z, (1e-12, 1e-13))
    assert_close(last["h"], final["h"], (1e-12, 1e-13))


def test_identity_elstm_step_by_step() -> None:
    p = draw("ELSTM", 0) | {"weight_sh": np.random.default_rng(2).uniform(-1, 1, (UNITS, UNITS))}
    x, state = draw_rows("ELSTM", 1)
    y, _ = run_rows(transcribed("ELSTM", p), x, np.full(4, TIME), state)
    c = state["c"]
    for t in range(TIME):
        f, z, o = np.split(x[:, t] @ p["weight_ih"].T + p["bias"], 3, axis=1)
        keep = 0.5 + 0.5 * np.tanh((f + p["w_f"] * c) / 2)
        c = np.tanh(z + p["w_z"] * c) + keep * (c - np.tanh(z + p["w_z"] * c))
        h = c * (0.5 + 0.5 * np.tanh((o + c @ p["weight_sh"].T) / 2))
        assert_close(y[:, t], h, (1e-11, 1e-12))


def test_identity_min_lstm_of_complementary_gates_is_min_gru() -> None:
    """f = 1 - i where a_f = -a_i."""
    p = draw("MinGRU", 0)
    doubled = {}
    for key, values in p.items():
        z, n = np.split(values, 2)
        doubled[key] = np.concatenate([-z, z, n])
    both_ways(("MinLSTM", doubled), ("MinGRU", p))


def test_identity_residual_network_without_recurrence_is_a_sum() -> None:
    p = draw("ResidualRNN(recurrent=false)", 0)
    x, state = draw_rows("ResidualRNN(recurrent=false)", 1)
    y, _ = run_rows(transcribed("ResidualRNN(recurrent=false)", p), x, np.full(4, TIME), state)
    expected = state["h"][:, None] + np.cumsum(np.tanh(x @ p["weight_ih"].T + p["bias"]), axis=1)
    assert_close(y, expected, (1e-12, 1e-13))


def test_identity_lru_is_a_sum_of_complex_powers() -> None:
    p = draw("LRU", 0)
    x, state = draw_rows("LRU", 1)
    y, _ = run_rows(transcribed("LRU", p), x, np.full(4, TIME), state)
    power = np.exp(-np.exp(p["nu_log"]) + 1j * np.exp(p["theta_log"]))
    real, imaginary = np.split(x @ p["weight_ih"].T, 2, axis=2)
    v = np.exp(p["gamma_log"]) * (real + 1j * imaginary)
    start = state["re"] + 1j * state["im"]
    for t in range(TIME):
        s = power ** (t + 1) * start + sum(power ** (t - k) * v[:, k] for k in range(t + 1))
        assert_close(y[:, t], np.concatenate([s.real, s.imag], axis=1), (1e-11, 1e-12))


def test_identity_slstm_without_its_stabiliser() -> None:
    p = draw("SLSTM", 0)
    x, state = draw_rows("SLSTM", 1)
    zero = {s: np.zeros_like(v) for s, v in state.items()}
    y, _ = run_rows(transcribed("SLSTM", p), x, np.full(4, TIME), zero)
    h, c, n = (np.zeros((4, UNITS)) for _ in range(3))
    for t in range(TIME):
        i, f, z, o = np.split(x[:, t] @ p["weight_ih"].T + h @ p["weight_hh"].T + p["bias"], 4, axis=1)
        f, o = (1 / (1 + np.exp(-a)) for a in (f, o))
        c, n = f * c + np.exp(i) * np.tanh(z), f * n + np.exp(i)
        h = o * c / n
        assert_close(y[:, t], h, (1e-11, 1e-12))


def test_identity_sru_with_shut_gates_is_its_highway() -> None:
    p = draw("SRU", 0)
    shut = np.repeat([90.0, -90.0], UNITS)  # f = 1: c stays; r = 0: h = W_s x
    p |= {"bias": shut, "v_f": np.zeros(UNITS), "v_r": np.zeros(UNITS)}
    x, state = draw_rows("SRU", 1)
    y, last = run_rows(transcribed("SRU", p), x, np.full(4, TIME), state)
    assert_close(y, x @ p["weight_ih"][3 * UNITS :].T, (1e-11, 1e-12))
    assert_close(last["c"], state["c"], (1e-11, 1e-12))


def test_sru_step_by_step() -> None:
    p = draw("SRU", 2)
    x, state = draw_rows("SRU", 3)
    y, _ = run_rows(transcribed("SRU", p), x, np.full(4, TIME), state)
    c = state["c"]
    for t in range(TIME):
        n, f, r, s = np.split(x[:, t] @ p["weight_ih"].T, 4, axis=1)
        b_f, b_r = np.split(p["bias"], 2)
        keep, mix = (0.5 + 0.5 * np.tanh(a / 2) for a in (f + b_f + p["v_f"] * c, r + b_r + p["v_r"] * c))
        c = n + keep * (c - n)
        assert_close(y[:, t], s + mix * (c - s), (1e-11, 1e-12))


def test_slstm_s_stabiliser_is_the_larger_exponent_and_cancels() -> None:
    p = draw("SLSTM", 4)
    huge = slice(0, UNITS // 2)
    p["bias"][huge] += 900  # exp(900) is no double
    x, state = draw_rows("SLSTM", 5)
    state["n"] = np.abs(state["n"]) + 0.5
    y, last = run_rows(transcribed("SLSTM", p), x, np.full(4, 1), state)
    a = x[:, 0] @ p["weight_ih"].T + state["h"] @ p["weight_hh"].T + p["bias"]
    i, f, z, o = np.split(a, 4, axis=1)
    assert_close(last["m"], np.maximum(i, state["m"] - np.logaddexp(0, -f)), (1e-12, 1e-13))
    alone = np.tanh(z) / (1 + np.exp(-o))  # nothing is left beside exp(900)
    assert_close(y[:, 0, huge], alone[:, huge], (1e-11, 1e-12))
