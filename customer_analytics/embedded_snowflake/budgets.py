"""Memory that is shared by all sessions, and the error that says which limit was met."""

import ctypes
import threading

from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.limits import MEGABYTE


class Budget:
    """Bytes that all sessions share."""

    def __init__(self, most: int, what: str) -> None:
        """At most `most` bytes of `what`, as in "results"."""
        self._most = most
        self._what = what
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Reserve bytes; raises SnowflakeError if too few are left."""
        with self._lock:
            if self._taken + count > self._most:
                raise too_much(
                    f"The {self._what} of all sessions together exceed {self._most // MEGABYTE} MB at this "
                    "moment; try again later."
                )
            self._taken += count

    def give_back(self, count: int) -> None:
        """Release reserved bytes."""
        with self._lock:
            self._taken -= count


class Reservation:
    """What one request has reserved of a budget, until it is released."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    def take(self, count: int) -> None:
        """Reserve more bytes; raises SnowflakeError if too few are left."""
        self._budget.take(count)
        self._taken += count

    def release(self) -> None:
        """Give all of it back."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


def too_much(message: str) -> SnowflakeError:
    """An error that says which limit was met."""
    return SnowflakeError(100078, "54000", message)


def trim() -> None:
    """Give memory that was freed back to the system, which the C library does not do by itself for all of it."""
    if _malloc_trim is not None:
        _malloc_trim(0)


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
