"""Damaged model files: an error that names the file and says what is wrong, never a crash."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import recurra as rc
from recurra import _core

Header = dict[str, Any]
Damage = Callable[[Header], object]


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


def tensor(**changes: object) -> Damage:
    """Changes the entry of the tensor 1.weight, (1, 2)."""
    return lambda header: header["1.weight"].update(changes)


def metadata(**changes: object) -> Damage:
    return lambda header: header["__metadata__"].update(changes)


def layers(change: Callable[[list[Header]], object]) -> Damage:
    def apply(header: Header) -> None:
        described = json.loads(header["__metadata__"]["architecture"])
        change(described)
        header["__metadata__"]["architecture"] = json.dumps(described)

    return apply


def options(index: int, **changes: object) -> Damage:
    return layers(lambda described: described[index]["options"].update(changes))


DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "transposed": (lambda h: h["0.weight_ih"].update(shape=[2, 6]), ("'0.weight_ih'", "(2, 6)", "(6, 2)")),
    "another rank": (tensor(shape=[2]), ("'1.weight'", "(2)", "(1, 2)")),
    "negative shape": (tensor(shape=[-1, -2]), ("'1.weight'", "negative")),
    "huge shape": (tensor(shape=[2**62, 2**62]), ("'1.weight'", "2^63")),
    "missing tensor": (lambda h: h.update({"0.b": h.pop("0.bias")}), ("lacks", "'0.bias'")),
    "float16": (tensor(dtype="F16"), ("'1.weight'", "'F16'", "F32 or F64")),
    "bfloat16": (tensor(dtype="BF16"), ("'1.weight'", "'BF16'", "F32 or F64")),
    "integers": (tensor(dtype="I32"), ("'1.weight'", "'I32'", "F32 or F64")),
    "another dtype": (tensor(dtype="F64", shape=[1, 1]), ("'1.weight'", "F64", "F32")),
    "overlap": (tensor(data_offsets=[0, 8]), ("data byte", "overlap")),
    "beyond the end": (tensor(data_offsets=[10**9, 10**9 + 8]), ("data byte", "expected")),
    "backwards": (tensor(data_offsets=[8, 0]), ("'1.weight'", "offsets")),
    "network's dtype": (metadata(dtype="F64"), ("F32", "F64")),
    "network's unknown dtype": (metadata(dtype="F8"), ("'F8'", "F32 or F64")),
    "no metadata": (lambda h: h.pop("__metadata__"), ("metadata", "'format'")),
    "no architecture": (lambda h: h["__metadata__"].pop("architecture"), ("metadata", "'architecture'")),
    "another format": (metadata(format="pt"), ("'pt'", "'recurra'")),
    "unused metadata": (metadata(comment="x"), ("unused", "'comment'")),
    "another version": (metadata(version="99"), ("'99'", "'1'")),
    "metadata number": (metadata(version=1), ("__metadata__", "a string")),
    "architecture is no JSON": (metadata(architecture="[{"), ("architecture", "JSON")),
    "architecture is no list": (metadata(architecture="{}"), ("architecture", "list")),
    "architecture too deep": (
        metadata(architecture='[{"type":"A","layers":' * 9999),
        ("architecture", "deeper than 64 layers"),
    ),
    "no layers": (layers(lambda all: all.clear()), ("no layers",)),
    "unknown layer": (layers(lambda all: all[0].update(type="GRUU")), ("layer 0", "GRUU", "one of")),
    "unknown entry": (layers(lambda all: all[1].update(name="y")), ("'name'", "layer 1")),
    "no type": (layers(lambda all: all[1].pop("type")), ("type",)),
    "missing option": (layers(lambda all: all[1]["options"].pop("output_size")), ("'output_size'",)),
    "unknown variant": (options(0, reset="x"), ("layer 0", "GRU(reset=x)", "expected one of")),
    "unknown option": (options(1, gain=True), ("layer 1 (Linear)", "'gain'")),
    "text for a size": (options(1, output_size="1"), ("'output_size'", "an integer")),
    "fraction for a size": (options(1, output_size=1.0), ("'output_size'", "an integer")),
    "zero size": (options(0, hidden_size=0), ("hidden_size", "0", "at least 1")),
    "other size": (options(0, input_size=3), ("'0.weight_ih'", "(6, 2)", "(6, 3)")),
    "huge size": (options(0, input_size=2**62), ("layer 0 (GRU)", "overflows")),
    "beyond int64": (options(0, input_size=2**64 - 1), ("'input_size'", "overflows")),
    "layers that do not fit": (options(0, hidden_size=3), ("layer 1 (Linear)", "expects 2", "got 3")),
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
