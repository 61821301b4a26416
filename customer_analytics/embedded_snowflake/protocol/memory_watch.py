"""Cancels statements when the process exceeds its memory limit; DuckDB's own limit does not cover all memory."""

import logging
import os
import time
from collections.abc import Callable

import psutil

from customer_analytics.embedded_snowflake.state.budgets import too_much, trim
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.limits import MEGABYTE

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 5.0


class MemoryWatch:
    """Checks the process's memory while statements run."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        self._process = psutil.Process()
        self._since: float | None = None

    def check(self, cancel: Callable[[SnowflakeError], None]) -> None:
        """Cancel the statements if the process exceeds its limit; end it if it still does 5 s later, or by 25 %.

        Ending the process loses nothing that was committed.
        """
        taken = self._process.memory_info().rss / MEGABYTE
        if taken <= self._megabytes:
            self._since = None
            return
        if self._since is None:
            trim()
            self._since = time.monotonic()
            cancel(
                too_much(
                    f"The endpoint uses more than {self._megabytes} MB of memory, so all running statements were "
                    "cancelled; use shorter texts or fewer rows."
                )
            )
        if taken > 1.25 * self._megabytes or time.monotonic() - self._since > _TIMEOUT_SECONDS:
            _log.error("ending the process: it uses %.0f MB, and its limit is %s MB", taken, self._megabytes)
            os._exit(os.EX_UNAVAILABLE)
