"""The lock by which writers take turns.

DuckDB runs transactions concurrently and fails the second of two that change the same rows. Snowflake makes the
second wait, and so does this lock. Readers never take it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from customer_analytics.embedded_snowflake.state.errors import SnowflakeError, cancelled
from customer_analytics.embedded_snowflake.state.session import Session

_POLL_SECONDS = 0.25


@dataclass(eq=False)
class _Waiter:
    session: Session
    holds: bool = False
    woken: threading.Event = field(default_factory=threading.Event)


class WriteLock:
    """Held by one session at a time; the others wait in order of arrival."""

    def __init__(self, timeout: float = 30.0, idle_limit: float = 10.0) -> None:
        """Waiters give up after `timeout` seconds; a holder idle for `idle_limit` loses its transaction."""
        self.timeout = timeout
        self.idle_limit = idle_limit
        self._holder: Session | None = None
        self._waiting: deque[_Waiter] = deque()
        self._lock = threading.Lock()

    def acquire(self, session: Session, evict: Callable[[Session, float], None]) -> None:
        """Wait for the lock, calling `evict(holder, idle_limit)` regularly to roll back an idle holder."""
        deadline = time.monotonic() + float(session.parameters.get("LOCK_TIMEOUT", self.timeout))
        waiter = _Waiter(session)
        with self._lock:
            self._waiting.append(waiter)
            self._give_to_first()
        try:
            while not waiter.holds:
                self._check(session, deadline)
                self._wait(waiter, deadline, evict)
        except BaseException:
            self._give_up(waiter)
            raise

    def release(self, session: Session) -> None:
        """Give the lock to the next waiter."""
        with self._lock:
            if self._holder is session:
                self._holder = None
                self._give_to_first()

    def wake(self, session: Session) -> None:
        """Make a waiting session check whether its statement was cancelled."""
        with self._lock:
            for waiter in self._waiting:
                if waiter.session is session:
                    waiter.woken.set()

    def _check(self, session: Session, deadline: float) -> None:
        if session.cancelled.is_set():
            raise cancelled()
        if time.monotonic() > deadline:
            holder = self._holder
            raise SnowflakeError(
                625,
                "57014",
                f"Session {holder.id if holder else 0} has held the write lock for too long; "
                "this statement was aborted because it waited for longer than LOCK_TIMEOUT.",
            )

    def _wait(self, waiter: _Waiter, deadline: float, evict: Callable[[Session, float], None]) -> None:
        with self._lock:
            holder, first = self._holder, bool(self._waiting) and self._waiting[0] is waiter
        if holder is not None and first:
            evict(holder, self.idle_limit)
        # Only the first waiter watches the holder; the others sleep until woken.
        remaining = max(0.0, deadline - time.monotonic()) + 0.01
        waiter.woken.wait(min(_POLL_SECONDS, remaining) if first else remaining)
        waiter.woken.clear()

    def _give_to_first(self) -> None:
        if self._holder is None and self._waiting:
            waiter = self._waiting.popleft()
            self._holder, waiter.holds = waiter.session, True
            waiter.woken.set()
        if self._waiting:
            self._waiting[0].woken.set()

    def _give_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter.holds:
                self._holder = None
            else:
                self._waiting.remove(waiter)
            self._give_to_first()
