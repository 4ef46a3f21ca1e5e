"""Diagnosis: against autograd of the transcriptions, and what theory says of simple recurrences."""

from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from problems import CELLS, INPUT, assert_close, build, draw_input, refused, with_readout
from problems import cell as cell_of

TIME = 7


def recurrence(radius: float, units: int = 4) -> rc.Network:
    """A linear recurrence h_t = radius * h_{t-1} (a relu on positive states)."""
    network = rc.Network([rc.Elman(1, units, "relu")], dtype="float64")
    network.flat[:] = 0
    network.parameters["0.weight_hh"][:] = radius * np.eye(units)
    network.parameters["0.bias"][:] = 1e-3
    return network


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_a_known_recurrence_vanishes_or_explodes(radius: float) -> None:
    network = recurrence(radius)
    state = network.initial_state()
    state["0.h"][:] = 1
    diagnosis = rc.Diagnosis(network, np.zeros((TIME, 1)), state=state)
    assert_close(diagnosis.spectral_radius(), np.full(TIME, radius))
    norms = diagnosis.gradient_norms(np.zeros(4))
    assert norms.shape == (TIME,)
    assert_close(norms[1:] / norms[:-1], np.full(TIME - 1, radius))


@pytest.mark.parametrize("name", CELLS)
def test_against_autograd(name: str) -> None:
    """The gradient by the first state equals that of the transcription, and travels by the Jacobians."""
    torch = pytest.importorskip("torch")
    from cell_cases import transcription  # needs PyTorch

    network = rc.Network([cell_of(name, INPUT, 5)], dtype="float64", seed=3)
    rng = np.random.default_rng(0)
    x, state = rng.normal(size=(TIME, INPUT)), network.initial_state()
    for key, values in state.items():
        values[:] = rng.uniform(0.5, 2, values.shape) if key.endswith(".n") else rng.normal(size=values.shape)
    target = rng.normal(size=network.output_size)
    diagnosis = rc.Diagnosis(network, x, state=state)
    gradients = diagnosis.state_gradients(target)

    parameters = {key[2:]: torch.tensor(values) for key, values in network.parameters.items()}
    start = {key[2:]: torch.tensor(values[0], requires_grad=True) for key, values in state.items()}
    ys, _ = transcription(name)(torch, parameters)([torch.tensor(x_t) for x_t in x], start)
    loss = ((ys[-1] - torch.tensor(target)) ** 2).mean()
    expected = torch.autograd.grad(loss, list(start.values()), allow_unused=True)
    for key, values in zip(start, expected, strict=True):
        wanted = np.zeros(5) if values is None else values.numpy()
        assert_close(gradients[f"0.{key}"][0], wanted, (1e-9, 1e-12), key)

    jacobians = diagnosis.jacobians()
    rows = np.concatenate(list(gradients.values()), axis=1)
    for t in range(TIME - 1):
        assert_close(rows[t], rows[t + 1] @ jacobians[t], (1e-9, 1e-12))


@pytest.mark.parametrize("name", ["stack", "Residual and Skip", "stages", "Embedding", "Last", "Mean", "Max"])
def test_signals_are_the_states_of_a_call(name: str) -> None:
    network = build(name)
    x = draw_input(network, (TIME,), np.random.default_rng(0))
    diagnosis = rc.Diagnosis(network, x)
    assert diagnosis.time == TIME
    signals = diagnosis.signals()
    for block, values in network(x, return_state=True)[1].items():
        layer, _, state = block.rpartition(".")
        if state in ("mean", "max", "count"):
            continue
        signal = signals.get(f"{layer}.state.{state}")
        assert signal is not None
        assert len(signal) == TIME
        if signal.shape[1] == values.shape[1]:  # not a projection
            assert_close(signal[-1], values[0])
    gates = [values for key, values in signals.items() if key.endswith((".gate.f", ".gate.z"))]
    assert all(((values > 0) & (values < 1)).all() for values in gates)


def test_classes_steps_and_states() -> None:
    network = rc.Network(with_readout(rc.LSTM(INPUT, 5)), dtype="float32")
    diagnosis = rc.Diagnosis(network, np.random.default_rng(0).normal(size=(TIME, INPUT)).astype("f4"))
    early = diagnosis.gradient_norms(1, "cross_entropy", step=2)
    assert early.shape == (3,)
    assert early.dtype == np.float32
    only_h = diagnosis.gradient_norms(1, rc.CrossEntropy(), step=2, states=("0.h",))
    assert (only_h <= early).all()
    assert (only_h > 0).all()


def test_norms_of_jacobians() -> None:
    """The largest singular value, whose square is an eigenvalue of J J^T; it bounds what a step does."""
    network = rc.Network([rc.LSTM(INPUT, 5)], dtype="float64", seed=1)
    diagnosis = rc.Diagnosis(network, np.random.default_rng(0).normal(size=(TIME, INPUT)))
    jacobians, norms = diagnosis.jacobians(), diagnosis.jacobian_norms()
    assert norms.shape == (TIME,)
    squares = np.linalg.eigvalsh(jacobians @ jacobians.transpose(0, 2, 1)).max(axis=1)
    assert_close(norms**2, squares, (1e-9, 1e-12))
    assert (norms >= diagnosis.spectral_radius() * (1 - 1e-12)).all()
    gradients = diagnosis.gradient_norms(np.zeros(5))
    assert (gradients[1:] <= gradients[:-1] * norms[1:][::-1][: TIME - 1] * (1 + 1e-9)).all()


def test_radii_below_one_do_not_bound_a_product() -> None:
    """Two nilpotent steps in turn: each has the radius 0, together they grow."""
    network = rc.Network([rc.GRU(1, 2)], dtype="float64")
    jacobians = np.zeros((2, 2, 2))
    jacobians[0, 0, 1], jacobians[1, 1, 0] = 4, 4
    diagnosis = rc.Diagnosis(network, np.zeros((2, 1)))
    diagnosis.jacobians = lambda: jacobians  # type: ignore[method-assign]
    assert_close(diagnosis.spectral_radius(), [0, 0])
    assert_close(diagnosis.jacobian_norms(), [4, 4])
    assert np.abs(np.linalg.eigvals(jacobians[0] @ jacobians[1])).max() == 16


def test_signals_of_a_projection() -> None:
    network = rc.Network([rc.LSTM(INPUT, 5, projection=2)], dtype="float64", seed=1)
    x = np.random.default_rng(0).normal(size=(TIME, INPUT))
    signals = rc.Diagnosis(network, x).signals()
    raw, carried = signals["0.state.h"], signals["0.state.projection"]
    assert raw.shape == (TIME, 5)
    assert_close(raw @ network.parameters["0.weight_hr"].T, carried)
    assert_close(carried[-1], network(x, return_state=True)[1]["0.h"][0])


def test_a_network_without_states() -> None:
    network = build("Linear")
    diagnosis = rc.Diagnosis(network, np.zeros((TIME, INPUT)))
    for call in (
        diagnosis.spectral_radius,
        diagnosis.jacobian_norms,
        lambda: diagnosis.gradient_norms(np.zeros(2)),
    ):
        with refused(ValueError, "the network has no states", "expected a recurrent layer", network=network):
            call()


def test_which_states() -> None:
    network = build("LSTM")
    diagnosis = rc.Diagnosis(network, np.random.default_rng(0).normal(size=(TIME, INPUT)))
    target = np.zeros(2)
    one = diagnosis.gradient_norms(target, states="0.h")
    assert np.array_equal(one, diagnosis.gradient_norms(target, states=["0.h"]))
    assert not np.array_equal(one, diagnosis.gradient_norms(target))
    with refused(ValueError, "states is ()", "0.h, 0.c", network=network):
        diagnosis.gradient_norms(target, states=())
    with refused(KeyError, "'0.hh'", "0.h, 0.c", network=network):
        diagnosis.gradient_norms(target, states="0.hh")


def test_errors() -> None:
    network = build("LSTM")
    x = np.zeros((TIME, INPUT))
    with refused(ValueError, "batch of 2", "expected one", network=network):
        rc.Diagnosis(network, np.zeros((2, TIME, INPUT)))
    diagnosis = rc.Diagnosis(network, x)
    with refused(IndexError, "step is 7", "0 .. 6", network=network):
        diagnosis.state_gradients(np.zeros(2), step=TIME)
    with refused(ValueError, "target has shape (3,)", "(output,) = (2,)", network=network):
        diagnosis.state_gradients(np.zeros(3))
    with refused(KeyError, "0.s", "0.h, 0.c", network=network):
        diagnosis.gradient_norms(np.zeros(2), states=("0.s",))
    with refused(ValueError, "Bidirectional", "looks ahead", network=network):
        rc.Diagnosis(rc.Network([rc.Bidirectional(rc.GRU(INPUT, 2))], dtype="float64"), x)
    with refused(ValueError, "pools", network=network):
        rc.Diagnosis(build("Last"), x).jacobians()


@pytest.mark.parametrize("name", ["LSTM", "Last"])
def test_plot(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    network = build(name)
    diagnosis = rc.Diagnosis(network, np.random.default_rng(0).normal(size=(TIME, INPUT)))
    path = tmp_path / "picture.png"
    figure = diagnosis.plot(np.zeros(2), path=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    titles = {axis.get_title() for axis in figure.axes} | {axis.get_ylabel() for axis in figure.axes}
    assert {"norm of dL/ds_k", "0.state.c", "0.gate.f"} <= titles
    assert ("spectral radius of ds_t/ds_{t-1}" in titles) == (name == "LSTM")
