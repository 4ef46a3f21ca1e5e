"""Ctrl-C in the middle of a long batch."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest
import recurra as rc

LONG = """
import json, sys, time
import numpy as np
import recurra as rc

network = rc.Network([rc.LSTM(4, 1024), rc.Linear(1024, 1)])
x = np.random.default_rng(0).normal(size=(1, 10000, 4)).astype("float32")
target = np.zeros((1, 10000, 1), "float32")
before = network.flat.copy()
RULE = rc.BPTT(window=9999)
SMALL = rc.Network([rc.LSTM(4, 64), rc.Linear(64, 1)])
result = {}
print("ready", file=sys.stderr, flush=True)
"""
# A process that was started in the background ignores it, and so do its children.
HEEDS_SIGINT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
TRY = """
try:
    {call}
except KeyboardInterrupt:
    result["interrupted"] = True
"""
REPORT = """
result["stopped"] = time.monotonic()
result["unchanged"] = bool(np.array_equal(network.flat, before))
result["usable"] = bool(np.isfinite(network(x[:, :10].copy())).all())
again = rc.fit(network, x[:, :10].copy(), target[:, :10].copy(), epochs=2, progress=False)
result["trains"] = len(again) == 2 and not again.interrupted
print(json.dumps(result), flush=True)
"""
CALLS = {
    "fit": "result['interrupted'] = rc.fit(network, x, target, progress=False).interrupted",
    "window": "result['interrupted'] = rc.fit(network, x, target, rule=RULE, progress=False).interrupted",
    "call": "network(x)",
    "gradient": "network.loss_and_gradient(x, target)",
    "estimate": "rc._calibration.BUDGET = 60; rc.estimate(SMALL, (8, 200))",
    "online gradient": "SMALL.loss_and_gradient(x, target, rule=rc.RTRL(block=8))",
}


def interrupt(script: str, lines: int, delay: float) -> tuple[dict[str, Any], float, str]:
    """Runs a script, sends SIGINT `delay` seconds after it wrote so many lines to standard error."""
    command = [sys.executable, "-c", HEEDS_SIGINT + script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        guard = threading.Timer(60, process.kill)
        guard.start()
        written = "".join(process.stderr.readline() for _ in range(lines))
        time.sleep(delay)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, output = process.stderr.read(), process.stdout.read()
        guard.cancel()
    assert process.returncode == 0, written + rest
    return json.loads(output), sent, written + rest


@pytest.mark.parametrize("call", CALLS)
def test_a_long_batch_is_abandoned(call: str) -> None:
    result, sent, _ = interrupt(LONG + TRY.format(call=CALLS[call]) + REPORT, lines=1, delay=0.5)
    assert result["interrupted"]
    assert result["unchanged"]
    assert result["usable"]
    assert result["trains"]
    assert result["stopped"] - sent < 10  # a fraction of a second on a quiet machine; the whole takes minutes


def test_complete_epochs_are_kept() -> None:
    script = """
import json
import numpy as np
import recurra as rc

x = np.random.default_rng(0).normal(size=(64, 50, 4)).astype("float32")
network = rc.Network([rc.LSTM(4, 64), rc.Linear(64, 4)])
history = rc.fit(network, x, x, epochs=100000, batch_size=8, validation=0.25)
print(json.dumps(vars(history) | {"finite": bool(np.isfinite(network.flat).all())}))
"""
    result, _, written = interrupt(script, lines=3, delay=0.01)
    assert result["interrupted"]
    assert result["finite"]
    epochs = len(result["loss"])
    assert 3 <= epochs < 100000
    assert len(result["validation_loss"]) == len(result["seconds"]) == epochs
    assert all(np.isfinite(result["loss"] + result["validation_loss"][:-1]))
    lines = written.splitlines()
    assert epochs <= len(lines) <= epochs + 1  # the last one may have been about to be written
    assert lines[-1] == "interrupted: the network keeps its last update"


class AlarmError(Exception):
    pass


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise AlarmError

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_what_another_signal_handler_raises_comes_through() -> None:
    network = rc.Network([rc.LSTM(4, 128), rc.Linear(128, 1)])
    x, target = np.zeros((4, 2000, 4), np.float32), np.zeros((4, 2000, 1), np.float32)
    with pytest.raises(AlarmError), alarm(0.2):
        rc.fit(network, x, target, epochs=100000, progress=False)
    long_x, long_target = np.zeros((4, 60000, 4), np.float32), np.zeros((4, 60000, 1), np.float32)
    with pytest.raises(AlarmError), alarm(0.1):
        network.loss_and_gradient(long_x, long_target)
    assert np.isfinite(network(x)).all()
