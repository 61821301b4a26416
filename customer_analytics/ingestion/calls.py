"""Support calls: the audio files below the source's `calls` folder, and what is written about them there."""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import pyarrow as pa

from customer_analytics.ingestion.audio_tags import recorded_at
from customer_analytics.ingestion.call_manifest import MANIFESTS, NO_MANIFEST, Manifest, read_manifest
from customer_analytics.ingestion.call_names import read_name
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable

CALLS_FOLDER = "calls"
AUDIO_EXTENSIONS = frozenset({".wav", ".mp3", ".m4a", ".mp4", ".aac", ".ogg", ".opus", ".flac", ".webm"})
_READING_THREADS = 4

DateSource = Literal["manifest", "name", "tags"]


@dataclass(frozen=True)
class Told:
    """What the manifest or else the name of the file tells of a call; None for what neither does."""

    customer_id: str | None
    called_at: datetime | None
    called_at_source: DateSource | None
    properties: str | None


@dataclass(frozen=True)
class CallFile:
    r"""The audio file of one call.

    `path` opens it at the source. `relative_path` is the path below the calls folder as valid text: where a name
    has bytes that are not UTF-8, they are written as `\xNN`. `customer_id` comes from the manifest or the name.
    `called_at` is in UTC without a zone and comes, as `called_at_source` says, from the manifest, the name or the
    recording's own tags, but never from the file's modification. `properties` is a JSON object of the manifest's
    further columns. `size` is in bytes, `last_modified` in UTC without a zone, `audio_hash` SHA-256 in
    hexadecimal.
    """

    path: str
    relative_path: str
    customer_id: str | None
    called_at: datetime | None
    called_at_source: DateSource | None
    properties: str | None
    size: int
    last_modified: datetime
    audio_hash: str

    @property
    def told(self) -> Told:
        """What is known of the call from beside its audio."""
        if self.called_at_source == "tags":
            return Told(self.customer_id, None, None, self.properties)
        return Told(self.customer_id, self.called_at, self.called_at_source, self.properties)


class LeftOut(NamedTuple):
    """Calls that are not loaded: those of these customers, and audio of these names in the stage."""

    customers: Collection[str] = frozenset()
    stage_files: Collection[str] = frozenset()


NOTHING_LEFT_OUT = LeftOut()


@dataclass(frozen=True)
class AudioListing:
    """The audio files by relative path, the manifests, the other files, and what could not be listed."""

    files: dict[str, FileEntry]
    manifests: dict[str, FileEntry]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class CallListing:
    """The calls, the files that are no audio, and what could not be read, each in the order of their paths."""

    calls: tuple[CallFile, ...]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]
    manifest: Manifest = NO_MANIFEST


def list_calls(
    location: SourceLocation,
    previous: Mapping[str, CallFile] | None = None,
    only: Collection[str] | None = None,
    *,
    date_pattern: str | None = None,
    time_zone: str = "UTC",
    leaving_out: LeftOut = NOTHING_LEFT_OUT,
) -> CallListing:
    """All calls of the location, or those of certain relative paths.

    Files are read to hash them, and for their tags where neither the manifest nor the name has a date; but not
    those whose size and modification are still what `previous` says of their relative path. A file that vanishes,
    changes or cannot be read meanwhile is a problem and stops no other.

    Args:
        location: The source.
        previous: The calls as they were listed before.
        only: The relative paths to list; all if None.
        date_pattern: What finds the date in a name; see `read_name`.
        time_zone: Where a day begins that is stated without a time.
        leaving_out: Calls that are not listed.

    Raises:
        SourceError: The manifest cannot be read as a whole.
    """
    listing = list_audio(location)
    manifest, told = what_is_told(location, listing, date_pattern, time_zone)
    wanted = listing.files if only is None else {p: listing.files[p] for p in only if p in listing.files}
    wanted = {path: file for path, file in wanted.items() if told[path].customer_id not in leaving_out.customers}
    calls, problems = hash_calls(location, wanted, told, previous or {}, time_zone, leaving_out)
    problems += listing.problems
    return CallListing(
        calls=tuple(sorted(calls, key=lambda call: call.relative_path)),
        ignored=listing.ignored,
        problems=tuple(sorted(problems, key=lambda problem: (problem.path, problem.reason))),
        manifest=manifest,
    )


def list_audio(location: SourceLocation) -> AudioListing:
    """The files below the calls folder, none of which is read."""
    listing = location.files_below(CALLS_FOLDER)
    files: dict[str, FileEntry] = {}
    manifests: dict[str, FileEntry] = {}
    ignored: list[str] = []
    problems = list(listing.problems)
    for file in listing.files:
        path = readable(file.path)
        if path in MANIFESTS:
            manifests[path] = file
        elif not is_audio(file.path):
            ignored.append(path)
        elif path in files:
            problems.append(Problem(path, "has the readable name of another file: rename it"))
        else:
            files[path] = file
    return AudioListing(files, manifests, tuple(sorted(ignored)), tuple(problems))


def is_audio(path: str) -> bool:
    """Whether a file of this name counts as audio."""
    return PurePosixPath(path).suffix.lower() in AUDIO_EXTENSIONS


def what_is_told(
    location: SourceLocation, listing: AudioListing, date_pattern: str | None, time_zone: str = "UTC"
) -> tuple[Manifest, dict[str, Told]]:
    """The manifest, and what it and the names tell of each audio file.

    Raises:
        SourceError: The manifest cannot be read as a whole.
    """
    manifest = read_manifest(location, CALLS_FOLDER, listing.manifests, listing.files, time_zone)
    return manifest, {path: _told(path, manifest, date_pattern, time_zone) for path in listing.files}


def hash_calls(
    location: SourceLocation,
    files: Mapping[str, FileEntry],
    told: Mapping[str, Told],
    previous: Mapping[str, CallFile],
    time_zone: str = "UTC",
    leaving_out: LeftOut = NOTHING_LEFT_OUT,
) -> tuple[list[CallFile], list[Problem]]:
    """Listed audio files as calls, and those of them that could not be read; see `list_calls`."""
    with ThreadPoolExecutor(_READING_THREADS) as threads:
        found = list(threads.map(partial(_call, location, told, previous, time_zone), files.items()))
    calls = [call for call in found if isinstance(call, CallFile)]
    calls = [c for c in calls if stage_name(c.audio_hash, c.relative_path) not in leaving_out.stage_files]
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
            called_at=row["CALLED_AT"],
            called_at_source=row["CALLED_AT_SOURCE"],
            properties=row["PROPERTIES"],
            size=row["SIZE"],
            last_modified=row["LAST_MODIFIED"],
            audio_hash=row["AUDIO_HASH"],
        )
        for row in rows
    }


def stage_name(audio_hash: str, relative_path: str) -> str:
    """Name of a call in CALL_STAGE: hash of the audio and lower-case extension, free of what people called it."""
    return audio_hash + PurePosixPath(relative_path).suffix.lower()


def _told(path: str, manifest: Manifest, date_pattern: str | None, time_zone: str) -> Told:
    name = read_name(PurePosixPath(path).name, date_pattern, time_zone)
    row = manifest.rows.get(path)
    customer_id = row.customer_id if row and row.customer_id else name.customer_id
    properties = row.properties if row else None
    if row and row.called_at:
        return Told(customer_id, row.called_at, "manifest", properties)
    return Told(customer_id, name.called_at, "name" if name.called_at else None, properties)


def _call(
    location: SourceLocation,
    told: Mapping[str, Told],
    previous: Mapping[str, CallFile],
    time_zone: str,
    entry: tuple[str, FileEntry],
) -> CallFile | Problem:
    relative_path, file = entry
    path, before, facts = f"{CALLS_FOLDER}/{file.path}", previous.get(relative_path), told[relative_path]
    is_known = before is not None and (before.size, before.last_modified) == (file.size, file.last_modified)
    called_at, source = facts.called_at, facts.called_at_source
    try:
        if before and is_known:
            audio_hash = before.audio_hash
        else:
            audio_hash, size = location.sha256(path)
            if size != file.size:
                return Problem(relative_path, f"was changed while it was read ({file.size} bytes, then {size})")
        if called_at is None:
            if before and is_known and before.called_at_source in ("tags", None):
                called_at = before.called_at
            else:
                with location.open_file(path) as audio:
                    called_at = recorded_at(audio, time_zone)
            source = "tags" if called_at else None
    except SourceError as error:
        return Problem(relative_path, str(error))
    return CallFile(
        path=path,
        relative_path=relative_path,
        customer_id=facts.customer_id,
        called_at=called_at,
        called_at_source=source,
        properties=facts.properties,
        size=file.size,
        last_modified=file.last_modified,
        audio_hash=audio_hash,
    )
