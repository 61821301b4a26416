"""The lock that makes writers take turns.

DuckDB lets transactions run side by side and fails the second of two that touch the same rows. Snowflake makes the
second wait, and so does this lock; readers never take it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from customer_analytics.embedded_snowflake.errors import SnowflakeError, cancelled
from customer_analytics.embedded_snowflake.session import Session

_POLL_SECONDS = 0.25


class WriteLock:
    """One session holds it at a time; the others wait in the order in which they came."""

    def __init__(self, timeout: float = 30.0, idle_limit: float = 10.0) -> None:
        """Waiters give up after `timeout` seconds; a holder idle for `idle_limit` loses its transaction."""
        self.timeout = timeout
        self.idle_limit = idle_limit
        self._holder: Session | None = None
        self._queue: deque[Session] = deque()
        self._changed = threading.Condition()

    def acquire(self, session: Session, evict: Callable[[Session, float], None]) -> None:
        """Wait for the lock; `evict(holder, idle_limit)` is called now and then to roll back an idle holder."""
        deadline = time.monotonic() + float(session.parameters.get("LOCK_TIMEOUT") or self.timeout)
        with self._changed:
            self._queue.append(session)
        try:
            while not self._take(session):
                if session.cancelled.is_set():
                    raise cancelled()
                if time.monotonic() > deadline:
                    raise SnowflakeError(
                        625,
                        "57014",
                        f"Session {self._holder.id if self._holder else 0} has held the write lock for too long; "
                        "this statement was aborted because it waited for longer than LOCK_TIMEOUT.",
                    )
                if holder := self._holder:
                    evict(holder, self.idle_limit)
        finally:
            with self._changed:
                self._queue.remove(session)
                self._changed.notify_all()

    def release(self, session: Session) -> None:
        """Give the lock to the next waiter."""
        with self._changed:
            if self._holder is session:
                self._holder = None
                self._changed.notify_all()

    def _take(self, session: Session) -> bool:
        with self._changed:
            mine = lambda: self._holder is None and self._queue[0] is session  # noqa: E731
            if not self._changed.wait_for(mine, _POLL_SECONDS):
                return False
            self._holder = session
            return True
