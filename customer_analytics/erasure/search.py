"""Looking for words in the bytes of files."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

_BLOCK_BYTES = 4 << 20
_OVERLAP_BYTES = 4_000  # more than the longest word in any encoding
_PATTERN_LENGTH = 12_000  # of a longer one, RE2 cannot keep the states that it needs, and falls back to a slow way


@dataclass(frozen=True)
class Searched:
    """How many files were looked into, with how many bytes, and which of them hold a word."""

    files: int
    size: int
    holding: tuple[Path, ...]


def search(folder: Path, words: Iterable[str], leaving_out: Sequence[Path] = ()) -> Searched:
    """Look into every file below a folder, but for those below the folders left out.

    A word counts in any case, as UTF-8, as UTF-16, and as JSON escapes it. Inside of what is compressed or
    encrypted no word is seen.
    """
    holds = searcher(words)
    files, size, holding = 0, 0, []
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file() or any(file.is_relative_to(other) for other in leaving_out):
            continue
        try:
            files, size = files + 1, size + file.stat().st_size
            if any(map(holds, _blocks(file))):
                holding.append(file)
        except FileNotFoundError:
            continue  # removed meanwhile
    return Searched(files, size, tuple(holding))


def searcher(words: Iterable[str]) -> Callable[[bytes], bool]:
    """Tells whether bytes hold one of the words.

    By RE2, which looks for a few hundred words as fast as for one, and for more in as many turns as it takes.
    """
    patterns = list(_patterns(sorted({form for word in words for form in _forms(word)})))

    def holds(content: bytes) -> bool:
        block = pa.array([content], pa.binary())
        return any(pc.match_substring_regex(block, pattern)[0].as_py() for pattern in patterns)

    return holds


def _patterns(forms: Iterable[str]) -> Iterator[str]:
    """The forms in as few patterns as RE2 searches for in one pass."""
    some, length = list[str](), 0
    for form in forms:
        if some and length + len(form) > _PATTERN_LENGTH:
            yield f"(?i){'|'.join(some)}"
            some, length = [], 0
        some.append(form)
        length += len(form)
    if some:
        yield f"(?i){'|'.join(some)}"


def in_any_case(word: str, encoded: Callable[[str], str]) -> str:
    """The pattern of a word, by that of a character; of ASCII's letters, it takes a flag to find the others."""
    return "".join(_character(character, encoded) for character in word)


def as_json(text: str) -> str:
    """The pattern of a text as JSON escapes it."""
    return re.escape(json.dumps(text)[1:-1])


def _character(character: str, encoded: Callable[[str], str]) -> str:
    if character.isascii():
        return encoded(character)
    return f"(?:{'|'.join(sorted({encoded(form) for form in (character, character.lower(), character.upper())}))})"


def _forms(word: str) -> Iterator[str]:
    """The word in each encoding, as a part of a pattern."""
    yield in_any_case(word, partial(_bytes, "utf-8"))
    yield in_any_case(word.replace('"', '""'), partial(_bytes, "utf-8"))  # in a CSV file
    yield in_any_case(word, as_json)
    yield in_any_case(word, partial(_bytes, "utf-16-le"))


def _bytes(encoding: str, text: str) -> str:
    """The pattern of the bytes, each in ASCII: RE2 takes a pattern's own characters for one byte each."""
    return "".join(
        re.escape(chr(byte)) if 32 < byte < 127 else f"\\x{byte:02x}" for byte in text.encode(encoding, "replace")
    )


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        before = b""
        while block := opened.read(_BLOCK_BYTES):
            yield before + block
            before = block[-_OVERLAP_BYTES:]
