"""The statements of one session: they run one after the other, on a thread that the session has to itself.

So however many statements a session has sent, and however long they wait for a lock, no other session's statement
waits for a thread.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from customer_analytics.embedded_snowflake.budgets import too_much
from customer_analytics.embedded_snowflake.errors import SnowflakeError


class Work(Protocol):
    """A statement."""

    def run(self) -> None:
        """Carry it out; raises nothing."""

    def cancel(self) -> None:
        """Make it end soon, without waiting for that."""


class StatementQueue:
    """Statements in order of arrival; the thread lives while there are any."""

    def __init__(self, most: int) -> None:
        """At most `most` statements wait."""
        self._most = most
        self._waiting: deque[Work] = deque()
        self._running: Work | None = None
        self._has_thread = False
        self._last: Callable[[], None] | None = None
        self._ended = False
        self._closed: Future[None] = Future()
        self._closed.set_running_or_notify_cancel()  # whoever waits for it cannot cancel it
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Nothing runs or waits."""
        return not self._has_thread

    def put(self, work: Work) -> None:
        """Run the statement after those before it; raises SnowflakeError if too many wait."""
        with self._lock:
            if self._last is not None:
                raise gone()
            if len(self._waiting) >= self._most:
                raise too_much(
                    f"This session has {self._most} statements waiting, which is the most it may have; wait for "
                    "some of them, or open another session."
                )
            self._waiting.append(work)
            try:
                self._ensure_thread()
            except RuntimeError:
                self._waiting.pop()
                raise too_much(
                    "The endpoint has no thread left for this statement; close some sessions."
                ) from None

    def close(self, last: Callable[[], None]) -> Future[None]:
        """Cancel all statements and then run `last`; the future tells when it has run."""
        with self._lock:
            if self._last is not None:
                return self._closed
            self._last = last
            works = [work for work in (self._running, *self._waiting) if work is not None]
            self._ensure_thread()
        for work in works:
            work.cancel()
        return self._closed

    def _ensure_thread(self) -> None:
        if not self._has_thread:
            threading.Thread(target=self._run, name="statements", daemon=True).start()
            self._has_thread = True

    def _run(self) -> None:
        while (step := self._next()) is not None:
            step()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            self._running = self._waiting.popleft() if self._waiting else None
            if self._running is not None:
                return self._running.run
            if self._last is not None and not self._ended:
                self._ended = True
                return self._end
            self._has_thread = False
            return None

    def _end(self) -> None:
        try:
            if self._last is not None:
                self._last()
        finally:
            self._closed.set_result(None)


def gone() -> SnowflakeError:
    """A session that is closed; the error tells the client at once."""
    return SnowflakeError(390111, "08001", "Session no longer exists. New login required to access the service.")
