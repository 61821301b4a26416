"""File locks of LanceDB tables: one for writers, one that readers share until old versions are removed."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from filelock import FileLock, Timeout

_WRITERS_WAIT = timedelta(minutes=10)
_REMOVAL_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02


@contextmanager
def writing(folder: str, table: str) -> Iterator[None]:
    """Hold the lock of a table's writers; raises TimeoutError if another process keeps it for ten minutes."""
    file = Path(folder, f"{table}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(file).acquire(timeout=_WRITERS_WAIT.total_seconds(), poll_interval=0.01)
    except Timeout as error:
        raise TimeoutError(
            f"Another process has kept {file} locked for {_WRITERS_WAIT}: end it, or try again later."
        ) from error
    with lock:
        yield


@contextmanager
def reading(folder: str, table: str) -> Iterator[None]:
    """Share the lock with other readers, so that no file of the table is removed; waits for a removal to end."""
    file = Path(folder, f"{table}.readers")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def without_readers(folder: str, table: str) -> Iterator[None]:
    """Hold the readers' lock alone, once no reader has it; new readers do not wait for that moment.

    Raises:
        TimeoutError: There was always a reader for a minute.
    """
    deadline = time.monotonic() + _REMOVAL_WAIT_SECONDS
    with Path(folder, f"{table}.readers").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{table} has been read without a pause for {_REMOVAL_WAIT_SECONDS:.0f} s, so the files "
                        "of its earlier versions could not be removed: try again when it is read less."
                    ) from None
            time.sleep(_POLL_SECONDS)
        yield
