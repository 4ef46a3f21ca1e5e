"""Tokenizers: text as ids and back, vocabularies by frequency, and what they refuse."""

from collections import Counter

import numpy as np
import pytest
import recurra as rc
from hypothesis import given
from hypothesis import strategies as st
from recurra.text import CharTokenizer, Tokenizer, WordTokenizer

KINDS = (CharTokenizer, WordTokenizer)
TEXT = "the cat saw the dog\nthe dog ran\n"


def normalised(text: str) -> str:
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


@given(st.text(st.characters()))
def test_characters_round_trip(text: str) -> None:
    """Any code points, also lone surrogates and those beyond 16 bits."""
    tokenizer = CharTokenizer.build(text)
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int64
    assert len(ids) == len(text)
    assert tokenizer.decode(ids) == text
    assert len(tokenizer) == len(set(text) - {"\n"}) + 2


@given(st.text(st.characters()))
def test_words_round_trip_but_for_blanks(text: str) -> None:
    tokenizer = WordTokenizer.build(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == normalised(text)
    assert len(ids) == len(text.split()) + text.count("\n")
    assert set(tokenizer.tokens[2:]) == set(text.split())


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(max_size=30), other=st.text(max_size=30))
def test_an_encoding_is_that_of_its_lines(kind: type[Tokenizer], text: str, other: str) -> None:
    """Lines of a file may be encoded one after the other, whatever the vocabulary knows."""
    tokenizer = kind.build(other)
    whole = tokenizer.encode(text + "\n" + other)
    parts = tokenizer.encode(text + "\n"), tokenizer.encode(other)
    assert np.array_equal(whole, np.concatenate(parts))
    assert kind.build([text + "\n", other]) == kind.build(text + "\n" + other)


def test_ids_by_frequency() -> None:
    tokenizer = WordTokenizer.build(TEXT)
    assert tokenizer.tokens == ("<unk>", "<eos>", "the", "dog", "cat", "ran", "saw")
    assert tokenizer.encode(TEXT).tolist() == [2, 4, 6, 2, 3, 1, 2, 3, 5, 1]
    assert tokenizer.encode("the cow", start=True).tolist() == [1, 2, 0]
    assert tokenizer.encode("").tolist() == []
    assert tokenizer.decode([2, 0, 1, 4]) == "the <unk>\ncat"
    assert tokenizer.decode([]) == ""
    assert (tokenizer.unknown, tokenizer.end) == (0, 1)
    characters = CharTokenizer.build("bab\na")
    assert characters.tokens == ("<unk>", "<eos>", "a", "b")
    assert characters.decode([2, 0, 1, 3]) == "a\ufffd\nb"


@given(st.lists(st.sampled_from("abcdefg"), max_size=60), st.integers(1, 5), st.integers(3, 9))
def test_counts_and_sizes(drawn: list[str], min_count: int, max_size: int) -> None:
    counts = Counter(drawn)
    kept = [word for word in counts if counts[word] >= min_count]
    kept.sort(key=lambda word: (-counts[word], word))
    tokenizer = WordTokenizer.build(" ".join(drawn), min_count=min_count, max_size=max_size)
    assert list(tokenizer.tokens[2:]) == kept[: max_size - 2]


@pytest.mark.parametrize("kind", KINDS)
def test_lower_case(kind: type[Tokenizer]) -> None:
    text = "Strasse ÉTÉ İ\nété"
    tokenizer = kind.build(text, lowercase=True)
    assert tokenizer.decode(tokenizer.encode(text.upper())) == text.upper().lower()
    assert tokenizer.decode(tokenizer.encode(text)) == text.lower()
    assert "É" not in "".join(tokenizer.tokens)
    as_it_is = kind.build(text)
    assert as_it_is != tokenizer
    assert as_it_is.decode(as_it_is.encode(text)) == text


def test_special_words_of_a_text() -> None:
    """Corpora have the rare words replaced already."""
    tokenizer = WordTokenizer.build("a <unk> <unk> b")
    assert tokenizer.tokens == ("<unk>", "<eos>", "a", "b")
    assert tokenizer.encode("<unk> a").tolist() == [0, 2]


def test_equality_and_words_about_it() -> None:
    first, second = WordTokenizer.build("a b"), WordTokenizer.build("b a")
    assert first == second
    assert hash(first) == hash(second)
    assert first != CharTokenizer.build("a b")
    assert repr(WordTokenizer.build("a b", lowercase=True)) == "WordTokenizer(4 tokens, lowercase)"
    assert rc.text.CharTokenizer is CharTokenizer


SPECIAL = ["<unk>", "<eos>"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WordTokenizer(["<eos>", "<unk>"]), r"tokens begins with \('<eos>', '<unk>'\), expected"),
        (
            lambda: WordTokenizer([*SPECIAL, "a", "a"]),
            r"tokens\[3\] is 'a', expected another than tokens\[2\]",
        ),
        (lambda: WordTokenizer([*SPECIAL, "a b"]), r"WordTokenizer: tokens\[2\] is 'a b', expected a word"),
        (lambda: WordTokenizer([*SPECIAL, ""]), r"tokens\[2\] is '', expected a word"),
        (
            lambda: CharTokenizer([*SPECIAL, "ab"]),
            r"CharTokenizer: tokens\[2\] is 'ab', expected one character",
        ),
        (lambda: CharTokenizer([*SPECIAL, "\n"]), "expected one character, no line feed"),
        (lambda: WordTokenizer.build("a", min_count=0), "build: min_count is 0, expected at least 1"),
        (lambda: WordTokenizer.build("a", max_size=2), "build: max_size is 2, expected at least 3"),
        (lambda: WordTokenizer.build("a").decode([3]), r"decode: ids\[0\] is 3, expected 0 .. 2"),
        (lambda: WordTokenizer.build("a").decode([0, -1]), r"decode: ids\[1\] is -1, expected 0 .. 2"),
        (
            lambda: WordTokenizer.build("a").decode([[0]]),
            r"decode: ids has shape \(1, 1\), expected \(tokens,\)",
        ),
    ],
)
def test_what_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WordTokenizer("<unk>"), "tokens is '<unk>', expected a sequence of strings"),
        (lambda: WordTokenizer([*SPECIAL, 3]), "expected a sequence of strings"),  # type: ignore[list-item]
        (lambda: WordTokenizer(SPECIAL, lowercase=1), "lowercase is 1, expected True or False"),  # type: ignore[arg-type]
        (lambda: WordTokenizer.build(b"a"), "build: text is a int, expected a string"),  # type: ignore[arg-type]
        (lambda: WordTokenizer.build("a").encode(b"a"), "encode: text is a bytes"),  # type: ignore[arg-type]
        (lambda: WordTokenizer.build("a").decode([0.5]), "decode: ids has dtype float64, expected integers"),
    ],
)
def test_wrong_kinds(make: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()  # type: ignore[operator]
