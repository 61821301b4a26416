"""A file lock that any number of readers share, and that one process takes alone to remove what they read."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Hold the lock together with other readers; waits while somebody has it alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


@contextmanager
def without_readers(file: Path) -> Iterator[None]:
    """Hold the lock alone, from a moment on in which nobody reads; new readers do not wait for that moment.

    Raises:
        TimeoutError: There was no such moment for a minute.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    with file.open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{file.stem} has been read without a pause for {_WAIT_SECONDS:.0f} s, so the files of "
                        "its earlier versions could not be removed: try again when it is read less."
                    ) from None
            time.sleep(_POLL_SECONDS)
        yield
