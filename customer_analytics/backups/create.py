"""Write a backup without stopping anything."""

import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from customer_analytics import embedded_snowflake, temporary
from customer_analytics.backups.archive import BackupError, OnProgress, write
from customer_analytics.damage import damaged, explain_full_disk, flush_to_disk, link_tree

_LOGS = ("statements.jsonl", "statements.1.jsonl")
# Damaged files, locks of runs, temporary files; what is copied separately; Weaviate, which has its own backups.
_LEFT_OUT = {"damaged", "runs", "temporary", "vectors", "warehouse", "weaviate"}
_NOT_COPIED = {".db-journal", ".db-shm", ".db-wal", ".lock"}
_WRITERS_WAIT_SECONDS = 600.0


def create(home: Path, file: Path, on_progress: OnProgress) -> None:
    """Write the state folder into one file, completely or not at all.

    The warehouse, each collection of vectors and each database of Dagster are copied as of one moment. A run that
    is in progress appears in the backup as interrupted.

    Raises:
        BackupError: There is no state, or the file already exists.
        DamagedError: A file of the state cannot be read.
        OSError: The disk is full.
    """
    home, file = home.absolute(), file.absolute()
    if not home.is_dir():
        raise BackupError(f"There is no state in {home}: run the pipeline first.")
    if file.exists():
        raise BackupError(f"{file} already exists: choose another file, or move it away.")
    if file.is_relative_to(home):
        raise BackupError(f"{file} is in the state folder: choose a file elsewhere.")
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    facts: dict[str, object] = {
        "made_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "made_by": version("customer-analytics"),
    }
    with explain_full_disk(home), temporary.folder(home) as copies:
        _copy(home, copies)
        try:
            with explain_full_disk(file.parent):
                write(copies, unfinished, facts, on_progress)
            os.link(unfinished, file)  # unlike a rename, this fails if the file exists by now
            flush_to_disk(file.parent)
        finally:
            unfinished.unlink(missing_ok=True)


def _copy(home: Path, copies: Path) -> None:
    if (home / "warehouse").is_dir():
        copy = embedded_snowflake.copy(embedded_snowflake.ensure_running(home))
        copy.replace(copies / "warehouse")
        for log in (home / "warehouse" / name for name in _LOGS):
            if log.exists():
                shutil.copyfile(log, copies / "warehouse" / log.name)
    for table in (home / "vectors").glob("*.lance"):
        # Files never change, but without the writers' lock some could be deleted while others are linked.
        with FileLock(table.with_suffix(".lock"), timeout=_WRITERS_WAIT_SECONDS):
            link_tree(table, copies / "vectors" / table.name)
    for path in _others(home):
        target = copies / path.relative_to(home)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.suffix == ".db":
            _copy_sqlite(path, target)
        else:
            shutil.copy2(path, target)


def _others(home: Path) -> Iterator[Path]:
    for entry in home.iterdir():
        if entry.name in _LEFT_OUT or entry.name.startswith("."):
            continue
        for path in entry.rglob("*") if entry.is_dir() else [entry]:
            if path.is_file() and not path.is_symlink() and path.suffix not in _NOT_COPIED:
                yield path


def _copy_sqlite(path: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from None
