"""Model files changed at random: a network that is what the bytes say, or a RuntimeError; no memory kept."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import recurra as rc
from hypothesis import given, settings
from hypothesis import strategies as st
from recurra import _core

NETWORKS = (
    rc.Network([rc.GRU(2, 2), rc.Linear(2, 1)], seed=3),
    rc.Network([rc.Embedding(3, 2), rc.Mean(), rc.Dropout(0.5), rc.Linear(2, 1)], dtype="float64", seed=4),
)
FILES = tuple(network._core.to_bytes() for network in NETWORKS)
EXAMPLES = settings(max_examples=150)

# JSON's own values and Python's extensions of them: NaN, infinities, integers of any size, lone surrogates.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64]),
    st.floats(),
    st.text(max_size=8),
    st.characters(categories=["Cs"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def split(content: bytes) -> tuple[dict[str, object], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def join(header: str, data: bytes) -> bytes:
    text = header.encode(errors="surrogatepass")
    return struct.pack("<Q", len(text)) + text + data


def no_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def check(content: bytes) -> bool:
    """Whether the bytes are loaded; what is loaded is held against Python's own reading of them."""
    try:
        core = _core.from_bytes(content)
    except RuntimeError as error:
        message = str(error)
        assert message.startswith("load: bytes: ")
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 3000
        return False
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length], object_pairs_hook=no_twins)
    data, covered = content[8 + length :], bytearray(len(content) - 8 - length)
    metadata = header.pop("__metadata__")
    assert set(metadata) == {"format", "version", "dtype", "architecture"}
    layers = json.loads(metadata["architecture"], object_pairs_hook=no_twins)
    assert [(layer["type"], layer.get("options", {})) for layer in layers] == [
        (layer.type, layer.options) for layer in core.layers
    ]
    network = rc.Network._from_core(core)
    assert set(header) == set(network.parameters)
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        assert entry["shape"] == list(network.parameters[name].shape)
        assert network.parameters[name].tobytes() == data[begin:end]
        covered[begin:end] = (byte + 1 for byte in covered[begin:end])
    assert covered == b"\1" * len(data)
    assert _core.from_bytes(core.to_bytes()).to_bytes() == core.to_bytes()
    return True


def test_the_files_themselves_load() -> None:
    assert all(check(content) for content in FILES)


@EXAMPLES
@given(st.sampled_from(FILES), st.data())
def test_changed_bytes(content: bytes, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(content)))
        end = begin + data.draw(st.integers(0, 9))
        content = content[:begin] + data.draw(st.binary(max_size=9)) + content[end:]
    check(content)


def places(tree: object) -> list[tuple[dict[str, object] | list[object], str | int]]:
    """Every place in a JSON tree where a value stands: its container and key."""
    found: list[tuple[dict[str, object] | list[object], str | int]] = []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        assert isinstance(tree, dict | list)
        found += [(tree, key), *places(value)]
    return found


@EXAMPLES
@given(st.sampled_from(FILES), st.booleans(), st.data())
def test_changed_values(content: bytes, in_layers: bool, data: st.DataObject) -> None:
    header, numbers = split(content)
    metadata = header["__metadata__"]
    assert isinstance(metadata, dict)
    layers = json.loads(metadata["architecture"])
    for _ in range(data.draw(st.integers(1, 2))):
        container, key = data.draw(st.sampled_from(places(layers if in_layers else header)))
        change = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if change == "replace":
            container[key] = data.draw(VALUES)  # type: ignore[index]
        elif change == "delete":
            del container[key]  # type: ignore[arg-type]
        elif isinstance(container, dict):
            container[data.draw(st.text(max_size=8))] = data.draw(VALUES)
        else:
            container.append(data.draw(VALUES))
        if not (layers if in_layers else header):
            break
    if in_layers:
        metadata["architecture"] = json.dumps(layers)
    ascii_only = data.draw(st.booleans())
    check(join(json.dumps(header, ensure_ascii=ascii_only), numbers))


@given(st.sampled_from(FILES), st.data())
def test_a_key_that_appears_twice(content: bytes, data: st.DataObject) -> None:
    header, numbers = split(content)
    text = json.dumps(header)
    at = data.draw(st.sampled_from([i for i, letter in enumerate(text) if letter == "{"]))
    inside = text[at + 1 : text.index(":", at)]  # the first key, as it is written there
    value = data.draw(st.sampled_from(["1", '"F32"', "[]", "{}"])).replace(
        '"', '\\"' if "\\" in inside else '"'
    )
    assert not check(join(text[: at + 1] + f"{inside}: {value}, " + text[at + 1 :], numbers))


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe, empty, odd = tmp_path / "pipe", tmp_path / "empty", os.fsencode(tmp_path) + b"/\xff\n"
    os.mkfifo(pipe)
    empty.touch()
    Path(os.fsdecode(odd)).write_bytes(b"12345678")
    for path in (pipe, empty, tmp_path, Path("/dev/zero"), Path(os.fsdecode(odd))):
        with pytest.raises(RuntimeError) as caught:
            rc.load(path)
        assert str(caught.value).startswith(f"load: {path}: ")
    with pytest.raises(FileNotFoundError) as missing:
        rc.load(os.fsdecode(odd + b"?"))
    assert os.fsdecode(odd) in str(missing.value)


def test_a_path_that_is_no_utf_8(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    NETWORKS[0].save(path)
    assert rc.load(path).flat.tobytes() == NETWORKS[0].flat.tobytes()
    assert os.listdir(tmp_path) == [os.path.basename(path)]


def test_layers_inside_layers_are_bounded() -> None:
    spec = _core.LayerSpec("A")
    for _ in range(63):
        spec = _core.LayerSpec("A", layers=[spec])
    with pytest.raises(ValueError, match="LayerSpec: A has layers nested deeper than 64"):
        _core.LayerSpec("A", layers=[spec])
    header, numbers = split(FILES[0])
    metadata = header["__metadata__"]
    assert isinstance(metadata, dict)
    metadata["architecture"] = '[{"type":"A","layers":' * 100_000 + "[]" + "}]" * 100_000
    with pytest.raises(RuntimeError, match="architecture is nested deeper than 64 layers"):
        _core.from_bytes(join(json.dumps(header), numbers))


# In a process of its own, whose memory nobody else uses.
REFUSALS = """
import os, sys
import recurra as rc

def used():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))

def refuse(rounds):
    for _ in range(rounds):
        for path in sys.argv[1:]:
            try:
                rc.load(path)
            except RuntimeError:
                continue
            raise SystemExit(f"{path} was loaded")

refuse(3)
memory, files = used()
refuse(30)
more, still = used()
print(more - memory, still - files)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_refused_files_leave_nothing_behind(tmp_path: Path) -> None:
    network = rc.Network([rc.LSTM(300, 300), rc.Linear(300, 10)])
    content = network._core.to_bytes()  # about 3 MB
    header, data = split(content)
    cases = {
        "longer": content + b"\0",
        "shorter": content[:-1],
        "no layers": content.replace(b"LSTM", b"LSTX"),
        "one tensor less": join(json.dumps({**header, "9.bias": header["1.bias"]}), data),
        "no JSON": join(json.dumps(header)[:-1] + " ", data),
    }
    for name, damaged in cases.items():
        (tmp_path / name).write_bytes(damaged)
    result = subprocess.run(
        [sys.executable, "-c", REFUSALS, *(str(tmp_path / name) for name in cases)],
        capture_output=True,
        text=True,
        check=True,
    )
    memory, files = map(int, result.stdout.split())
    assert memory < len(content)  # 150 files were refused
    assert files == 0
