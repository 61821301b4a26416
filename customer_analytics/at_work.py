"""Who is at work on a state folder: each run and each `dev` holds a lock that ends with its process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

DEV = "dev-"
"""Begins the name of a lock that `customer-analytics dev` holds; the others are named by their run's id."""


class AtWorkError(RuntimeError):
    """Something is at work on the state folder."""


@contextmanager
def at_work(home: Path, name: str) -> Iterator[None]:
    """Hold a lock of this name for the length of the block."""
    path = lock_path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def nobody_at_work(home: Path) -> Iterator[None]:
    """Hold the locks of all that were at work; raises AtWorkError where one is held by a process that lives."""
    with ExitStack() as locks:
        for path in sorted(lock_path(home, "").parent.glob("*.lock")):
            try:
                locks.enter_context(FileLock(path, timeout=0))
            except Timeout:
                raise AtWorkError(_sentence(path.stem, home)) from None
        yield


def lock_path(home: Path, name: str) -> Path:
    """The file of a lock."""
    return home / "runs" / f"{name}.lock"


def _sentence(name: str, home: Path) -> str:
    if name.startswith(DEV):
        return f"`customer-analytics dev` is running on {home}: stop it first."
    return f"Run {name} is going on in {home}: wait until it has ended."
