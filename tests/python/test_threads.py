"""Threads: the same number gives the same bits, another one the same result."""

import os
import subprocess
import sys

import numpy as np
import pytest
import recurra as rc
from problems import NETWORKS, assert_close, build, draw_input, draw_state, draw_target


@pytest.mark.parametrize("name", NETWORKS)
def test_threads(name: str) -> None:
    network, rng = build(name), np.random.default_rng(0)
    x, lengths = draw_input(network, (16, 200), rng), rng.integers(0, 201, 16)
    state = draw_state(network, 16, rng)
    target = draw_target(network, network(x), "mse", rng)
    results = []
    for threads in (1, 1, 2, 2, 3):
        rc.set_num_threads(threads)
        assert rc.num_threads() == threads
        y, last = network(x, lengths=lengths, state=state, return_state=True)
        value, gradient = network.loss_and_gradient(
            x, target, lengths=lengths, state=state, training=True, seed=1
        )
        results.append([y, *last.values(), np.array(value), gradient])
    for same in ((0, 1), (2, 3)):
        for left, right in zip(results[same[0]], results[same[1]], strict=True):
            assert np.array_equal(left, right)
    for other in (2, 4):
        for left, right in zip(results[0], results[other], strict=True):
            assert_close(left, right, (1e-9, 1e-12))


def test_the_number_can_be_set() -> None:
    rc.set_num_threads(3)
    assert rc.num_threads() == 3
    for count in (0, -1, 2**31):
        with pytest.raises(
            ValueError, match=rf"set_num_threads: count is {count}, expected at (least 1|most)"
        ):
            rc.set_num_threads(count)
    with pytest.raises(TypeError, match=r"count is 1.5, expected an integer"):
        rc.set_num_threads(1.5)  # type: ignore[arg-type]
    assert rc.num_threads() == 3


def test_the_default_is_one_per_processor() -> None:
    command = [sys.executable, "-c", "import recurra; print(recurra.num_threads())"]
    assert int(subprocess.run(command, capture_output=True, check=True).stdout) == os.cpu_count()


FORK = """
import os, sys, time
import numpy as np
import recurra as rc

rc.set_num_threads(2)
network, x = rc.Network([rc.LSTM(8, 64)]), np.ones((16, 100, 8), np.float32)
expected = network(x)
child = os.fork()
if child == 0:
    same = sys.argv[1] == "idle" or np.array_equal(network(x), expected)
    sys.exit(0 if same else 1)
deadline = time.monotonic() + 20
while time.monotonic() < deadline:
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        sys.exit(os.waitstatus_to_exitcode(status))
    time.sleep(0.02)
os.kill(child, 9)
sys.exit(2)
"""


@pytest.mark.parametrize("work", ["busy", "idle"])
def test_a_forked_child_works_and_ends(work: str) -> None:
    subprocess.run([sys.executable, "-c", FORK, work], check=True)
