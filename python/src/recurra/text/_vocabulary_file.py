r"""Vocabulary files: UTF-8, a line that says what it is, then a token per line.

    recurra-vocabulary 1 level=word lowercase=false tokens=1234
    <unk>
    <eos>
    the

A token's line number less two is its id. Characters that do not show, and blanks, are escaped: ``\n``,
``\t``, ``\r``, ``\s`` (a blank), ``\\``, and ``\u{200b}`` for any other. The number of tokens and the last
line's end tell a file that was cut off.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

HEADER = re.compile(r"recurra-vocabulary 1 level=(\w+) lowercase=(true|false) tokens=(\d{1,9})")
LETTERS = {"\n": "n", "\t": "t", "\r": "r", " ": "s", "\\": "\\"}
CHARACTERS = {letter: character for character, letter in LETTERS.items()}
ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]{1,6})\}|(.?))", re.DOTALL)


@dataclass(frozen=True)
class VocabularyFile:
    """What a file holds."""

    level: str
    lowercase: bool
    tokens: tuple[str, ...]


def escape(token: str) -> str:
    """`token` in characters that show."""
    return "".join(
        f"\\{LETTERS[c]}" if c in LETTERS else c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in token
    )


def unescape(written: str) -> str:
    """The token that was escaped; ValueError if it was not."""

    def character(match: re.Match[str]) -> str:
        code, letter = match.groups()
        if code is not None and int(code, 16) <= 0x10FFFF:
            return chr(int(code, 16))
        if letter and letter in CHARACTERS:
            return CHARACTERS[letter]
        raise ValueError(f"has the escape {match.group()!r}, expected \\n, \\t, \\r, \\s, \\\\ or \\u{{...}}")

    return ESCAPE.sub(character, written)


def write(path: str | os.PathLike[str], content: VocabularyFile) -> None:
    """Write a vocabulary, whole or not at all."""
    lowercase = "true" if content.lowercase else "false"
    lines = [
        f"recurra-vocabulary 1 level={content.level} lowercase={lowercase} tokens={len(content.tokens)}",
        *map(escape, content.tokens),
    ]
    data = "".join(f"{line}\n" for line in lines).encode()
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".recurra-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def read(path: str | os.PathLike[str]) -> VocabularyFile:
    """What the file holds; RuntimeError if it is no whole vocabulary."""
    data = Path(path).read_bytes()

    def damaged(what: str) -> RuntimeError:
        return RuntimeError(f"load: {os.fspath(path)}: {what}")

    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise damaged(f"byte {error.start} is not UTF-8, expected a vocabulary file") from None
    lines = text.split("\n")
    header = HEADER.fullmatch(lines[0])
    if header is None:
        expected = "recurra-vocabulary 1 level=... lowercase=... tokens=..."
        raise damaged(f"begins with {lines[0]!r:.60}, expected {expected}")
    level, lowercase, size = header[1], header[2] == "true", int(header[3])
    if lines[-1] != "" or len(lines) != size + 2:
        found = len(lines) - 2 if lines[-1] == "" else f"{len(lines) - 1} (the last without a line's end)"
        raise damaged(f"has {found} tokens, expected {size}, as its first line says")
    tokens = []
    for number, line in enumerate(lines[1:-1], 2):
        try:
            tokens.append(unescape(line))
        except ValueError as error:
            raise damaged(f"line {number} {error}") from None
        if not line:
            raise damaged(f"line {number} is empty, expected a token")
    return VocabularyFile(level, lowercase, tuple(tokens))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
