"""Search for words in the bytes of files."""

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
_PATTERN_LENGTH = 12_000  # for longer patterns, RE2 runs out of states and becomes slow


@dataclass(frozen=True)
class SearchResult:
    """Number and total size in bytes of the searched files, and the files that contain a word."""

    files: int
    size: int
    holding: tuple[Path, ...]


def search(folder: Path, words: Iterable[str], leaving_out: Sequence[Path] = ()) -> SearchResult:
    """Search every file below a folder, except those below `leaving_out`.

    A word matches in upper and lower case, as UTF-8, as UTF-16, and with JSON escapes. Words in compressed or
    encrypted data are not found.
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
            continue  # deleted in the meantime
    return SearchResult(files, size, tuple(holding))


def searcher(words: Iterable[str]) -> Callable[[bytes], bool]:
    """A function that tells whether bytes contain one of the words.

    It uses RE2, which searches for a few hundred words as fast as for one; more words take several passes.
    """
    patterns = list(_patterns(sorted({form for word in words for form in _forms(word)})))

    def holds(content: bytes) -> bool:
        block = pa.array([content], pa.binary())
        return any(pc.match_substring_regex(block, pattern)[0].as_py() for pattern in patterns)

    return holds


def _patterns(forms: Iterable[str]) -> Iterator[str]:
    """The forms, joined into few patterns that RE2 can handle."""
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
    """The pattern of a word in any case; for ASCII letters, the pattern needs the flag for ignoring case."""
    return "".join(_character(character, encoded) for character in word)


def as_json(text: str) -> str:
    """The pattern of a text with JSON escapes."""
    return re.escape(json.dumps(text)[1:-1])


def _character(character: str, encoded: Callable[[str], str]) -> str:
    if character.isascii():
        return encoded(character)
    return f"(?:{'|'.join(sorted({encoded(form) for form in (character, character.lower(), character.upper())}))})"


def _forms(word: str) -> Iterator[str]:
    """The patterns of a word in each encoding."""
    yield in_any_case(word, partial(_bytes, "utf-8"))
    yield in_any_case(word.replace('"', '""'), partial(_bytes, "utf-8"))  # in a CSV file
    yield in_any_case(word, as_json)
    yield in_any_case(word, partial(_bytes, "utf-16-le"))


def _bytes(encoding: str, text: str) -> str:
    """The pattern of the encoded bytes, in ASCII, because RE2 treats each character of a pattern as one byte."""
    return "".join(
        re.escape(chr(byte)) if 32 < byte < 127 else f"\\x{byte:02x}" for byte in text.encode(encoding, "replace")
    )


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        before = b""
        while block := opened.read(_BLOCK_BYTES):
            yield before + block
            before = block[-_OVERLAP_BYTES:]
