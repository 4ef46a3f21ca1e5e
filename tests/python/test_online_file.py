"""Files of online learners: a learner goes on with the same bits, from the middle of a block too."""

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, build, draw_input, draw_target, refused

NETWORKS = ("LSTM", "stack", "NARX", "Feedback around cells", "Embedding", "stages", "Delay")


def run(learner: rc.Online, x: Array, target: Array) -> list[Array]:
    """Outputs of steps over (batch, time, ...) arrays; some have no target, and one row starts anew."""
    outputs = []
    for t in range(x.shape[1]):
        if t == 9:
            learner.reset(0)
        y, _ = learner.step(x[:, t].copy(), None if t % 4 == 2 else target[:, t].copy())
        outputs.append(y)
    return outputs


@pytest.mark.parametrize("update_every", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_goes_on_with_the_same_bits(name: str, dtype: str, update_every: int, tmp_path: Path) -> None:
    path, rng = tmp_path / "learner.safetensors", np.random.default_rng(0)
    network = build(name, dtype)
    x = draw_input(network, (2, 24), rng)
    target = draw_target(network, network(x), "mse", rng)

    def make(network: rc.Network) -> rc.Online:
        return rc.Online(
            network,
            rc.RTRL(block=5),
            optimizer=rc.Adam(1e-3),
            batch_size=2,
            update_every=update_every,
            clip_norm=1.0,
        )

    for steps in (5, 6, 8, 9, 12):  # at a block's end, and in it
        first, second = build(name, dtype), build(name, dtype, seed=9)
        learner, other = make(first), make(second)
        run(learner, x[:, :steps], target[:, :steps])
        learner.save(path)
        kept = first.flat.copy()
        y = run(learner, x[:, steps:], target[:, steps:])
        run(other, x[:, 3:7], target[:, 3:7])
        other.load(path)
        assert np.array_equal(second.flat, kept)
        assert np.array_equal(rc.load(path).flat, kept)
        again = run(other, x[:, steps:], target[:, steps:])
        assert all(np.array_equal(a, b) for a, b in zip(y, again, strict=True))
        assert np.array_equal(first.flat, second.flat)
        assert learner.state == other.state
        assert learner.report() == other.report()
        assert np.array_equal(learner.gradient(), other.gradient())
        parameter = next(iter(first.parameters))
        assert np.array_equal(learner.influence(parameter), other.influence(parameter))


SETTINGS: dict[str, Any] = {"rule": rc.RTRL(3), "optimizer": rc.Adam(1e-3)}
OTHERS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "rule": ("LSTM", {"rule": rc.RTRL(2)}, ("is of a learner with RTRL(block=3)", "expected RTRL(block=2)")),
    "loss": ("LSTM", {"loss": "mae"}, ("loss=mse", "expected", "loss=mae")),
    "optimizer": ("LSTM", {"optimizer": rc.SGD(0.1)}, ("optimizer=Adam(", "expected", "optimizer=SGD(")),
    "rate": ("LSTM", {"optimizer": rc.Adam(0.1)}, ("learning_rate=0.001,", "learning_rate=0.1,")),
    "rows": ("LSTM", {"batch_size": 2}, ("batch=1,", "expected", "batch=2,")),
    "network": ("GRU(reset=after)", {}, ("holds another network than the learner's",)),
}


@pytest.mark.parametrize("case", OTHERS)
def test_of_another_learner(case: str, tmp_path: Path) -> None:
    name, options, words = OTHERS[case]
    path = tmp_path / "learner.safetensors"
    rc.Online(build("LSTM"), **SETTINGS).save(path)
    network = build(name)
    learner = rc.Online(network, **(SETTINGS | options))
    with refused(RuntimeError, "load: ", str(path), *words, network=network):
        learner.load(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    network = build("LSTM")
    learner = rc.Online(network)
    learner.step(np.ones(3), np.ones(2))
    with pytest.raises(FileNotFoundError) as caught:
        learner.load(tmp_path / "missing")
    assert caught.value.errno == errno.ENOENT
    with pytest.raises(OSError, match="folder"):
        learner.save(tmp_path / "folder" / "learner")
    network.save(tmp_path / "model")
    with refused(RuntimeError, "holds no online learner", network=network):
        learner.load(tmp_path / "model")
    rc.fit(
        network, np.ones((1, 2, 3)), np.ones((1, 2, 2)), checkpoint=tmp_path / "run", epochs=1, progress=False
    )
    with refused(RuntimeError, "is not of an online learner", network=network):
        learner.load(tmp_path / "run")
    with pytest.raises(TypeError):
        learner.load(3)  # type: ignore[arg-type]


def test_every_truncation_and_flipped_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    """Whatever a damaged file holds: an error, or a learner that steps; never a crash."""
    path, damaged = tmp_path / "learner", tmp_path / "damaged"
    learner = rc.Online(build("LSTM"), rc.RTRL(3), optimizer=rc.Adam(1e-3))
    for _ in range(5):
        learner.step(np.ones(3), np.ones(2))
    learner.save(path)
    whole = path.read_bytes()
    network = build("LSTM")
    other = rc.Online(network, rc.RTRL(3), optimizer=rc.Adam(1e-3))
    other.step(np.ones(3), np.ones(2))
    for size in range(0, len(whole), 101):
        damaged.write_bytes(whole[:size])
        with refused(RuntimeError, str(damaged), network=network, state=None):
            other.load(damaged)
    rng = np.random.default_rng(0)
    accepted = 0
    for place in rng.integers(0, len(whole), 400):
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        damaged.write_bytes(changed)
        flat, state, report = network.flat.copy(), other.state, other.report()
        try:
            other.load(damaged)
        except RuntimeError:
            assert np.array_equal(network.flat, flat)
            assert other.state == state
            assert other.report() == report
        else:
            accepted += 1
            try:
                other.step(np.ones(3), np.ones(2))
            except OverflowError:
                other.load(path)
    assert accepted < 400
