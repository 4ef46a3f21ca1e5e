"""Estimates: counts, memory beside that of a process, time beside that of training, every kind of network."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import recurra as rc
from graph_networks import NETS
from problems import NETWORKS
from recurra import _calibration


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials of a few milliseconds: mostly their result is not looked at."""
    monkeypatch.setattr(_calibration, "BUDGET", 0.01)


def check(net: rc.Network, *arguments: Any, **options: Any) -> rc.Estimate:  # noqa: ANN401
    """What every estimate keeps to: it changes nothing, and its numbers are numbers."""
    flat, threads = net.flat.copy(), rc.num_threads()
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    found = rc.estimate(net, *arguments, **options)
    assert np.random.random() == expected  # noqa: NPY002
    assert np.array_equal(net.flat, flat)
    assert rc.num_threads() == threads
    assert found.parameters == net.summary().parameters
    assert 0 < found.seconds_per_step <= found.seconds_per_batch <= found.seconds_per_epoch < 100
    assert found.memory.activations > 0
    assert found.memory.total == sum(vars(found.memory).values())
    assert "per epoch" in str(found)
    return found


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_every_network(name: str, loss: Any) -> None:  # noqa: ANN401
    net = rc.Network(NETWORKS[name]())
    found = check(net, (6, 40), loss=loss, samples=20)
    assert found.steps == 240
    assert found.samples == 20


@pytest.mark.parametrize("name", NETS)
def test_graphs(name: str) -> None:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 8, (2, 12, 20)) + 8 * np.arange(12)[:, None]
    source, target = ends.reshape(2, -1)
    graphs = rc.Graphs(
        source,
        target,
        [8] * 12,
        edge_features=rng.normal(size=(240, 2)),
        edge_types=rng.integers(0, 3, 240),
    )
    found = check(rc.Network(NETS[name]()), 5, topology=graphs)
    assert (found.batch_size, found.samples, found.steps) == (5, 12, 40)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_trees(direction: Any) -> None:  # noqa: ANN401
    forest = rc.Forest([-1, 0, 0, 1, 1, -1, 5, 5, -1])
    net = rc.Network(
        [rc.Embedding(9, 4), rc.Tree(rc.LSTM(4, 5), direction=direction), rc.Readout("mean"), rc.Linear(5, 3)]
    )
    found = check(net, (3,), topology=forest, loss="cross_entropy")
    flops = net.summary().flops
    inner = {"up": 3, "down": 6}[direction]
    unit = {"up": "below", "down": "above"}[direction]
    expected = (9 * flops["step"] + 6 * flops["edge"] + inner * flops[unit] + 3 * flops["sequence"]) / 9
    assert found.flops_per_step == pytest.approx(expected)


def weight_bytes(found: rc.Estimate) -> float:
    return found.bytes_per_step * found.steps - found.memory.activations


def test_bytes_over_trees() -> None:
    """The weights of a cell once per height, not per node or tree; a symbol's row once."""
    forest = rc.Forest([-1, 0, 0, 1, 1, -1, 5, 6, 7, -1])  # heights of 3, 4 and 1 levels
    net = rc.Network([rc.Embedding(9, 4), rc.Tree(rc.LSTM(4, 5)), rc.Readout("mean"), rc.Linear(5, 3)])
    found = check(net, (3,), topology=forest, threads=1)
    assert weight_bytes(found) == pytest.approx(4 * (4 * (4 * 5 * (4 + 5 + 1)) + 10 * 4 + (5 + 1) * 3))


def test_bytes_over_graphs() -> None:
    """Once per round; what stands beside the rounds once."""
    ring = np.arange(6)
    graphs = rc.Graphs(ring, (ring + 1) % 6, [6])
    net = rc.Network([rc.Linear(2, 4), rc.GraphNet(rc.Elman(3, 5), rc.Linear(5, 3), 7, input_size=4)])
    found = check(net, (1,), topology=graphs, threads=1)
    inside = rc.Network([rc.Elman(3, 5)]).flat.size + rc.Network([rc.Linear(5, 3)]).flat.size
    assert weight_bytes(found) == pytest.approx(4 * (7 * inside + (2 + 1) * 4))


DECODERS = {
    "symbols": [rc.Embedding(7, 4), rc.GRU(4, 5), rc.Attention("dot"), rc.Linear(10, 6)],
    "values": [rc.GRU(2, 5), rc.Linear(5, 2)],
}


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "binary_cross_entropy"])
def test_what_decodes(kind: str, loss: Any) -> None:  # noqa: ANN401
    start: dict[str, Any] = {"start": 6} if kind == "symbols" else {}
    net = rc.Network([rc.EncoderDecoder([rc.Embedding(9, 3), rc.GRU(3, 5)], DECODERS[kind], **start)])
    found = check(net, (4, 12), target_time=7, loss=loss, samples=9)
    flops = net.summary().flops
    total = 48 * flops["step"] + 28 * flops["written"] + 28 * 12 * flops.get("match", 0)
    assert found.flops_per_step == pytest.approx(total / 48)
    longer = check(net, (4, 12), target_time=14, loss=loss)
    assert longer.memory.activations > found.memory.activations


def test_options_of_fit() -> None:
    net = rc.Network([rc.Feedback([rc.Linear(3 + 2, 4), rc.Tanh(), rc.Linear(4, 2)])])
    whole = check(net, (8, 60), teacher=True, optimizer=rc.SGD(momentum=0.9), threads=1)
    assert whole.threads == 1
    assert whole.memory.optimizer == net.flat.nbytes
    assert check(net, (8, 60), optimizer=rc.SGD()).memory.optimizer == 0
    assert check(net, (8, 60), optimizer=rc.Adam()).memory.optimizer == 2 * net.flat.nbytes
    windowed = check(net, (8, 60), rule=rc.BPTT(window=6), threads=1)
    assert windowed.memory.activations == pytest.approx(whole.memory.activations / 10, rel=0.1)


def test_numbers_of_one_layer() -> None:
    net = rc.Network([rc.LSTM(20, 30)], dtype="float64")
    found = check(net, (4, 50, 20), threads=1)
    assert found.flops_per_step == 2 * 4 * 30 * 50 + 9 * 30
    assert found.training_flops_per_step == 2 * 4 * 30 * (2 * 20 + 3 * 30) + (9 + 23) * 30
    assert found.state_bytes == 8 * 60
    per_step = found.memory.activations / 200
    assert found.bytes_per_step == pytest.approx(net.flat.nbytes / 4 + per_step)
    assert found.memory.gradients == net.flat.nbytes


def test_ties_and_what_rests_take_part() -> None:
    net = rc.Network([rc.GRU(6, 6), rc.GRU(6, 6)])
    net.tie("0.weight_hh", "1.weight_hh")
    net.freeze("0.bias")
    assert check(net, (3, 20)).parameters == net.flat.size - 108


def test_weights_that_would_not_train_do_not_matter() -> None:
    net = rc.Network([rc.Elman(3, 5, activation="relu"), rc.Feedback(rc.Linear(5 + 2, 2))])
    net.flat[:] = 50.0
    check(net, (3, 300))


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (((4,),), {}, "(batch_size, time)"),
        ((7,), {}, "(batch_size, time)"),
        (((0, 5),), {}, "shape[0]"),
        (((4, 0),), {}, "shape[1]"),
        (((4, 5, 2),), {}, "3 features"),
        (((4, 5),), {"samples": 0}, "samples"),
        (((4, 5),), {"threads": 0}, "threads"),
        (((4, 5),), {"target_time": 3}, "does not decode"),
        (((4, 5),), {"teacher": True}, "Feedback"),
        (((4, 5),), {"loss": "mean"}, "loss"),
        (((4, 5),), {"topology": rc.Forest([-1, 0])}, "expected None"),
        (((4, 5),), {"rule": rc.BPTT(window=2)}, "window"),
    ],
)
def test_refusals(arguments: Any, options: Any, words: str) -> None:  # noqa: ANN401
    net = rc.Network([rc.LSTM(3, 4), rc.Last()])
    threads = rc.num_threads()
    with pytest.raises(ValueError) as caught:
        rc.estimate(net, *arguments, **options)
    assert words in str(caught.value)
    assert rc.num_threads() == threads


def test_refused_types() -> None:
    net = rc.Network([rc.LSTM(3, 4)])
    with pytest.raises(TypeError, match="network"):
        rc.estimate(3, (4, 5))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer"):
        rc.estimate(net, (4, 5), optimizer="adam")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="teacher"):
        rc.estimate(net, (4, 5), teacher=1)  # type: ignore[arg-type]


GROWTH = """
import re, sys
import numpy as np
import recurra as rc
rc.set_num_threads(int(sys.argv[1]))
net = rc.Network(eval(sys.argv[2]))
x = np.ones((16, 2000, 64), "f4")
y = np.zeros((16, 2000, net.output_size), "f4")
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1])
before = peak()
rc.fit(net, x, y, epochs=1, batch_size=16, progress=False)
grown = peak() - before
print(grown, rc.estimate(net, (16, 2000)).memory.total)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layers", ["[rc.LSTM(64, 128)]", "[rc.GRU(64, 96), rc.Linear(96, 64), rc.Tanh()]"])
def test_the_memory_is_what_a_process_grows_by(layers: str, threads: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", GROWTH, str(threads), layers], capture_output=True, text=True, check=True
    )
    grown, estimated = map(float, run.stdout.split())
    assert grown > 5e7  # enough to be seen beside what Python and NumPy take
    assert estimated == pytest.approx(grown, rel=0.15)


def test_segments_take_less_memory() -> None:
    net = rc.Network([rc.LSTM(3, 40)])
    whole, parts = (rc.estimate(net, (4, 3000), rule=rule) for rule in (rc.BPTT(), rc.BPTT(checkpoint=True)))
    assert parts.memory.activations < 0.05 * whole.memory.activations
    with pytest.raises(ValueError, match="looks ahead"):
        rc.estimate(rc.Network([rc.Bidirectional(rc.LSTM(3, 4))]), (4, 30), rule=rc.BPTT(checkpoint=True))


def test_the_bytes_of_a_step_do_not_fall_with_the_batch() -> None:
    """A batch that runs in parts reads its weights for each."""
    net = rc.Network([rc.LSTM(4, 16), rc.Linear(16, 2)])
    some, many = (rc.estimate(net, (batch, 100), threads=1).bytes_per_step for batch in (128, 1024))
    assert many == pytest.approx(some, rel=0.2)


def test_the_time_is_of_the_order_of_that_of_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmark asks for 30%, on a machine that does nothing else."""
    monkeypatch.setattr(_calibration, "BUDGET", 0.4)
    net = rc.Network([rc.LSTM(64, 64)])
    found = rc.estimate(net, (8, 100), samples=80, threads=1)
    before = rc.num_threads()
    rc.set_num_threads(1)
    try:
        x = np.random.default_rng(0).standard_normal((80, 100, 64), np.float32)
        seconds = rc.fit(net, x, 0.1 * x, epochs=5, batch_size=8, progress=False).seconds
    finally:
        rc.set_num_threads(before)
    assert 0.2 < found.seconds_per_epoch / np.median(seconds) < 5


def test_larger_batches_go_on_along_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that counts: so much for each batch, and so much for each flop."""

    def fake(self: _calibration.Calibration, shape: Any, budget: float) -> tuple[float, float]:  # noqa: ANN401
        trials.append(shape)
        load = self._load(_calibration.extents(shape))
        return load, 1e-3 + 1e-9 * load

    trials: list[Any] = []
    monkeypatch.setattr(_calibration, "BUDGET", 0.4)
    monkeypatch.setattr(_calibration.Calibration, "_trial", fake)
    net = rc.Network([rc.LSTM(64, 64)])
    found = rc.estimate(net, (64, 4000), samples=200)
    load = 64 * 4000 * (found.training_flops_per_step + _calibration.POINTWISE)
    assert found.seconds_per_batch == pytest.approx(1e-3 + 1e-9 * load)
    assert found.seconds_per_epoch == pytest.approx(4e-3 + 1e-9 * load * 200 / 64)
    assert max(shape.sequences * shape.time for shape in trials) < 64 * 4000 / 4
