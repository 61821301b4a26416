"""From the calls folder into a stage: every recording is hashed from the copy that is staged."""

import tempfile
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from customer_analytics.ingestion.audio_length import stated_seconds
from customer_analytics.ingestion.audio_tags import recorded_at
from customer_analytics.ingestion.call_manifest import NO_MANIFEST, Manifest
from customer_analytics.ingestion.calls import (
    CALLS_FOLDER,
    NOTHING_LEFT_OUT,
    CallFile,
    LeftOut,
    Told,
    call_file,
    list_audio,
    stage_name,
    what_is_told,
)
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation

_THREADS = 4
# Recordings that lie on this machine's disk at the same time; a single larger one lies there alone.
_GROUP_FILES, _GROUP_BYTES = 64, 256_000_000
# Less than any codec for speech takes: a file that states more seconds than this allows does not hold them.
_LEAST_BYTES_A_SECOND = 500


class Stage(Protocol):
    """Where recordings go."""

    def holds(self, name: str) -> bool:
        """Whether a recording is there, by its `stage_name`."""

    def put(self, folder: Path) -> None:
        """Add the files of a folder, under their names."""

    def temporary(self) -> AbstractContextManager[Path]:
        """A folder for copies of recordings, for the length of the block."""


class NoStage:
    """No place: recordings are only listed."""

    def holds(self, name: str) -> bool:
        """Always."""
        return True

    def put(self, folder: Path) -> None:
        """Nothing is added."""

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """A folder of the system's."""
        with tempfile.TemporaryDirectory(prefix="calls-") as folder:
            yield Path(folder)


NO_STAGE = NoStage()


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
    stage: Stage = NO_STAGE,
) -> CallListing:
    """All calls of the location, or those of certain relative paths, all of them in the stage.

    Files are copied to be hashed and staged, and for their tags where neither the manifest nor the name has a
    date. Not copied are those whose size and modification are still what `previous` says of their relative path,
    if the stage has them. A file that vanishes, is too large, or changes each time that it is read is a problem
    and stops no other.

    Args:
        location: The source.
        previous: The calls as they were listed before.
        only: The relative paths to list; all if None.
        date_pattern: What finds the date in a name; see `read_name`.
        time_zone: Where a day begins that is stated without a time.
        leaving_out: Calls that are not listed.
        stage: Where the recordings are to be.

    Raises:
        SourceError: The manifest cannot be read as a whole.
    """
    listing = list_audio(location)
    manifest, told = what_is_told(location, listing, date_pattern, time_zone)
    wanted = listing.files if only is None else {p: listing.files[p] for p in only if p in listing.files}
    wanted = {path: file for path, file in wanted.items() if told[path].customer_id not in leaving_out.customers}
    calls: list[CallFile] = []
    new: dict[str, FileEntry] = {}
    for path, file in wanted.items():
        before = (previous or {}).get(path)
        if before and _is_still(before, file, told[path]) and stage.holds(stage_name(before.audio_hash, path)):
            calls.append(call_file(path, file, told[path], before.audio_hash, before.called_at))
        else:
            new[path] = file
    problems = list(listing.problems)
    for group in _groups(new):
        found = _staged(location, group, told, time_zone, leaving_out, stage)
        calls += [call for call in found if isinstance(call, CallFile)]
        problems += [problem for problem in found if isinstance(problem, Problem)]
    calls = [c for c in calls if stage_name(c.audio_hash, c.relative_path) not in leaving_out.stage_files]
    return CallListing(
        calls=tuple(sorted(calls, key=lambda call: call.relative_path)),
        ignored=listing.ignored,
        problems=tuple(sorted(problems, key=lambda problem: (problem.path, problem.reason))),
        manifest=manifest,
    )


def _is_still(call: CallFile, file: FileEntry, told: Told) -> bool:
    """Whether the file is the one that was listed, and what was found in its tags, if need be, is known."""
    is_dated = told.called_at is not None or call.called_at_source in ("tags", None)
    return is_dated and (call.size, call.last_modified) == (file.size, file.last_modified)


def _groups(files: Mapping[str, FileEntry]) -> Iterator[dict[str, FileEntry]]:
    group: dict[str, FileEntry] = {}
    size = 0
    for path, file in files.items():
        if group and (len(group) == _GROUP_FILES or size + file.size > _GROUP_BYTES):
            yield group
            group, size = {}, 0
        group[path] = file
        size += file.size
    if group:
        yield group


def _staged(
    location: SourceLocation,
    files: Mapping[str, FileEntry],
    told: Mapping[str, Told],
    time_zone: str,
    leaving_out: LeftOut,
    stage: Stage,
) -> list[CallFile | Problem]:
    """The calls of a group of files, added to the stage, and why others are none."""
    with stage.temporary() as folder:
        copies, staged = folder / "copies", folder / "staged"
        copies.mkdir()
        staged.mkdir()

        def read(number: int, path: str) -> CallFile | Problem:
            copy = copies / str(number)
            try:
                call = _copied(location, path, files[path], told[path], time_zone, copy)
            except SourceError as error:
                copy.unlink(missing_ok=True)
                return Problem(path, error.what)
            name = stage_name(call.audio_hash, path)
            if name in leaving_out.stage_files or stage.holds(name):
                copy.unlink()
            else:
                copy.replace(staged / name)
            return call

        with ThreadPoolExecutor(_THREADS) as threads:
            found = list(threads.map(read, count(), files))
        if any(staged.iterdir()):
            stage.put(staged)
    return found


def _copied(
    location: SourceLocation, path: str, file: FileEntry, told: Told, time_zone: str, copy: Path
) -> CallFile:
    """A call as its copy has it; raises SourceError where there is none, or it lasts too long."""
    place, limits = f"{CALLS_FOLDER}/{file.path}", location.limits
    with copy.open("wb") as target:
        copied = location.copy(place, target, limits.call_bytes, "CUSTOMER_ANALYTICS_MAXIMUM_CALL_MEGABYTES")
    entry = replace(copied.entry, path=file.path)
    if entry.size > limits.call_seconds * _LEAST_BYTES_A_SECOND:
        seconds = stated_seconds(copy)
        if seconds and limits.call_seconds < seconds < entry.size / _LEAST_BYTES_A_SECOND:
            what = f"lasts {seconds / 60:,.0f} minutes, more than the {limits.call_seconds / 60:,.0f} allowed"
            raise SourceError(what, what=f"{what}: cut it, or raise CUSTOMER_ANALYTICS_MAXIMUM_CALL_MINUTES.")
    in_tags = None
    if told.called_at is None:
        with copy.open("rb") as audio:
            in_tags = recorded_at(audio, time_zone)
    return call_file(path, entry, told, copied.sha256, in_tags)
