"""Model files: a round trip, readable by the safetensors package, and clear errors for damaged ones."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, NETWORKS, build, draw_input
from recurra import _core

Header = dict[str, Any]


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


def written(tmp_path: Path) -> tuple[Path, Header, bytes]:
    """A file, its header and its data."""
    path = tmp_path / "model.safetensors"
    rc.Network([rc.GRU(2, 2), rc.Linear(2, 1)], seed=3).save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return path, json.loads(content[8 : 8 + length]), content[8 + length :]


def write(path: Path, header: Header | str, data: bytes) -> None:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def refused(path: Path, *words: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        rc.load(path)
    assert all(word in str(caught.value) for word in (str(path), *words)), str(caught.value)


def test_any_truncation_is_an_error(tmp_path: Path) -> None:
    path, _, data = written(tmp_path)
    content = path.read_bytes()
    begin = len(content) - len(data)
    for length in (0, 7, 8, 9, begin // 2, begin - 1, begin, begin + 1, len(content) - 1):
        path.write_bytes(content[:length])
        refused(path, "load")
    path.write_bytes(content + b"\0")
    refused(path, "data part", "bytes")
    for length in range(len(content)):
        with pytest.raises(RuntimeError, match="load: bytes: "):
            _core.from_bytes(content[:length])


def test_any_changed_byte_of_the_header_is_an_error_or_loads(tmp_path: Path) -> None:
    path, _, data = written(tmp_path)
    content = path.read_bytes()
    loaded = 0
    for i in range(len(content) - len(data)):
        for value in (0, 0x22, 0x7B, 0x39, 0xFF, content[i] ^ 1):
            try:
                core = _core.from_bytes(content[:i] + bytes([value]) + content[i + 1 :])
            except RuntimeError as error:
                assert str(error).startswith("load: bytes: ")  # noqa: PT017
            else:
                loaded += 1
                assert core.flat().size == len(data) // 4
    assert loaded < len(content)


def with_layers(change: Callable[[list[Header]], object]) -> Callable[[Header], None]:
    def apply(header: Header) -> None:
        layers = json.loads(header["__metadata__"]["architecture"])
        change(layers)
        header["__metadata__"]["architecture"] = json.dumps(layers)

    return apply


def swap(header: Header) -> None:
    """The right number of bytes under a wrong shape."""
    header["0.weight_ih"]["shape"] = [2, 6]


DAMAGES: dict[str, tuple[Callable[[Header], object], tuple[str, ...]]] = {
    "shape": (swap, ("'0.weight_ih'", "(2, 6)", "(6, 2)")),
    "flat shape": (lambda h: h["1.weight"].update(shape=[2]), ("'1.weight'", "(2)", "(1, 2)")),
    "negative shape": (lambda h: h["1.weight"].update(shape=[-1, -2]), ("'1.weight'", "negative")),
    "huge shape": (lambda h: h["1.weight"].update(shape=[2**62, 2**62]), ("'1.weight'", "2^63")),
    "missing tensor": (lambda h: h.update({"0.b": h.pop("0.bias")}), ("lacks", "'0.bias'")),
    "float16": (lambda h: h["1.weight"].update(dtype="F16"), ("'1.weight'", "'F16'", "F32 or F64")),
    "bfloat16": (lambda h: h["1.weight"].update(dtype="BF16"), ("'1.weight'", "'BF16'", "F32 or F64")),
    "integers": (lambda h: h["1.weight"].update(dtype="I32"), ("'1.weight'", "'I32'", "F32 or F64")),
    "another dtype": (lambda h: h["1.weight"].update(dtype="F64", shape=[1, 1]), ("'1.weight'", "F64", "F32")),
    "dtype of the network": (lambda h: h["__metadata__"].update(dtype="F64"), ("F32", "F64")),
    "unknown dtype of the network": (lambda h: h["__metadata__"].update(dtype="F8"), ("'F8'", "F32 or F64")),
    "overlap": (lambda h: h["1.weight"].update(data_offsets=[0, 8]), ("data byte", "overlap")),
    "beyond the end": (lambda h: h["1.weight"].update(data_offsets=[10**9, 10**9 + 8]), ("data byte", "expected")),
    "backwards": (lambda h: h["1.weight"].update(data_offsets=[8, 0]), ("'1.weight'", "offsets")),
    "no metadata": (lambda h: h.pop("__metadata__"), ("metadata", "'format'")),
    "no architecture": (lambda h: h["__metadata__"].pop("architecture"), ("metadata", "'architecture'")),
    "another format": (lambda h: h["__metadata__"].update(format="pt"), ("'pt'", "'recurra'")),
    "another version": (lambda h: h["__metadata__"].update(version="99"), ("'99'", "'1'")),
    "metadata number": (lambda h: h["__metadata__"].update(version=1), ("__metadata__", "a string")),
    "architecture is no JSON": (lambda h: h["__metadata__"].update(architecture="[{"), ("architecture", "JSON")),
    "architecture is no list": (lambda h: h["__metadata__"].update(architecture="{}"), ("architecture", "list")),
    "architecture too deep": (lambda h: h["__metadata__"].update(architecture="[" * 9999), ("architecture", "deeper")),
    "no layers": (with_layers(lambda layers: layers.clear()), ("no layers",)),
    "unknown layer": (with_layers(lambda layers: layers[0].update(type="GRUU")), ("layer 0", "GRUU", "expected one of")),
    "unknown variant": (with_layers(lambda layers: layers[0]["options"].update(reset="x")), ("layer 0", "GRU(reset=x)", "expected one of")),
    "unknown option": (with_layers(lambda layers: layers[1]["options"].update(bias=True)), ("layer 1 (Linear)", "'bias'")),
    "missing option": (with_layers(lambda layers: layers[1]["options"].pop("output_size")), ("layer 1 (Linear)", "'output_size'")),
    "unknown entry": (with_layers(lambda layers: layers[1].update(name="y")), ("'name'", "Linear")),
    "no type": (with_layers(lambda layers: layers[1].pop("type")), ("type",)),
    "text for a size": (with_layers(lambda layers: layers[1]["options"].update(output_size="1")), ("'output_size'", "an integer")),
    "fraction for a size": (with_layers(lambda layers: layers[1]["options"].update(output_size=1.0)), ("'output_size'", "an integer")),
    "zero size": (with_layers(lambda layers: layers[0]["options"].update(hidden_size=0)), ("hidden_size", "0", "at least 1")),
    "other size": (with_layers(lambda layers: layers[0]["options"].update(input_size=3)), ("'0.weight_ih'", "(6, 2)", "(6, 3)")),
    "huge size": (with_layers(lambda layers: layers[0]["options"].update(input_size=2**62)), ("layer 0 (GRU)", "overflows")),
    "beyond int64": (with_layers(lambda layers: layers[0]["options"].update(input_size=2**64 - 1)), ("'input_size'", "overflows")),
    "layers that do not fit": (with_layers(lambda layers: layers[0]["options"].update(hidden_size=3)), ("layer 1 (Linear)", "expects 2", "got 3")),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_headers(name: str, tmp_path: Path) -> None:
    path, header, data = written(tmp_path)
    write(path, header, data)
    rc.load(path)
    damage, words = DAMAGES[name]
    damage(header)
    write(path, header, data)
    refused(path, *words)


def test_unused_tensors(tmp_path: Path) -> None:
    path, header, data = written(tmp_path)
    header["2.weight"] = {"dtype": "F32", "shape": [1], "data_offsets": [len(data), len(data) + 4]}
    write(path, header, data + bytes(4))
    refused(path, "unused", "'2.weight'")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"a":1}', '{"a":{}}', "\ufeff{}", "{} {}", '{"a":{},"a":{}}']
)
def test_headers_that_are_none(text: str, tmp_path: Path) -> None:
    path, _, data = written(tmp_path)
    write(path, text, data)
    refused(path)


def test_paths(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, tmp_path / "no folder" / "model"):
        refused(path, "load")
    for path in (tmp_path, tmp_path / "no folder" / "model"):
        with pytest.raises(RuntimeError) as caught:
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
except RuntimeError as error:
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
        with pytest.raises(RuntimeError, match="Permission denied"):
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
