"""Replace the state folder with a backup."""

import ctypes
import datetime as dt
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from customer_analytics import embedded_snowflake, run_locks
from customer_analytics.backups.archive import BackupError, OnProgress, extract
from customer_analytics.damage import explain_full_disk, flush_to_disk
from customer_analytics.embedded_snowflake.state.format import StateFormatError, check_format
from customer_analytics.erasure import key_copy

_UNFINISHED = ".restoring"
_AT_CURRENT_FOLDER, _EXCHANGE = -100, 2


@dataclass(frozen=True)
class Restored:
    """The result of a restoration."""

    before: Path | None
    """Where the previous state is now, if there was one."""
    erased_since: tuple[str, ...]
    """Customers who were erased in the previous state but are in the restored one."""


def restore(file: Path, home: Path, replace: bool, on_progress: OnProgress) -> Restored:
    """Restore the state folder from a backup.

    All files are extracted beside the folder and compared with the manifest; then the two folders are exchanged
    atomically. A process that is killed leaves the old state or the new one.

    Raises:
        InUseError: A run or `customer-analytics dev` is using the state folder.
        BackupError: The file is damaged, not a backup or of another version, or the folder may not be replaced.
        OSError: The disk is full.
    """
    home = home.resolve()
    occupied = home.is_dir() and any(home.iterdir())
    if occupied and not replace:
        raise BackupError(f"{home} already holds state: add --replace to move it aside, or choose another home.")
    if os.path.ismount(home):
        raise BackupError(
            f"{home} is a mounted file system, which cannot be exchanged with another folder: set "
            "CUSTOMER_ANALYTICS_HOME to a folder in it."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with _exclusively(home):
        new = home.with_name(f".{home.name}{_UNFINISHED}")
        shutil.rmtree(new, ignore_errors=True)  # left by a restoration that was killed
        try:
            with explain_full_disk(home.parent):
                extract(file, new, on_progress)
            if (new / "warehouse").is_dir():
                _check_format(new / "warehouse")
            for folder in (new, *(path for path in new.rglob("*") if path.is_dir())):
                flush_to_disk(folder)
            erased_since = _carry_over_erased(home, new)
            return Restored(_exchange_state(new, home, occupied), erased_since)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _carry_over_erased(home: Path, new: Path) -> tuple[str, ...]:
    """Add the erased customers of the old state to the new one; return those that were missing there."""
    erased, known = key_copy.read(home) or frozenset(), key_copy.read(new) or frozenset()
    if erased - known:
        key_copy.write(new, erased | known)
    return tuple(sorted({customer for customer, _, _ in erased - known}))


def _exchange_state(new: Path, home: Path, occupied: bool) -> Path | None:
    """Make a folder the state folder; the new folder of the previous state, if there was one."""
    if not occupied:
        new.replace(home)
        flush_to_disk(home.parent)
        return None
    with _stopped(home):
        # Rename first, because the next restoration deletes unfinished folders.
        before = home.with_name(f"{home.name}.before-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}")
        new.replace(before)
        _exchange(before, home)
    flush_to_disk(home.parent)
    return before


@contextmanager
def _exclusively(home: Path) -> Iterator[None]:
    lock = home.with_name(f".{home.name}.restore.lock")
    try:
        held = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise BackupError(f"Another command is restoring into {home}: wait until it has finished.") from None
    with held:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _check_format(warehouse: Path) -> None:
    if not (warehouse / "format.json").exists():
        raise BackupError("The backup does not contain the format of its warehouse: use another backup.")
    try:
        check_format(warehouse)
    except StateFormatError as error:
        raise BackupError(f"The backup was written by another version: {error}") from error


@contextmanager
def _stopped(home: Path) -> Iterator[None]:
    """Stop the endpoint and prevent its start during the block; raises InUseError if the folder is in use."""
    with run_locks.hold_all(home), ExitStack() as locks:
        if (home / "warehouse").is_dir():
            locks.enter_context(FileLock(home / "warehouse" / "endpoint.lock", timeout=60))
            embedded_snowflake.stop(home)
        yield


def _exchange(one: Path, other: Path) -> None:
    """Exchange two folders, atomically if the system supports it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2") and not libc.renameat2(
        _AT_CURRENT_FOLDER, os.fsencode(one), _AT_CURRENT_FOLDER, os.fsencode(other), _EXCHANGE
    ):
        return
    between = other.with_name(f"{one.name}.old")
    other.replace(between)
    one.replace(other)
    between.replace(one)
