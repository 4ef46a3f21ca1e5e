"""Threads: the same number gives the same bits, another one the same result."""

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
