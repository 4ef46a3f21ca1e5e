"""Checkpoints: a killed run goes on bit for bit; what does not fit, is damaged or cannot be written fails."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from killed_runs import CASES
from problems import DTYPES, refused
from training import fit, running_sum, small

HERE = Path(__file__).parent


def run_script(script: str | Path, *arguments: object) -> str:
    """What a Python program writes."""
    path = os.pathsep.join(
        filter(None, [str(Path(rc.__file__).parents[1]), str(HERE), os.environ.get("PYTHONPATH")])
    )
    command = [
        sys.executable,
        *([script] if isinstance(script, Path) else ["-c", script]),
        *map(str, arguments),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("case", CASES)
def test_killed_at_random_moments(case: str, tmp_path: Path) -> None:
    kills = int(run_script(HERE / "killed_runs.py", tmp_path, case, 1))
    assert kills >= 1
    with np.load(tmp_path / "killed.npz") as killed, np.load(tmp_path / "undisturbed.npz") as undisturbed:
        assert list(killed) == list(undisturbed)
        for name in undisturbed:
            assert np.array_equal(killed[name], undisturbed[name]), name
        assert undisturbed["stopped_early"] == (case == "stopped early")
        assert not np.array_equal(undisturbed["flat"][:5], np.zeros(5))


def train(checkpoint: Path | None, **options: Any) -> tuple[rc.Network, rc.History]:  # noqa: ANN401
    """A run of four epochs of four batches."""
    network, (x, y) = small(options.pop("dtype", "float32"), options.pop("seed", 0)), running_sum()
    settings = {"epochs": 4, "checkpoint": checkpoint, **options}
    history = fit(network, x.astype(network.dtype), y.astype(network.dtype), **settings)
    return network, history


@pytest.mark.parametrize("dtype", DTYPES)
def test_more_epochs(dtype: str, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    options = {"dtype": dtype, "schedule": rc.CosineDecay(4), "validation": 0.25}
    expected, history = train(None, **options)
    train(path, epochs=2, **options)
    network, resumed = train(
        path, resume=True, seed=5, **options
    )  # the seed is of parameters that are replaced
    assert np.array_equal(network.flat, expected.flat)
    for name in ("loss", "validation_loss", "learning_rate", "best_epoch", "stopped_early", "interrupted"):
        assert getattr(resumed, name) == getattr(history, name), name
    assert len(resumed.seconds) == 4
    again, unchanged = train(path, resume=True, **options)
    assert np.array_equal(again.flat, expected.flat)
    assert unchanged == resumed


def test_it_is_a_network(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    network, _ = train(path, optimizer=rc.SGD(0.1, 0.9))
    loaded = rc.load(path)
    assert np.array_equal(loaded.flat, network.flat)
    assert repr(loaded) == repr(network)
    loaded.save(path)
    with refused(RuntimeError, str(path), "holds no training run", network=network):
        fit(network, *running_sum(), checkpoint=path, resume=True)


def test_without_resume_the_run_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    train(path, epochs=2)
    network, _ = train(path, optimizer=rc.SGD(0.1))
    assert np.array_equal(network.flat, train(None, optimizer=rc.SGD(0.1))[0].flat)
    assert np.array_equal(rc.load(path).flat, network.flat)


def test_early_stopping() -> None:
    x, y = running_sum(32, 6)
    y[16:] = np.random.default_rng(0).normal(size=y[16:].shape)  # nothing to learn there
    options: dict[str, Any] = {"validation": 0.5, "optimizer": rc.Adam(0.05), "epochs": 40}
    network, whole, best = small(), small(), small()
    history = fit(network, x, y, early_stopping=rc.EarlyStopping(3), **options)
    assert history.stopped_early
    assert history.best_epoch == int(np.argmin(history.validation_loss))
    assert len(history) == history.best_epoch + 4
    undisturbed = fit(whole, x, y, **options)
    assert undisturbed.validation_loss[: len(history)] == history.validation_loss
    assert undisturbed.best_epoch == int(np.argmin(undisturbed.validation_loss))
    assert not undisturbed.stopped_early
    fit(best, x, y, **{**options, "epochs": history.best_epoch + 1})
    assert np.array_equal(network.flat, best.flat)
    kept = small()
    fit(kept, x, y, early_stopping=rc.EarlyStopping(3, restore_best=False), **options)
    assert not np.array_equal(kept.flat, best.flat)
    assert fit(small(), x, y, epochs=0).best_epoch is None


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "optimizer": (
        lambda o: o.update(optimizer=rc.Adam(2e-3)),
        ("optimizer", "0.002", "expected Adam", "0.001"),
    ),
    "loss": (lambda o: o.update(loss="huber"), ("loss", "huber(delta=1)", "expected mse()")),
    "schedule": (lambda o: o.update(schedule=rc.StepDecay(3)), ("schedule", "StepDecay", "ConstantRate()")),
    "rule": (lambda o: o.update(rule=rc.BPTT(window=3)), ("window is 3", "expected none")),
    "batch_size": (lambda o: o.update(batch_size=8), ("batch_size is 8", "expected 16")),
    "clip_norm": (lambda o: o.update(clip_norm=0.1), ("clip_norm is 0.1", "expected none")),
    "clip_value": (lambda o: o.update(clip_value=0.1), ("clip_value is 0.1", "expected none")),
    "shuffle": (lambda o: o.update(shuffle=False), ("shuffle is off", "expected on")),
    "seed": (lambda o: o.update(seed=5), ("seed is 5", "expected 0")),
    "early_stopping": (
        lambda o: o.update(early_stopping=rc.EarlyStopping(5)),
        ("early_stopping", "EarlyStopping(patience=5", "expected none"),
    ),
    "x": (lambda o: o["x"].__setitem__((3, 4, 0), 7), ("training data",)),
    "y": (lambda o: o["y"].__setitem__((3, 4, 0), 7), ("training data",)),
    "lengths": (lambda o: o.update(lengths=[11] + [12] * 63), ("training data",)),
    "fewer sequences": (lambda o: o.update(x=o["x"][:63], y=o["y"][:63]), ("training data",)),
    "another order": (lambda o: o.update(x=o["x"][::-1], y=o["y"][::-1]), ("training data",)),
    "validation": (lambda o: o.update(validation=(o["x"][:1], o["y"][:1])), ("validation data", "none")),
    "fewer epochs": (lambda o: o.update(epochs=1), ("epochs is 1", "expected at least 2")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_run(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    network, (x, y) = small(), running_sum()
    options: dict[str, Any] = {"x": x.copy(), "y": y.copy(), "checkpoint": path, "epochs": 2}
    fit(network, **options)
    content = path.read_bytes()
    change, words = CHANGES[name]
    change(options)
    fresh = small(seed=3)
    with refused(ValueError, "fit: ", "to resume the run in", str(path), *words, network=fresh):
        fit(fresh, resume=True, **options)
    assert path.read_bytes() == content
    fit(fresh, x, y, checkpoint=path, epochs=2, checkpoint_every=3, progress=True, resume=True)


def test_another_network(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    train(path)
    x, y = running_sum()
    other, double = rc.Network([rc.LSTM(1, 8), rc.Linear(8, 1)]), small("float64")
    with refused(ValueError, "the network is", "LSTM", "GRU", str(path), network=other):
        fit(other, x, y, epochs=4, checkpoint=path, resume=True)
    with refused(ValueError, "dtype is float64", "float32", str(path), network=double):
        fit(double, x.astype(float), y.astype(float), epochs=4, checkpoint=path, resume=True)


def test_arguments(tmp_path: Path) -> None:
    network, (x, y) = small(), running_sum()
    cases: list[tuple[type[Exception], dict[str, Any], tuple[str, ...]]] = [
        (ValueError, {"resume": True}, ("resume", "without a checkpoint")),
        (ValueError, {"checkpoint_every": 3}, ("checkpoint_every", "without a checkpoint")),
        (ValueError, {"checkpoint": tmp_path / "run", "checkpoint_every": 0}, ("checkpoint_every is 0", "1")),
        (ValueError, {"checkpoint": ""}, ("checkpoint is ''", "file")),
        (TypeError, {"early_stopping": 3}, ("early_stopping is 3", "recurra.EarlyStopping")),
        (FileNotFoundError, {"checkpoint": tmp_path / "none" / "run"}, ("checkpoint", "folder")),
        (RuntimeError, {"checkpoint": tmp_path, "resume": True}, (str(tmp_path), "not a regular file")),
    ]
    for error, options, words in cases:
        with refused(error, *words, network=network):
            fit(network, x, y, **options)
    with pytest.raises(ValueError, match="EarlyStopping: patience is 0, expected at least 1"):
        rc.EarlyStopping(0)
    with pytest.raises(ValueError, match=r"EarlyStopping: min_delta is -1.*, expected a finite number >= 0"):
        rc.EarlyStopping(1, -1.0)
    assert not list(tmp_path.iterdir())


def test_damage(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    train(path)
    content = path.read_bytes()
    network, (x, y) = small(seed=4), running_sum()
    begin = 8 + int.from_bytes(content[:8], "little")
    for damaged in (
        b"",
        content[:-1],
        content[: len(content) // 2],
        content.replace(b"training.epochs", b"training.epochz"),
        content.replace(b"training.optimizer.mean", b"training.optimizer.main"),
        content.replace(rb"\"batch\":0", rb"\"batch\":9"),
        content.replace(rb"\"updates\":16", rb"\"updates\":-1"),
        content[:begin] + b"\xff" * (len(content) - begin),  # NaN everywhere
    ):
        assert damaged != content
        path.write_bytes(damaged)
        with refused(RuntimeError, str(path), network=network):
            fit(network, x, y, epochs=9, checkpoint=path, resume=True)
        assert path.read_bytes() == damaged


FULL_DISK = """
import os, resource, sys
from pathlib import Path
import numpy as np
import recurra as rc
from training import fit, running_sum, small

folder = Path(sys.argv[1])
path = folder / "run.safetensors"
(x, y), options = running_sum(), {"checkpoint": path, "checkpoint_every": 3}
fit(small(), x, y, epochs=1, **options)
content = path.read_bytes()
network, expected = small(), small()
fit(expected, x, y, epochs=2)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) // 2, hard))
try:
    fit(network, x, y, epochs=9, **options)
except OSError as error:
    print(error)
else:
    raise AssertionError("written in spite of the limit")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert path.read_bytes() == content
assert os.listdir(folder) == [path.name]
assert np.isfinite(network.flat).all() and not np.array_equal(network.flat, small().flat)
# The file is the first epoch's, whatever the network has become: the run goes on.
fit(network, x, y, epochs=2, resume=True, **options)
assert np.array_equal(network.flat, expected.flat)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    message = run_script(FULL_DISK, tmp_path)
    assert str(tmp_path / "run.safetensors") in message
    assert "cannot write" in message


CLOSED_FOLDER = """
import os, sys
import numpy as np
from training import fit, running_sum, small

network = small()
if os.geteuid() == 0:
    os.setuid(65534)  # the superuser may write everywhere
try:
    fit(network, *running_sum(), checkpoint=sys.argv[1] + "/run.safetensors")
except PermissionError as error:
    print(error)
assert np.array_equal(network.flat, small().flat)
"""


def test_a_closed_folder() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        message = run_script(CLOSED_FOLDER, folder)
        assert f"fit: checkpoint: {folder}/run.safetensors: cannot write into its folder" in message
        assert not list(folder.iterdir())
    finally:
        folder.chmod(0o700)
        folder.rmdir()


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 alone")
@pytest.mark.parametrize("kind", [os.fsdecode, os.fsencode])
def test_a_path_that_is_not_utf_8(kind: Callable[[bytes], Any], tmp_path: Path) -> None:
    path = kind(os.fsencode(tmp_path) + b"/run-\xff.safetensors")
    train(path, epochs=2)
    network, _ = train(path, resume=True)
    assert np.array_equal(network.flat, train(None)[0].flat)
    assert os.listdir(os.fsencode(tmp_path)) == [b"run-\xff.safetensors"]
    assert np.array_equal(rc.load(path).flat, network.flat)
    with refused(ValueError, "to resume the run in", "run-\udcff", "batch_size is 8", network=network):
        fit(network, *running_sum(), epochs=4, checkpoint=path, resume=True, batch_size=8)


def test_what_no_checkpoint_can_replace(tmp_path: Path) -> None:
    """It is known before the first epoch, and still there afterwards."""
    folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "nowhere")
    network, (x, y) = small(), running_sum()
    for path, resume, error, words in (
        (folder, False, IsADirectoryError, "is a folder"),
        (pipe, False, OSError, "is no regular file"),
        (Path("/dev/null"), False, OSError, "is no regular file"),
        (link, False, FileNotFoundError, "is a link to nothing"),
        (link, True, FileNotFoundError, "is a link to nothing"),
        (folder, True, RuntimeError, "not a regular file"),
        (pipe, True, RuntimeError, "not a regular file"),
    ):
        with refused(error, str(path), words, network=network):
            fit(network, x, y, checkpoint=path, resume=resume)
    assert folder.is_dir()
    assert pipe.is_fifo()
    assert link.is_symlink()
    with refused(ValueError, "checkpoint is 'a\\x00b'", network=network):
        fit(network, x, y, checkpoint="a\0b")
    with refused(TypeError, "checkpoint is 3", "expected the name of a file", network=network):
        fit(network, x, y, checkpoint=3)
    reachable = tmp_path / "reachable"
    reachable.symlink_to(tmp_path / "file")
    train(tmp_path / "file", epochs=1)
    train(reachable, epochs=1)
