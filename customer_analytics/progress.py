"""Progress of long work, as lines of a log."""

import time
from collections.abc import Callable


class Progress:
    """Says at most every few seconds how much is done and how long the rest will take.

    Short work stays silent, and so does the end: what was done is for the caller to say.
    """

    def __init__(self, what: str, log: Callable[[str], None], every: float = 5.0) -> None:
        self._what = what
        self._log = log
        self._every = every
        self._began = self._spoke = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Note that `done` of `total` are done."""
        now = time.monotonic()
        if now - self._spoke < self._every or not 0 < done < total:
            return
        self._spoke = now
        left = (now - self._began) / done * (total - done)
        self._log(f"{done:,} of {total:,} {self._what}, about {duration(left)} left")


def duration(seconds: float) -> str:
    """Minutes and seconds, as in 2:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
