"""Locks that runs and `customer-analytics dev` hold on a state folder, until they end or their process dies."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

DEV = "dev-"
"""Prefix of the names of `dev`'s locks; the others are run ids."""


class InUseError(RuntimeError):
    """A run or `customer-analytics dev` is using the state folder."""


@contextmanager
def hold(home: Path, name: str) -> Iterator[None]:
    """Hold the lock of this name during the block."""
    path = _path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_held(home: Path, name: str) -> bool:
    """Whether a living process holds the lock of this name; removes the lock of a dead one."""
    path = _path(home, name)
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            path.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


@contextmanager
def hold_all(home: Path) -> Iterator[None]:
    """Hold all existing locks during the block; raises InUseError if a living process holds one."""
    with ExitStack() as locks:
        for path in sorted(_path(home, "").parent.glob("*.lock")):
            try:
                locks.enter_context(FileLock(path, timeout=0))
            except Timeout:
                raise InUseError(_sentence(path.stem, home)) from None
        yield


def _path(home: Path, name: str) -> Path:
    return home / "runs" / f"{name}.lock"


def _sentence(name: str, home: Path) -> str:
    if name.startswith(DEV):
        return f"`customer-analytics dev` is running on {home}: stop it first."
    return f"Run {name} is going on in {home}: wait until it has ended."
