"""The end of statements that take more memory than DuckDB's own limit covers, such as that of long texts."""

import logging
import os
import time
from collections.abc import Callable

import psutil

from customer_analytics.embedded_snowflake.budgets import too_much, trim
from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.limits import MEGABYTE

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 5.0


class MemoryWatch:
    """Looks at the process's memory again and again while statements run."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        self._process = psutil.Process()
        self._since: float | None = None

    def look(self, cancel: Callable[[SnowflakeError], None]) -> None:
        """Cancel the statements when the process is too large; end it when it still is 5 s later, or far larger.

        A process that ends so has lost nothing that was committed.
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
                    f"The endpoint takes more than {self._megabytes} MB of memory, so all statements that ran "
                    "were cancelled; use shorter texts or fewer rows."
                )
            )
        if taken > 1.25 * self._megabytes or time.monotonic() - self._since > _PATIENCE_SECONDS:
            _log.error("the process takes %.0f MB, more than the %s MB it may, and ends", taken, self._megabytes)
            os._exit(os.EX_UNAVAILABLE)
