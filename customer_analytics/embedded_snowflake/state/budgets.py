"""Memory budgets that all sessions share, and the error of an exceeded limit."""

import ctypes
import threading

from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.limits import MEGABYTE


class Budget:
    """A number of bytes that all sessions share."""

    def __init__(self, limit: int, what: str) -> None:
        """At most `limit` bytes of `what`, for example "results"."""
        self._limit = limit
        self._what = what
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Reserve bytes; raises SnowflakeError if too few are left."""
        with self._lock:
            if self._taken + count > self._limit:
                raise too_much(
                    f"The {self._what} of all sessions together exceed {self._limit // MEGABYTE} MB at this "
                    "moment; try again later."
                )
            self._taken += count

    def give_back(self, count: int) -> None:
        """Release reserved bytes."""
        with self._lock:
            self._taken -= count


class Reservation:
    """The bytes that one request has reserved from a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    def take(self, count: int) -> None:
        """Reserve more bytes; raises SnowflakeError if too few are left."""
        self._budget.take(count)
        self._taken += count

    def release(self) -> None:
        """Release all reserved bytes."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


def too_much(message: str) -> SnowflakeError:
    """The error of a statement or request that exceeds a limit."""
    return SnowflakeError(100078, "54000", message)


def trim() -> None:
    """Return freed memory to the system; the C library otherwise keeps some of it."""
    if _malloc_trim is not None:
        _malloc_trim(0)


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
