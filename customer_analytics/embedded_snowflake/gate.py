"""The gate that every statement passes, and that closes while the database files are replaced or opened anew."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from customer_analytics.embedded_snowflake.errors import SnowflakeError, cancelled

_POLL_SECONDS = 0.1
_DRAIN_SECONDS = 3.0
"""How long the closed gate waits for the statements that run; with the work behind it, no statement waits 5 s."""
_PAUSE_SECONDS = 1.0


class Gate:
    """Any number of statements are inside at a time, or none while the gate is closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def enter(self, stop: threading.Event) -> None:
        """Count one statement more, once the gate is open; raises if `stop` is set first."""
        with self._changed:
            while not self._changed.wait_for(lambda: not self._closed, _POLL_SECONDS):
                if stop.is_set():
                    raise cancelled()
            self._inside += 1

    def leave(self) -> None:
        """Count one statement less."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    @contextmanager
    def passing(self, stop: threading.Event | None = None) -> Iterator[None]:
        """Be inside for the length of the block, which must not close the gate itself."""
        self.enter(stop or threading.Event())
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Leave the gate for the length of the block, in which a statement waits for something."""
        self.leave()
        try:
            yield
        finally:
            self.enter(threading.Event())

    @contextmanager
    def closed(self, patience: float, hurry: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Have nobody inside for the length of the block.

        Statements that run are waited for in turns of 3 s, between which others may enter; `hurry` is called while
        they are. Raises SnowflakeError when `patience` seconds have passed.
        """
        deadline = time.monotonic() + patience
        while not self._close(min(_DRAIN_SECONDS, patience), hurry):
            if time.monotonic() > deadline:
                raise SnowflakeError(
                    604,
                    "57014",
                    f"Statements have kept the warehouse busy for {patience:g} s; try again when they are done.",
                )
            time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            self._open()

    def _close(self, seconds: float, hurry: Callable[[], None]) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            if not self._changed.wait_for(lambda: not self._closed, seconds):
                return False
            self._closed = True
        while time.monotonic() < deadline:
            hurry()
            with self._changed:
                if self._changed.wait_for(lambda: not self._inside, _POLL_SECONDS):
                    return True
        self._open()
        return False

    def _open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()
