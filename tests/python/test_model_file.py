"""Model files: a round trip, readable by the safetensors package, written whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, NETWORKS, build, draw_input


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(name: str, dtype: str, tmp_path: Path) -> None:
    network = build(name, dtype)
    path = tmp_path / "model.safetensors"
    network.save(path)
    loaded = rc.load(path)
    assert loaded.dtype == network.dtype
    assert repr(loaded) == repr(network)
    assert np.array_equal(loaded.flat, network.flat)
    x = draw_input(network, (2, 3), np.random.default_rng(0))
    assert np.array_equal(loaded(x), network(x))
    loaded.save(str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again", "model.safetensors"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_safetensors_package_reads_it(name: str, dtype: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    network = build(name, dtype)
    network.save(tmp_path / "model")
    with safetensors.safe_open(tmp_path / "model", "np") as file:
        assert set(file.keys()) == set(network.parameters)
        for key, view in network.parameters.items():
            tensor = file.get_tensor(key)
            assert tensor.dtype == network.dtype
            assert np.array_equal(tensor, view)
        metadata = file.metadata()
    assert metadata["format"] == "recurra"
    assert metadata["dtype"] == {"float32": "F32", "float64": "F64"}[dtype]
    layers = json.loads(metadata["architecture"])
    assert [(layer["type"], layer.get("options", {})) for layer in layers] == [
        (layer.type, layer.options) for layer in network.layers
    ]


def test_values_survive_whatever_they_are(tmp_path: Path) -> None:
    network = build("LSTM", "float32")
    network.flat[:6] = np.nan, np.inf, -np.inf, -0.0, 1e-45, np.finfo(np.float32).max
    network.save(tmp_path / "model")
    assert rc.load(tmp_path / "model").flat.tobytes() == network.flat.tobytes()


def test_paths(tmp_path: Path) -> None:
    for path, error in (
        (tmp_path / "missing", FileNotFoundError),
        (tmp_path, RuntimeError),
        (tmp_path / "no folder" / "model", FileNotFoundError),
    ):
        with pytest.raises(error) as caught:
            rc.load(path)
        assert f"load: {path}" in str(caught.value)
        if path.name != "missing":
            with pytest.raises(error) as caught:
                build("LSTM").save(path)
            assert f"save: {path}" in str(caught.value)
    with pytest.raises(ValueError, match="NUL"):
        rc.load("a\0b")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    build("LSTM").save(path)
    old = path.read_bytes()
    script = """
import resource, sys
import recurra as rc
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    rc.Network([rc.LSTM(30, 40)]).save(sys.argv[1])
except OSError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert f"save: {path}" in result.stdout
    assert path.read_bytes() == old
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_folder_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "model"
    build("LSTM").save(path)
    old = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="Permission denied"):
            build("stack").save(path)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == old


def test_saving_replaces_a_file_and_follows_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "model", tmp_path / "link"
    build("LSTM").save(path)
    link.symlink_to(path)
    build("stack").save(link)
    assert link.is_symlink()
    assert repr(rc.load(path)) == repr(build("stack"))
