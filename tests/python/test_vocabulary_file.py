"""Vocabulary files: what is written comes back, and what is damaged is told."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recurra.text import CharTokenizer, Tokenizer, WordTokenizer, load_tokenizer

GOOD = "recurra-vocabulary 1 level=word lowercase=true tokens=4\n<unk>\n<eos>\nthe\nü\n"


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer])
@pytest.mark.parametrize("lowercase", [False, True])
@given(text=st.text(st.characters()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_comes_back(kind: type[Tokenizer], lowercase: bool, tmp_path: Path, text: str) -> None:
    path = tmp_path / "v.txt"
    saved = kind.build(text, lowercase=lowercase)
    saved.save(path)
    found = load_tokenizer(path)
    assert found == saved
    assert type(found) is kind
    assert (
        len(path.read_bytes().decode().splitlines()) == len(saved) + 1
    )  # no token breaks a line, whatever breaks lines
    assert os.listdir(tmp_path) == ["v.txt"]


def test_what_it_looks_like(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    WordTokenizer.build("ü the the", lowercase=True).save(path)
    assert path.read_text(encoding="utf-8") == GOOD
    CharTokenizer.build(" \t\\\r\u200b\x00").save(path)
    assert path.read_text().splitlines()[3:] == ["\\u{0}", "\\t", "\\r", "\\s", "\\\\", "\\u{200b}"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with '', expected recurra-vocabulary 1"),
        (b"the\na\n", "begins with 'the', expected recurra-vocabulary 1"),
        (GOOD.replace(" 1 ", " 2 "), "begins with 'recurra-vocabulary 2"),
        (GOOD.replace("=true", "=yes"), "expected recurra-vocabulary 1"),
        (GOOD.replace("word", "morpheme"), "level is 'morpheme', expected char or word"),
        (GOOD.encode()[:-4], r"has 3 \(the last without a line's end\) tokens, expected 4"),
        (GOOD.encode()[:-1], r"has 4 \(the last without a line's end\) tokens, expected 4"),
        (GOOD.encode()[:-3], "has 3 tokens, expected 4"),
        (GOOD + "more\n", "has 5 tokens, expected 4"),
        (GOOD.replace("the", ""), "line 4 is empty"),
        (GOOD.replace("the", "a b"), r"tokens\[2\] is 'a b', expected a word"),
        (GOOD.replace("the", "a\\x"), r"line 4 has the escape '\\\\x', expected"),
        (GOOD.replace("the", "a\\"), "line 4 has the escape"),
        (GOOD.replace("the", "\\u{110000}"), "line 4 has the escape"),
        (GOOD.replace("the", "ü"), r"tokens\[3\] is 'ü', expected another than tokens\[2\]"),
        (GOOD.replace("<eos>", "<end>"), "tokens begins with"),
        (GOOD.encode("latin-1"), "byte 72 is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "byte 0 is not UTF-8"),
    ],
)
def test_damaged_files(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RuntimeError, match=message) as caught:
        load_tokenizer(path)
    assert str(path) in str(caught.value)


@given(st.binary(max_size=80), st.integers(0, len(GOOD.encode())))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, written: bytes, place: int) -> None:
    """A good file with other bytes in it is read, or refused as damaged."""
    path = tmp_path / "v.txt"
    data = GOOD.encode()
    path.write_bytes(data[:place] + written + data[place + len(written) :])
    try:
        assert len(load_tokenizer(path)) >= 2
    except RuntimeError as error:
        assert str(error).startswith(f"load: {path}: ")  # noqa: PT017


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_tokenizer(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError):
        WordTokenizer.build("a").save(tmp_path / "none" / "v.txt")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        WordTokenizer.build("a").save(folder)
    assert os.listdir(tmp_path) == ["folder"]
