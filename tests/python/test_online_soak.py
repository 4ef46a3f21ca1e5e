"""Long runs: memory is constant, and weights that learn for long stay finite."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import recurra as rc

PAGE = os.sysconf("SC_PAGESIZE")

RUN = """
import os, sys
import numpy as np
import recurra as rc

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

network = rc.Network([rc.LSTM(2, 8), rc.Linear(8, 1)], seed=0)
learner = rc.Online(network, optimizer=rc.Adam(1e-3), batch_size=2)
x = np.random.default_rng(0).normal(size=(1000, 2, 2)).astype("f4")
target = np.roll(x[..., :1], 1, axis=0).copy()
steps = int(sys.argv[1])
for t in range(steps):
    learner.step(x[t % 1000], target[t % 1000] if t % 7 else None)
    if t % 997 == 0:
        learner.reset(t % 2)
        learner.state, learner.gradient(), learner.influence("0.weight_hh"), learner.report()
    if t == steps // 10:
        begin = resident()
assert np.isfinite(network.flat).all()
print(resident() - begin)
"""


@pytest.mark.parametrize("steps", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_memory_is_constant(steps: int) -> None:
    command = [sys.executable, "-c", RUN, str(steps)]
    grown = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert grown < 64 * PAGE


@pytest.mark.slow
@pytest.mark.parametrize("cell", [rc.LSTM(2, 16), rc.GRU(2, 16), rc.Elman(2, 16)], ids=str)
def test_decaying_traces_do_not_slow_down(cell: rc.Cell) -> None:
    """Influences that fade to nothing must not become subnormal numbers: those take many times as long."""
    network = rc.Network([cell, rc.Linear(16, 1)], seed=0)
    learner = rc.Online(network, optimizer=rc.SGD(0.0))
    x, target = np.ones(2, "f4"), np.zeros(1, "f4")

    def microseconds() -> float:
        took = []
        for _ in range(20):
            start = time.perf_counter()
            for _ in range(500):
                learner.step(x, target)
            took.append(time.perf_counter() - start)
        return min(took)

    before = microseconds()
    x[:] = 0
    for _ in range(10_000):
        learner.step(x, target)
    assert microseconds() < 1.5 * before
