"""Limits on the memory, disk and time that source files may take."""

from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """The largest files that are read; ordinary data stay far below these limits.

    `file_bytes` applies to a file of rows: as stored, decompressed, and as text. `rows` and `columns` are those of
    such a file, `rejected` its rejected rows. `call_bytes` and `call_seconds` apply to a recording, `files` to a
    folder with its subfolders.
    """

    file_bytes: int = 500 * MEGABYTE
    rows: int = 10_000_000
    columns: int = 1_000
    rejected: int = 500_000
    call_bytes: int = 1_000 * MEGABYTE
    call_seconds: float = 7_200
    files: int = 1_000_000


FEWER_COLUMNS = "leave out what is not used, or raise CUSTOMER_ANALYTICS_MAXIMUM_COLUMNS"

LIMITS = Limits()
"""The defaults."""


def megabytes(size: int) -> str:
    """A size as messages state it: `1,000 MB`, at least 1 MB."""
    return f"{max(1, round(size / MEGABYTE)):,} MB"
