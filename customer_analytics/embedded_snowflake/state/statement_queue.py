"""The statements of one session, which run one after the other on the session's own thread.

However many statements a session sends, and however long they wait for a lock, other sessions get a thread.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from customer_analytics.embedded_snowflake.state.budgets import too_much
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError


class QueuedStatement(Protocol):
    """A statement that waits or runs."""

    def run(self) -> None:
        """Run it; raises nothing."""

    def cancel(self) -> None:
        """Make it end soon, without waiting for the end."""


class StatementQueue:
    """Statements in order of arrival; the thread lives until the queue is empty."""

    def __init__(self, limit: int) -> None:
        """At most `limit` statements wait."""
        self._limit = limit
        self._waiting: deque[QueuedStatement] = deque()
        self._running: QueuedStatement | None = None
        self._has_thread = False
        self._last: Callable[[], None] | None = None
        self._ended = False
        self._closed: Future[None] = Future()
        self._closed.set_running_or_notify_cancel()  # so that no caller can cancel it
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Nothing runs or waits."""
        return not self._has_thread

    def put(self, statement: QueuedStatement) -> None:
        """Run the statement after those before it; raises SnowflakeError if too many wait."""
        with self._lock:
            if self._last is not None:
                raise session_closed()
            if len(self._waiting) >= self._limit:
                raise too_much(
                    f"This session has {self._limit} waiting statements, which is the most it may have; wait for "
                    "some, or open another session."
                )
            self._waiting.append(statement)
            try:
                self._ensure_thread()
            except RuntimeError:
                self._waiting.pop()
                raise too_much("The endpoint cannot start another thread; close some sessions.") from None

    def close(self, last: Callable[[], None]) -> Future[None]:
        """Cancel all statements and then run `last`; the future is done when it has run."""
        with self._lock:
            if self._last is not None:
                return self._closed
            self._last = last
            statements = [each for each in (self._running, *self._waiting) if each is not None]
            self._ensure_thread()
        for statement in statements:
            statement.cancel()
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


def session_closed() -> SnowflakeError:
    """The error of a closed session, after which clients do not retry."""
    return SnowflakeError(390111, "08001", "Session no longer exists. New login required to access the service.")
