"""Support calls: the audio files below the source's `calls` folder."""

import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath

import pyarrow as pa

from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable

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
class AudioListing:
    """The audio files by relative path, the files that are no audio, and what could not be listed."""

    files: dict[str, FileEntry]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class CallListing:
    """The calls, the files that are no audio, and what could not be read, each in the order of their paths."""

    calls: tuple[CallFile, ...]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_calls(
    location: SourceLocation,
    previous: Mapping[str, CallFile] | None = None,
    only: Collection[str] | None = None,
    leaving_out: Collection[int] = (),
) -> CallListing:
    """All calls of the location, or those of certain relative paths; but no calls of the customers left out.

    Files are read to hash them, but for those whose size and modification are still what `previous` says of their
    relative path. A file that vanishes, changes or cannot be read meanwhile is a problem and stops no other.
    """
    listing = list_audio(location, leaving_out)
    wanted = listing.files if only is None else {p: listing.files[p] for p in only if p in listing.files}
    calls, problems = hash_calls(location, wanted, previous or {})
    problems += listing.problems
    return CallListing(
        calls=tuple(sorted(calls, key=lambda call: call.relative_path)),
        ignored=listing.ignored,
        problems=tuple(sorted(problems, key=lambda problem: (problem.path, problem.reason))),
    )


def list_audio(location: SourceLocation, leaving_out: Collection[int] = ()) -> AudioListing:
    """The files below the calls folder, none of which is read, without those of the customers left out."""
    listing = location.files_below(CALLS_FOLDER)
    files: dict[str, FileEntry] = {}
    ignored: list[str] = []
    problems = list(listing.problems)
    for file in listing.files:
        path = readable(file.path)
        if leaving_out and customer_of(PurePosixPath(path).name) in leaving_out:
            continue
        if PurePosixPath(file.path).suffix.lower() not in AUDIO_EXTENSIONS:
            ignored.append(path)
        elif path in files:
            problems.append(Problem(path, "has the readable name of another file: rename it"))
        else:
            files[path] = file
    return AudioListing(files, tuple(sorted(ignored)), tuple(problems))


def hash_calls(
    location: SourceLocation, files: Mapping[str, FileEntry], previous: Mapping[str, CallFile]
) -> tuple[list[CallFile], list[Problem]]:
    """Listed audio files as calls, and those of them that could not be read; see `list_calls`."""
    with ThreadPoolExecutor(_READING_THREADS) as threads:
        found = list(threads.map(partial(_call, location, previous), files.items()))
    calls = [call for call in found if isinstance(call, CallFile)]
    return calls, [problem for problem in found if isinstance(problem, Problem)]


def concealed(relative_path: str, problems: Iterable[Problem]) -> bool:
    """Whether a call that is not listed may be there all the same, because its place could not be read."""
    return any(p.path in (".", relative_path) or relative_path.startswith(f"{p.path}/") for p in problems)


def calls_of_rows(batches: Iterable[pa.RecordBatch]) -> dict[str, CallFile]:
    """The calls that rows of STG_SUPPORT_CALLS tell of, by relative path."""
    rows = (row for batch in batches for row in batch.to_pylist())
    return {
        row["RELATIVE_PATH"]: CallFile(
            path=f"{CALLS_FOLDER}/{row['RELATIVE_PATH']}",
            relative_path=row["RELATIVE_PATH"],
            customer_id=row["CUSTOMER_ID"],
            size=row["SIZE"],
            last_modified=row["LAST_MODIFIED"],
            content_hash=row["CONTENT_HASH"],
        )
        for row in rows
    }


def stage_name(content_hash: str, relative_path: str) -> str:
    """Name of a call in CALL_STAGE: content hash and lower-case extension, free of what people called it."""
    return content_hash + PurePosixPath(relative_path).suffix.lower()


def customer_of(name: str) -> int | None:
    """The customer in a base name `<customer_id>-<nn>.<ext>`; None where it has another form."""
    match = _NAME.fullmatch(name)
    customer = int(match["customer"]) if match else None
    return customer if customer is not None and customer < 2**63 else None


def _call(
    location: SourceLocation, previous: Mapping[str, CallFile], entry: tuple[str, FileEntry]
) -> CallFile | Problem:
    relative_path, file = entry
    path = f"{CALLS_FOLDER}/{file.path}"
    before = previous.get(relative_path)
    if before and (before.size, before.last_modified) == (file.size, file.last_modified):
        content_hash = before.content_hash
    else:
        try:
            content_hash, size = location.sha256(path)
        except SourceError as error:
            return Problem(relative_path, str(error))
        if size != file.size:
            return Problem(relative_path, f"was changed while it was read ({file.size} bytes, then {size})")
    customer_id = customer_of(PurePosixPath(relative_path).name)
    return CallFile(path, relative_path, customer_id, file.size, file.last_modified, content_hash)
