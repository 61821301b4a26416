"""Support calls: the audio files in the source's `calls` folder, and the facts stated about them there."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

import pyarrow as pa

from customer_analytics.ingestion.call_manifest import MANIFESTS, Manifest, read_manifest
from customer_analytics.ingestion.call_names import read_name
from customer_analytics.ingestion.limits import megabytes
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.text import readable

CALLS_FOLDER = "calls"
AUDIO_EXTENSIONS = frozenset({".wav", ".mp3", ".m4a", ".mp4", ".aac", ".ogg", ".opus", ".flac", ".webm"})

DateSource = Literal["manifest", "name", "tags"]


@dataclass(frozen=True)
class CallFacts:
    """Facts about a call from the manifest or else from the name of its file; None where neither states them."""

    customer_id: str | None
    called_at: datetime | None
    called_at_source: DateSource | None
    properties: str | None


@dataclass(frozen=True)
class CallFile:
    r"""The audio file of one call.

    `path` opens it at the source. `relative_path` is the path below the calls folder as valid text, with bytes
    that are not UTF-8 written as `\xNN`. `customer_id` comes from the manifest or the name. `called_at` is in
    UTC without a zone; its source, `called_at_source`, is the manifest, the name or the recording's tags, never
    the file's modification. `properties` is a JSON object of the manifest's further columns. `size` is in bytes,
    `last_modified` in UTC without a zone, `audio_hash` SHA-256 in hexadecimal.
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
    def facts(self) -> CallFacts:
        """The facts that do not come from the audio."""
        if self.called_at_source == "tags":
            return CallFacts(self.customer_id, None, None, self.properties)
        return CallFacts(self.customer_id, self.called_at, self.called_at_source, self.properties)


class LeftOut(NamedTuple):
    """Calls that are not loaded: those of these customers, and audio with these names in the stage."""

    customers: Collection[str] = frozenset()
    stage_files: Collection[str] = frozenset()


NOTHING_LEFT_OUT = LeftOut()


@dataclass(frozen=True)
class AudioListing:
    """Audio files and manifests by relative path, other files, and what could not be listed."""

    files: dict[str, FileEntry]
    manifests: dict[str, FileEntry]
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]


def list_audio(location: SourceLocation) -> AudioListing:
    """The files below the calls folder; none of them is read."""
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
            problems.append(Problem(path, "has the same readable name as another file: rename it"))
        else:
            files[path] = file
    return AudioListing(files, manifests, tuple(sorted(ignored)), tuple(problems))


def is_audio(path: str) -> bool:
    """Whether a file of this name counts as audio."""
    return PurePosixPath(path).suffix.lower() in AUDIO_EXTENSIONS


def read_facts(
    location: SourceLocation,
    listing: AudioListing,
    date_pattern: str | None,
    time_zone: str = "UTC",
    only: Collection[str] | None = None,
) -> tuple[Manifest, dict[str, CallFacts]]:
    """The manifest, and the facts about each audio file, or about those of `only`.

    Raises:
        SourceError: The manifest cannot be read as a whole.
    """
    manifest = read_manifest(location, CALLS_FOLDER, listing.manifests, listing.files, time_zone)
    return manifest, {
        path: _facts(path, manifest, date_pattern, time_zone) for path in (listing.files if only is None else only)
    }


def hash_call(location: SourceLocation, path: str, file: FileEntry, facts: CallFacts) -> CallFile | Problem:
    """A listed audio file as a call, without reading its tags, or why it cannot be one."""
    most = location.limits.call_bytes
    if file.size > most:
        return Problem(path, f"has {megabytes(file.size)}, more than the {megabytes(most)} allowed")
    try:
        audio_hash, size = location.sha256(f"{CALLS_FOLDER}/{file.path}", file.size + 1)
    except SourceError as error:
        return Problem(path, error.what)
    if size != file.size:
        return Problem(path, f"was changed while it was read ({file.size:,} bytes at first)")
    return call_file(path, file, facts, audio_hash)


def call_file(
    path: str, file: FileEntry, facts: CallFacts, audio_hash: str, in_tags: datetime | None = None
) -> CallFile:
    """The call of a file; without a moment in the facts, it happened at that of its tags."""
    called_at = facts.called_at or in_tags
    return CallFile(
        path=f"{CALLS_FOLDER}/{file.path}",
        relative_path=path,
        customer_id=facts.customer_id,
        called_at=called_at,
        called_at_source=facts.called_at_source or ("tags" if called_at else None),
        properties=facts.properties,
        size=file.size,
        last_modified=file.last_modified,
        audio_hash=audio_hash,
    )


def may_exist(relative_path: str, problems: Iterable[Problem]) -> bool:
    """Whether a file that is not listed may exist all the same, because its folder could not be read."""
    return any(p.path in (".", relative_path) or relative_path.startswith(f"{p.path}/") for p in problems)


def calls_of_rows(batches: Iterable[pa.RecordBatch]) -> dict[str, CallFile]:
    """The calls in rows of STG_SUPPORT_CALLS, by relative path."""
    rows = ({name.lower(): value for name, value in row.items()} for batch in batches for row in batch.to_pylist())
    return {row["relative_path"]: CallFile(path=f"{CALLS_FOLDER}/{row['relative_path']}", **row) for row in rows}


def stage_name(audio_hash: str, relative_path: str) -> str:
    """Name of a call in CALL_STAGE: the hash of the audio and the lower-case extension."""
    return audio_hash + PurePosixPath(relative_path).suffix.lower()


def _facts(path: str, manifest: Manifest, date_pattern: str | None, time_zone: str) -> CallFacts:
    name = read_name(PurePosixPath(path).name, date_pattern, time_zone)
    row = manifest.rows.get(path)
    customer_id = row.customer_id if row and row.customer_id else name.customer_id
    properties = row.properties if row else None
    if row and row.called_at:
        return CallFacts(customer_id, row.called_at, "manifest", properties)
    return CallFacts(customer_id, name.called_at, "name" if name.called_at else None, properties)
