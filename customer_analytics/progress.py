"""Progress of long work, as log lines."""

import time
from collections.abc import Callable


class Progress:
    """Logs at most every few seconds how much is done and how long the rest will take.

    Short work and completion are not logged; the caller reports the result.
    """

    def __init__(self, what: str, log: Callable[[str], None], every: float = 5.0) -> None:
        self._what = what
        self._log = log
        self._every = every
        self._began = self._logged = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Log that `done` of `total` are done, if it is time to."""
        now = time.monotonic()
        if now - self._logged < self._every or not 0 < done < total:
            return
        self._logged = now
        left = (now - self._began) / done * (total - done)
        self._log(f"{done:,} of {total:,} {self._what}, about {duration(left)} left")


def duration(seconds: float) -> str:
    """Minutes and seconds, as in 2:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
