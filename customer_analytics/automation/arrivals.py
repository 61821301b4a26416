"""Which files are new or changed, and which of these have settled."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from customer_analytics.ingestion.listing import FileEntry

Stat = tuple[int, datetime]
"""Size in bytes and last modification (UTC, naive) of a file."""


@dataclass(frozen=True)
class Arrivals:
    """New and changed files by path: those at rest since the last look, and those seen first or still changing."""

    settled: dict[str, FileEntry]
    unsettled: dict[str, FileEntry]


def arrivals(files: Mapping[str, FileEntry], known: Mapping[str, Stat], seen: Mapping[str, Stat]) -> Arrivals:
    """Compare a listing with what is known, by path, and with what was seen unsettled at the last look, by digest.

    Only differences count, never an order of times: a file that arrives late with an old timestamp is new.
    """
    new = {path: file for path, file in files.items() if known.get(path) != _stat(file)}
    settled = {path: file for path, file in new.items() if seen.get(digest(path)) == _stat(file)}
    return Arrivals(settled, {path: file for path, file in new.items() if path not in settled})


def some(files: Mapping[str, FileEntry], last: str, most: int) -> dict[str, FileEntry]:
    """As many files as a tick looks at, from the one after the digest `last` on: so that none waits for good."""
    paths = sorted(files, key=lambda path: (digest(path) <= last, digest(path)))[:most]
    return {path: files[path] for path in paths}


def to_cursor(unsettled: Mapping[str, FileEntry]) -> str:
    """Files to be looked at again, as text without their paths, which may name customers."""
    return json.dumps(
        {digest(path): [file.size, file.last_modified.isoformat()] for path, file in unsettled.items()}
    )


def from_cursor(cursor: str | None) -> dict[str, Stat]:
    """What `to_cursor` wrote: files by the digests of their paths."""
    written = json.loads(cursor) if cursor else {}
    return {key: (size, datetime.fromisoformat(moment)) for key, (size, moment) in written.items()}


def digest(path: str) -> str:
    """What stands for a path in Dagster's database."""
    return hashlib.sha256(path.encode(errors="backslashreplace")).hexdigest()


def _stat(file: FileEntry) -> Stat:
    return file.size, file.last_modified
