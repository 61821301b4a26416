"""The queue of the reranker: all searches of a process share a few threads, first come, first served."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

MOST_WAITING = 60
"""Most searches in the queue; with two threads, the last one is finished after about 15 seconds."""

# On a busy machine, pages that only read a few rows have priority.
_NICENESS = 5


class BusyError(RuntimeError):
    """Too many searches are waiting already."""


class Turns:
    """The queue of one process; all threads work on the oldest search."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rerank", initializer=_step_back)
        self._lock = threading.Lock()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Searches in the queue, including the current one."""
        return self._waiting

    def scores(self, score: Callable[[str], float], texts: Sequence[str]) -> list[float]:
        """The score of each text, in order; raises BusyError if the queue is full."""
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
    """The queue of this process with this number of threads."""
    with _making:
        if threads not in _made:
            _made[threads] = Turns(threads)
        return _made[threads]


def _step_back() -> None:
    with suppress(AttributeError, OSError):  # only Linux has priorities of threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
