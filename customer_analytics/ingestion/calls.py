"""Support calls: the audio files below the source's `calls` folder."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath

import pyarrow as pa

from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

CALLS_FOLDER = "calls"
AUDIO_EXTENSIONS = frozenset({".wav", ".mp3", ".m4a", ".ogg", ".opus", ".flac", ".webm"})
_READING_THREADS = 4
_NAME = re.compile(r"(?P<customer>[0-9]{1,19})-[0-9]+\.[^.]+", re.DOTALL)


@dataclass(frozen=True)
class CallFile:
    r"""The audio file of one call.

    `path` opens it at the source. `relative_path` is the path below the calls folder as valid text: where a name
    has bytes that are not UTF-8, they are written as `\xNN`. `customer_id` comes from the name
    `<customer_id>-<nn>.<ext>` and is None for any other. `size` is in bytes, `last_modified` in UTC without a
    zone, `content_hash` SHA-256 in hexadecimal.
    """

    path: str
    relative_path: str
    customer_id: int | None
    size: int
    last_modified: datetime
    content_hash: str


@dataclass(frozen=True)
class CallListing:
    """The calls, the files that are no audio, and what could not be read, each in the order of their paths."""

    calls: tuple[CallFile, ...]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


Fingerprint = tuple[int, datetime, str]
"""Size, last modification and content hash of a file, as an earlier listing found them."""


def list_calls(location: SourceLocation, previous: Mapping[str, Fingerprint] | None = None) -> CallListing:
    """All calls of the location.

    Files are read to hash them, but for those whose size and modification are still what `previous` says of their
    relative path. A file that vanishes, changes or cannot be read meanwhile is a problem and stops no other.
    """
    listing = location.files_below(CALLS_FOLDER)
    audio: list[FileEntry] = []
    ignored: list[FileEntry] = []
    for file in listing.files:
        is_audio = PurePosixPath(file.path).suffix.lower() in AUDIO_EXTENSIONS
        (audio if is_audio else ignored).append(file)
    calls: dict[str, CallFile] = {}
    problems = list(listing.problems)
    with ThreadPoolExecutor(_READING_THREADS) as threads:
        for found in threads.map(partial(_call, location, previous or {}), audio):
            if isinstance(found, Problem):
                problems.append(found)
            elif found.relative_path in calls:
                problems.append(Problem(found.relative_path, "has the readable name of another file: rename it"))
            else:
                calls[found.relative_path] = found
    return CallListing(
        calls=tuple(sorted(calls.values(), key=lambda call: call.relative_path)),
        ignored=tuple(sorted(readable(file.path) for file in ignored)),
        problems=tuple(sorted(problems, key=lambda problem: (problem.path, problem.reason))),
    )


def calls_table(calls: Sequence[CallFile]) -> pa.Table:
    """The calls as rows of STG_SUPPORT_CALLS."""
    schema = STG_SUPPORT_CALLS.arrow_schema
    return pa.table(
        [pa.array([getattr(call, field.name.lower()) for call in calls], field.type) for field in schema],
        schema=schema,
    )


def stage_name(content_hash: str, relative_path: str) -> str:
    """Name of a call in CALL_STAGE: content hash and lower-case extension, free of what people called it."""
    return content_hash + PurePosixPath(relative_path).suffix.lower()


def customer_of(name: str) -> int | None:
    """The customer in a base name `<customer_id>-<nn>.<ext>`; None where it has another form."""
    match = _NAME.fullmatch(name)
    customer = int(match["customer"]) if match else None
    return customer if customer is not None and customer < 2**63 else None


def _call(location: SourceLocation, previous: Mapping[str, Fingerprint], file: FileEntry) -> CallFile | Problem:
    path, relative_path = f"{CALLS_FOLDER}/{file.path}", readable(file.path)
    before = previous.get(relative_path)
    if before and before[:2] == (file.size, file.last_modified):
        content_hash = before[2]
    else:
        try:
            content_hash, size = location.sha256(path)
        except SourceError as error:
            return Problem(relative_path, str(error))
        if size != file.size:
            return Problem(relative_path, f"was changed while it was read ({file.size} bytes, then {size})")
    customer_id = customer_of(PurePosixPath(relative_path).name)
    return CallFile(path, relative_path, customer_id, file.size, file.last_modified, content_hash)
