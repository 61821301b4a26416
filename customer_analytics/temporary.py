"""Temporary folders in the state folder, for personal data such as audio, and vectors with their texts.

A folder is locked while it is in use, so that `sweep` recognizes the folders of dead processes.
"""

import fcntl
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

_FOLDER = "temporary"


@contextmanager
def folder(home: Path) -> Iterator[Path]:
    """A new private folder for the duration of the block; also removes the folders of dead processes."""
    sweep(home)
    made = home / _FOLDER / uuid.uuid4().hex
    (home / _FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock_of(made).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made.mkdir(mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
            _lock_of(made).unlink(missing_ok=True)


def sweep(home: Path, names: Collection[str] = ()) -> None:
    """Remove the folders of dead processes, and files with these names from folders in use."""
    for made in (path for path in (home / _FOLDER).glob("*") if path.is_dir()):
        with _lock_of(made).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                for name in names:
                    (made / name).unlink(missing_ok=True)
                continue
            shutil.rmtree(made, ignore_errors=True)
            _lock_of(made).unlink(missing_ok=True)


def _lock_of(made: Path) -> Path:
    return made.with_suffix(".lock")


class StateFolder:
    """The state folder, as far as assets need it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def temporary(self) -> AbstractContextManager[Path]:
        """An empty folder for the length of the block; see `folder`."""
        return folder(self.home)
