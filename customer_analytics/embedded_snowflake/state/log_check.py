"""Whether DuckDB would silently skip commits in the write-ahead log of a file.

DuckDB 2.0 verifies the checksum of each entry of the log, but not its size. It takes an entry that seems longer
than the rest of the file for the last one, half written when the process was killed, and drops it and everything
after it. That is right only if no commit follows. Remove this check when DuckDB distinguishes these cases.
"""

from pathlib import Path

_HEADER = bytes.fromhex("640062650002660010")  # an entry of type 98, version 2, and an identifier of 16 numbers
_ITERATION = bytes.fromhex("6700")
_END = b"\xff\xff"
_COMMIT = bytes.fromhex("e7fe7d722fed3d5e640064ffff")
"""Checksum and contents of the entry that ends every commit."""


def loses_commits(log: Path) -> bool:
    """Whether the log is damaged in the one way that DuckDB does not report."""
    content = log.read_bytes()
    start = _end_of_header(content)
    if start is None:
        # A kill before the first commit can leave part of a header.
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
    """Where `count` numbers end, each encoded in groups of seven bits, lowest first."""
    while count and position < len(content):
        count -= content[position] < 0x80
        position += 1
    return position
