"""Listing the files of a folder and its subfolders, locally and in an object store."""

import os
import stat
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from fsspec import AbstractFileSystem

from customer_analytics.ingestion.limits import LIMITS
from customer_analytics.ingestion.text import readable


@dataclass(frozen=True)
class FileEntry:
    """A file: its path below the listed folder, its size in bytes, and when it was last changed (UTC, naive)."""

    path: str
    size: int
    last_modified: datetime


@dataclass(frozen=True)
class Problem:
    """Something that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """Files, and what could not be listed, both sorted by path; hidden files are left out."""

    files: tuple[FileEntry, ...]
    problems: tuple[Problem, ...]


def list_local_folder(root: str, most: int = LIMITS.files) -> Listing:
    """All regular files below a local folder.

    Links are followed. Each folder is read once, through its real path rather than a link, so loops of links end.
    An entry that cannot be read, or is neither file nor folder (a pipe, a socket), is a problem that does not stop
    the listing. More than `most` entries are a single problem of the whole folder.
    """
    files: list[FileEntry] = []
    problems: list[Problem] = []
    if not os.path.isdir(root):
        return Listing((), ())
    folders, linked_folders, seen = deque([root]), deque[str](), set[tuple[int, int]]()
    left = most
    while folders or linked_folders:
        folder = (folders or linked_folders).popleft()
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                found = list(islice(entries, left + 1))
        except OSError as error:
            problems.append(_problem(root, folder, error.strerror or str(error)))
            continue
        left -= len(found)
        if left < 0:
            return _too_many(most)
        visible = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
        for entry in visible:
            try:
                status = entry.stat()
            except OSError as error:
                problems.append(_problem(root, entry.path, error.strerror or str(error)))
                continue
            if stat.S_ISDIR(status.st_mode):
                (linked_folders if entry.is_symlink() else folders).append(entry.path)
            elif stat.S_ISREG(status.st_mode):
                files.append(_entry(os.path.relpath(entry.path, root), status))
            else:
                problems.append(_problem(root, entry.path, "is not a regular file"))
    return _sorted(files, problems)


def list_store_folder(filesystem: AbstractFileSystem, root: str, most: int = LIMITS.files) -> Listing:
    """All objects below a folder of an object store; more than `most` are a single problem of the folder."""
    files: list[FileEntry] = []
    for full_path, info in filesystem.find(root, detail=True).items():
        path = full_path.removeprefix(f"{root}/")
        # Consoles mark a folder by an object whose name ends with a slash.
        is_file = info["type"] == "file" and not path.endswith("/")
        if is_file and not any(part.startswith(".") for part in path.split("/")):
            files.append(FileEntry(path, info["size"], _last_modified(info)))
    return _too_many(most) if len(files) > most else _sorted(files, [])


def local_entry(folder: str, name: str) -> FileEntry | None:
    """A file of a local folder, or None if it does not exist."""
    try:
        return _entry(name, os.stat(f"{folder}/{name}"))
    except FileNotFoundError:
        return None


def store_entry(filesystem: AbstractFileSystem, folder: str, name: str) -> FileEntry | None:
    """An object of a folder of an object store, or None if it does not exist."""
    try:
        info = filesystem.info(f"{folder}/{name}")
    except FileNotFoundError:
        return None
    return FileEntry(name, info["size"], _last_modified(info))


def _entry(path: str, status: os.stat_result) -> FileEntry:
    moment = datetime(1970, 1, 1) + timedelta(microseconds=status.st_mtime_ns // 1000)
    return FileEntry(path, status.st_size, moment)


def _too_many(most: int) -> Listing:
    reason = f"holds more than {most:,} files: move some away, or raise CUSTOMER_ANALYTICS_MAXIMUM_FILES"
    return Listing((), (Problem(".", reason),))


def _last_modified(info: dict[str, Any]) -> datetime:
    # s3fs, adlfs and gcsfs name the moment differently; all of them give it with a time zone.
    moment: datetime = info.get("LastModified") or info.get("last_modified") or info["mtime"]
    return moment.astimezone(UTC).replace(tzinfo=None)


def _problem(root: str, path: str, reason: str) -> Problem:
    return Problem(readable(os.path.relpath(path, root)), reason)


def _sorted(files: list[FileEntry], problems: list[Problem]) -> Listing:
    return Listing(
        tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(problems, key=lambda p: (p.path, p.reason)))
    )
