"""Turns at the reranker: all searches of a process share a few threads, which serve them in order of arrival."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

MOST_WAITING = 60
"""Searches that wait or are served; at two threads, the last one of them is served in about 15 seconds."""

# Pages that only read a few rows come first where processors are scarce.
_NICENESS = 5


class BusyError(RuntimeError):
    """Too many searches are waiting already."""


class Turns:
    """The queue of one process.

    The search that comes first is finished first, on all threads: none waits for one that came after it.
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rerank", initializer=_step_back)
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Searches that wait or are served."""
        return self._waiting

    def scores(self, score: Callable[[str], float], texts: Sequence[str]) -> list[float]:
        """The score of each text, in order; raises BusyError at once where too many searches are waiting."""
        with self._lock:
            if self._waiting >= MOST_WAITING:
                raise BusyError(f"{self._waiting} searches are waiting already: try again in a moment.")
            self._waiting += 1
            scores = self._threads.map(score, texts)
        try:
            return list(scores)
        finally:
            with self._lock:
                self._waiting -= 1


_made: dict[int, Turns] = {}
_making = threading.Lock()


def turns(threads: int) -> Turns:
    """The queue of this process, with so many threads."""
    with _making:
        if threads not in _made:
            _made[threads] = Turns(threads)
        return _made[threads]


def _step_back() -> None:
    with suppress(AttributeError, OSError):  # a thread has a priority of its own on Linux only
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
