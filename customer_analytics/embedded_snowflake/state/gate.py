"""The gate that every statement passes; it is closed while the database files are replaced or reopened."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, cancelled

_POLL_SECONDS = 0.1
_DRAIN_SECONDS = 3.0
"""How long the closed gate waits for running statements, so that new ones wait less than 5 s in all."""
_PAUSE_SECONDS = 1.0


class Gate:
    """Lets any number of statements in while open, and none while closed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def enter(self, stop: threading.Event) -> None:
        """Enter once the gate is open; raises if `stop` is set first."""
        with self._changed:
            while not self._changed.wait_for(lambda: not self._closed, _POLL_SECONDS):
                if stop.is_set():
                    raise cancelled()
            self._inside += 1

    def leave(self) -> None:
        """Leave the gate."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    @contextmanager
    def passing(self, stop: threading.Event | None = None) -> Iterator[None]:
        """Stay inside for the duration of the block, which must not close the gate."""
        self.enter(stop or threading.Event())
        try:
            yield
        finally:
            self.leave()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Stay outside for the duration of the block, in which a statement waits."""
        self.leave()
        try:
            yield
        finally:
            self.enter(threading.Event())

    @contextmanager
    def closed(self, timeout: float, while_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep the gate closed for the duration of the block, once all statements have left.

        It waits for them in turns of 3 s, calling `while_waiting`; between turns, others may enter. Raises
        SnowflakeError after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not self._close(min(_DRAIN_SECONDS, timeout), while_waiting):
            if time.monotonic() > deadline:
                raise SnowflakeError(
                    604,
                    "57014",
                    f"Statements have kept the warehouse busy for {timeout:g} s; try again when they are done.",
                )
            time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            self._open()

    def _close(self, seconds: float, while_waiting: Callable[[], None]) -> bool:
        deadline = time.monotonic() + seconds
        with self._changed:
            if not self._changed.wait_for(lambda: not self._closed, seconds):
                return False
            self._closed = True
        while time.monotonic() < deadline:
            while_waiting()
            with self._changed:
                if self._changed.wait_for(lambda: not self._inside, _POLL_SECONDS):
                    return True
        self._open()
        return False

    def _open(self) -> None:
        with self._changed:
            self._closed = False
            self._changed.notify_all()
