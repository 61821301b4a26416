"""Whether the write-ahead log of a DuckDB file holds commits that DuckDB would leave out in silence.

DuckDB 2.0 checks each entry of the log against a checksum, but not its size. An entry that seems to be longer than
the rest of the file is taken for the last one, half written when the process was killed; it and all that follows
are dropped. That is right only where no commit follows. Can go when DuckDB tells these cases apart.
"""

from pathlib import Path

_HEADER = bytes.fromhex("640062650002660010")  # an entry of type 98, version 2, and an identifier of 16 numbers
_ITERATION = bytes.fromhex("6700")
_END = b"\xff\xff"
_COMMIT = bytes.fromhex("e7fe7d722fed3d5e640064ffff")
"""Checksum and contents of the entry that ends every commit."""


def loses_commits(log: Path) -> bool:
    """Whether the log is damaged in a way that DuckDB does not notice; other damage it reports by itself."""
    content = log.read_bytes()
    start = _end_of_header(content)
    if start is None:
        # Half a header is what a kill leaves before the first commit.
        return not _HEADER.startswith(content[: len(_HEADER)]) or _COMMIT in content
    while start < len(content):
        size = int.from_bytes(content[start : start + 8], "little")
        end = start + 16 + size
        if end > len(content):
            return _COMMIT in content[start:]
        start = end
    return False


def _end_of_header(content: bytes) -> int | None:
    if not content.startswith(_HEADER):
        return None
    position = _after_numbers(content, len(_HEADER), 16)
    if not content.startswith(_ITERATION, position):
        return None
    position = _after_numbers(content, position + len(_ITERATION), 1)
    return position + len(_END) if content.startswith(_END, position) else None


def _after_numbers(content: bytes, position: int, count: int) -> int:
    """Where so many numbers end, each written in groups of seven bits with the lowest first."""
    while count and position < len(content):
        count -= content[position] < 0x80
        position += 1
    return position
