"""Trains in child processes that are killed at random moments until one completes; used by test_checkpoint.

Run as a program, so that it forks without threads: killed_runs.py FOLDER CASE SEED. The last child's
parameters and history, and those of a run that nobody disturbed, go to FOLDER/killed.npz and
FOLDER/undisturbed.npz; the number of kills to standard output.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import recurra as rc

CASES: dict[str, dict[str, Any]] = {
    "SGD": {"optimizer": rc.SGD(0.1)},
    "momentum": {"optimizer": rc.SGD(0.05, 0.9), "schedule": rc.StepDecay(2, 0.5)},
    "Nesterov": {"optimizer": rc.SGD(0.05, 0.9, nesterov=True), "schedule": rc.ExponentialDecay(0.8)},
    "Adam": {"optimizer": rc.Adam(1e-2), "schedule": rc.LinearWarmup(2, rc.CosineDecay(4))},
    "AdamW": {"optimizer": rc.AdamW(1e-2, weight_decay=0.1), "loss": rc.Huber(0.5), "shuffle": False},
    "RMSprop": {
        "optimizer": rc.RMSprop(1e-3, momentum=0.5, centered=True),
        "schedule": rc.ReduceOnPlateau(0.5, 0, 0.1),
        "checkpoint_every": None,
    },
    "Adagrad": {"optimizer": rc.Adagrad(0.05, learning_rate_decay=0.1), "clip_norm": 0.5},
    "stateful": {
        "optimizer": rc.Adam(1e-2),
        "stateful": True,
        "shuffle": False,
        "batch_size": 8,
    },
    "stopped early": {
        "optimizer": rc.Adam(0.02),
        "early_stopping": rc.EarlyStopping(2),
        "epochs": 100,
    },
}


def train(case: str, result: Path, checkpoint: Path | None) -> None:
    """One run, from the start or from its checkpoint."""
    rc.set_num_threads(2)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 20, 2))
    y = np.cumsum(x, axis=1)[..., :1] / 5 + rng.normal(size=(40, 20, 1)) / 5
    network = rc.Network([rc.GRU(2, 16), rc.Dropout(0.2), rc.Linear(16, 1)], dtype="float64", seed=3)
    options: dict[str, Any] = {
        "epochs": 6,
        "batch_size": 16,
        "rule": rc.BPTT(window=7),
        "lengths": rng.integers(0, 21, 40),
        "validation": 0.2,
        "early_stopping": rc.EarlyStopping(4, min_delta=1e-3),
        "checkpoint_every": 2,
        "seed": 8,
        **CASES[case],
    }
    every = options.pop("checkpoint_every")
    if checkpoint is not None:
        options.update(checkpoint=checkpoint, checkpoint_every=every, resume=True)
    history = rc.fit(network, x, y, progress=False, **options)
    np.savez(
        result,
        flat=network.flat,
        loss=history.loss,
        validation_loss=history.validation_loss,
        learning_rate=history.learning_rate,
        best_epoch=np.array(history.best_epoch),
        stopped_early=history.stopped_early,
        interrupted=history.interrupted,
    )


def fork(*arguments: Any) -> int:  # noqa: ANN401
    """The id of a child that trains."""
    child = os.fork()
    if child == 0:
        try:
            train(*arguments)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def main(folder: Path, case: str, seed: int) -> None:
    """Kill until one is faster than the signal."""
    begin = time.monotonic()
    _, status = os.waitpid(fork(case, folder / "undisturbed.npz", None), 0)
    assert status == 0
    duration = time.monotonic() - begin
    draw, kills = random.Random(seed), 0
    while True:
        child = fork(case, folder / "killed.npz", folder / "run.safetensors")
        time.sleep(draw.uniform(0, (0.5 + 0.1 * kills) * duration))  # the first cannot complete
        os.kill(child, signal.SIGKILL)  # a child that has ended stays a zombie until it is waited for
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        kills += 1
    print(kills)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
