"""Listing calls and staging their recordings in CALL_STAGE; each is hashed from the copy that is staged."""

import hashlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from snowflake.snowpark import DataFrame

from customer_analytics.damage import REPAIR, DamagedError
from customer_analytics.ingestion.audio_tags import recorded_at
from customer_analytics.ingestion.call_manifest import NO_MANIFEST, Manifest
from customer_analytics.ingestion.calls import (
    CALLS_FOLDER,
    NOTHING_LEFT_OUT,
    CallFacts,
    CallFile,
    LeftOut,
    call_file,
    list_audio,
    read_facts,
    stage_name,
)
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ports.speech.audio import stated_seconds
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.sources import CALL_STAGE

_THREADS = 4
# Recordings on this machine's disk at the same time; a larger one is there alone.
_GROUP_FILES, _GROUP_BYTES = 64, 256_000_000
# Less than any speech codec takes: a file that states more seconds than this allows does not hold them.
_LEAST_BYTES_A_SECOND = 500

Temporary = Callable[[], AbstractContextManager[Path]]
"""Makes an empty folder that is removed after the block."""


class Stage(Protocol):
    """Where recordings are staged."""

    def holds(self, name: str) -> bool:
        """Whether the stage has a recording, by its `stage_name`."""

    def put(self, folder: Path) -> None:
        """Add the files of a folder under their names."""

    def temporary(self) -> AbstractContextManager[Path]:
        """A folder for copies of recordings, removed at the end of the block."""


class NoStage:
    """A stage that takes nothing: recordings are only listed."""

    def holds(self, name: str) -> bool:
        """Always."""
        return True

    def put(self, folder: Path) -> None:
        """Add nothing."""

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """A temporary folder of the system."""
        with tempfile.TemporaryDirectory(prefix="calls-") as folder:
            yield Path(folder)


NO_STAGE = NoStage()


class CallStage:
    """CALL_STAGE in the warehouse."""

    def __init__(self, warehouse: Warehouse, temporary: Temporary, log: Callable[[str], None]) -> None:
        self.temporary = temporary
        self._warehouse, self._session, self._log = warehouse, warehouse.session(), log
        self._name = warehouse.name(CALL_STAGE)
        self._present = staged_files(warehouse)
        self._before = len(self._present)

    def holds(self, name: str) -> bool:
        """See `Stage.holds`."""
        return name in self._present

    def put(self, folder: Path) -> None:
        """See `Stage.put`; the folder and its files have names that we chose."""
        # The connector misreads a path with a quote. The state folder may have one; the link's path has none.
        with tempfile.TemporaryDirectory(prefix="calls-") as links:
            link = Path(links, "staged")
            link.symlink_to(folder.absolute())
            self._session.file.put(f"{link}/*", f"@{self._name}", auto_compress=False)
        self._present |= {file.name for file in folder.iterdir()}
        self._log(f"{len(self._present) - self._before:,} calls staged")

    def refresh(self) -> None:
        """Bring the stage's directory table up to date, also with what a killed run has added."""
        files = len(self._present)
        if files != self._before or files != staged_audio(self._warehouse).count():
            self._session.sql(f"ALTER STAGE {self._name} REFRESH").collect()


def staged_audio(warehouse: Warehouse) -> DataFrame:
    """The hashes of the audio in the stage, by its directory table."""
    directory = f"DIRECTORY(@{warehouse.name(CALL_STAGE)})"
    return warehouse.session().sql(f"SELECT SUBSTR(RELATIVE_PATH, 1, 64) AS AUDIO_HASH FROM {directory}")  # noqa: S608


def staged_files(warehouse: Warehouse) -> set[str]:
    """The names of the files in the stage."""
    listed = warehouse.session().sql(f"LIST @{warehouse.name(CALL_STAGE)}").collect()
    return {row["name"].rpartition("/")[2] for row in listed}


@contextmanager
def fetched(warehouse: Warehouse, names: Sequence[str], temporary: Temporary) -> Iterator[list[Path]]:
    """Files of the stage, in a folder that lasts for the block.

    Raises:
        DamagedError: A file is missing, or its content is not the one that its name states.
    """
    with temporary() as folder:
        for name in names:
            warehouse.session().file.get(f"@{warehouse.name(CALL_STAGE)}/{name}", str(folder))
            _verify(folder / name)
        yield [folder / name for name in names]


def _verify(file: Path) -> None:
    if file.is_file():
        with file.open("rb") as content:
            if file.name.startswith(hashlib.file_digest(content, "sha256").hexdigest()):
                return
    raise DamagedError(f"The staged file {file.name} is missing or damaged: {REPAIR}.")


@dataclass(frozen=True)
class CallListing:
    """Calls, files that are not audio, and what could not be read, each sorted by path."""

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
    """All calls of the location, or those with certain relative paths, with their recordings in the stage.

    A file is copied to be hashed and staged, and to read its tags if neither the manifest nor the name has a date.
    A staged file whose size and modification are those in `previous` is not copied. A file that vanishes, is too
    large, or changes each time that it is read is a problem that does not stop the others.

    Args:
        location: The source.
        previous: The calls as they were listed before.
        only: The relative paths to list; all if None.
        date_pattern: Finds the date in a name; see `read_name`.
        time_zone: In which a day begins that has no time.
        leaving_out: Calls that are not listed.
        stage: Where the recordings are staged.

    Raises:
        SourceError: The manifest cannot be read as a whole.
    """
    listing = list_audio(location)
    manifest, facts = read_facts(location, listing, date_pattern, time_zone)
    wanted = listing.files if only is None else {p: listing.files[p] for p in only if p in listing.files}
    wanted = {path: file for path, file in wanted.items() if facts[path].customer_id not in leaving_out.customers}
    calls: list[CallFile] = []
    new: dict[str, FileEntry] = {}
    for path, file in wanted.items():
        before = (previous or {}).get(path)
        if before and _is_still(before, file, facts[path]) and stage.holds(stage_name(before.audio_hash, path)):
            calls.append(call_file(path, file, facts[path], before.audio_hash, before.called_at))
        else:
            new[path] = file
    problems = list(listing.problems)
    for group in _groups(new):
        found = _staged(location, group, facts, time_zone, leaving_out, stage)
        calls += [call for call in found if isinstance(call, CallFile)]
        problems += [problem for problem in found if isinstance(problem, Problem)]
    calls = [c for c in calls if stage_name(c.audio_hash, c.relative_path) not in leaving_out.stage_files]
    return CallListing(
        calls=tuple(sorted(calls, key=lambda call: call.relative_path)),
        ignored=listing.ignored,
        problems=tuple(sorted(problems, key=lambda problem: (problem.path, problem.reason))),
        manifest=manifest,
    )


def _is_still(call: CallFile, file: FileEntry, facts: CallFacts) -> bool:
    """Whether the file is the listed one, with a date that is known without reading its tags again."""
    is_dated = facts.called_at is not None or call.called_at_source in ("tags", None)
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
    facts: Mapping[str, CallFacts],
    time_zone: str,
    leaving_out: LeftOut,
    stage: Stage,
) -> list[CallFile | Problem]:
    """The calls of a group of files, added to the stage, and the problems of others."""
    with stage.temporary() as folder:
        copies, staged = folder / "copies", folder / "staged"
        copies.mkdir()
        staged.mkdir()

        def read(number: int, path: str) -> CallFile | Problem:
            copy = copies / str(number)
            try:
                call = _copied(location, path, files[path], facts[path], time_zone, copy)
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
    location: SourceLocation, path: str, file: FileEntry, facts: CallFacts, time_zone: str, copy: Path
) -> CallFile:
    """The call of a file that is copied; raises SourceError if it cannot be copied or lasts too long."""
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
    if facts.called_at is None:
        with copy.open("rb") as audio:
            in_tags = recorded_at(audio, time_zone)
    return call_file(path, entry, facts, copied.sha256, in_tags)
