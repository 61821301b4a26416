"""Putting a backup in the place of the state folder."""

import ctypes
import datetime as dt
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from customer_analytics import embedded_snowflake
from customer_analytics.at_work import nobody_at_work
from customer_analytics.backups.archive import BackupError, OnProgress, extract
from customer_analytics.damage import full_disk_told, synchronise
from customer_analytics.embedded_snowflake.store import StateFormatError, check_format
from customer_analytics.erasure import kept

_UNFINISHED = ".restoring"
_AT_CURRENT_FOLDER, _EXCHANGE = -100, 2


@dataclass(frozen=True)
class Restored:
    """How it ended."""

    before: Path | None
    """Where the state that was there before is now, if there was any."""
    erased_since: tuple[str, ...]
    """Customers who were erased in that state, and are in this one again."""


def restore(file: Path, home: Path, replace: bool, on_progress: OnProgress) -> Restored:
    """Make the state folder what it was when the backup was written.

    Everything is written beside the folder and compared with the manifest first; then the two change places at
    once. A process killed meanwhile leaves the old state or the new one.

    Raises:
        AtWorkError: A run or `customer-analytics dev` is at work on the state folder.
        BackupError: The file is damaged or no backup, of another version, or the state folder may not be replaced.
        OSError: There is no room.
    """
    home = home.resolve()
    occupied = home.is_dir() and any(home.iterdir())
    if occupied and not replace:
        raise BackupError(
            f"{home} holds state already: add --replace to have it moved aside, or name another home."
        )
    if os.path.ismount(home):
        raise BackupError(
            f"{home} is a mounted file system, which cannot change places with another folder: name a folder "
            "in it as CUSTOMER_ANALYTICS_HOME."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        new = home.with_name(f".{home.name}{_UNFINISHED}")
        shutil.rmtree(new, ignore_errors=True)  # of a restoration that was killed
        try:
            with full_disk_told(home.parent):
                extract(file, new, on_progress)
            if (new / "warehouse").is_dir():
                _check_format(new / "warehouse")
            for folder in (new, *(path for path in new.rglob("*") if path.is_dir())):
                synchronise(folder)
            erased_since = _keep_erased(home, new)
            return Restored(_put_in_place(new, home, occupied), erased_since)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _keep_erased(home: Path, new: Path) -> tuple[str, ...]:
    """Have the new state know whom the old one has erased; the customers of whom it did not."""
    erased, known = kept.read(home) or frozenset(), kept.read(new) or frozenset()
    if erased - known:
        kept.write(new, erased | known)
    return tuple(sorted({customer for customer, _, _ in erased - known}))


def _put_in_place(new: Path, home: Path, occupied: bool) -> Path | None:
    """Make a folder the state folder; the folder that the state before it is in, if there was any."""
    if not occupied:
        new.replace(home)
        synchronise(home.parent)
        return None
    with _stopped(home):
        # Under its later name first, as what is unfinished is removed by the next restoration.
        before = home.with_name(f"{home.name}.before-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}")
        new.replace(before)
        _exchange(before, home)
    synchronise(home.parent)
    return before


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    lock = home.with_name(f".{home.name}.restore.lock")
    try:
        held = FileLock(lock).acquire(timeout=0)
    except Timeout:
        raise BackupError(f"Another command is restoring into {home}: wait until it is done.") from None
    with held:
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _check_format(warehouse: Path) -> None:
    if not (warehouse / "format.json").exists():
        raise BackupError("The backup does not say which format its warehouse has: use another one.")
    try:
        check_format(warehouse)
    except StateFormatError as error:
        raise BackupError(f"The backup was written by another version: {error}") from error


@contextmanager
def _stopped(home: Path) -> Iterator[None]:
    """Stop the endpoint and let none start; raises AtWorkError while something is at work on the folder."""
    with nobody_at_work(home), ExitStack() as locks:
        if (home / "warehouse").is_dir():
            locks.enter_context(FileLock(home / "warehouse" / "endpoint.lock", timeout=60))
            embedded_snowflake.stop(home)
        yield


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change names, at once where the system can."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2") and not libc.renameat2(
        _AT_CURRENT_FOLDER, os.fsencode(one), _AT_CURRENT_FOLDER, os.fsencode(other), _EXCHANGE
    ):
        return
    between = other.with_name(f"{one.name}.old")
    other.replace(between)
    one.replace(other)
    between.replace(one)
