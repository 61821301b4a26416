"""What other processes write into a vector store."""

import os
import signal
from dataclasses import fields
from multiprocessing.synchronize import Barrier
from typing import Any

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics_tests.contract.vector_stores.comments import (
    COMMENTS,
    comment,
    table,
)


def options(store: VectorStore) -> dict[str, Any]:
    """The arguments that make the same store in another process."""
    made: Any = store
    return {option.name: getattr(store, option.name) for option in fields(made) if option.init}


def upsert_in_tens(
    adapter: type[VectorStore], config: dict[str, Any], numbers: range, rounds: int, start: Barrier, written: Any
) -> None:
    """Write comments ten by ten, each round with other hashes; puts how many were written and skipped."""
    store = adapter(**config)
    start.wait()
    counts = [0, 0]
    for turn in range(rounds):
        for first in numbers[::10]:
            rows = [comment(n, text_hash=f"hash {n} of round {turn}") for n in range(first, first + 10)]
            result = store.upsert(COMMENTS, table(rows))
            assert not result.failed
            counts[0] += result.written
            counts[1] += result.skipped
    written.put(counts)


def upsert_then_die(adapter: type[VectorStore], config: dict[str, Any], numbers: range, after: float) -> None:
    """Write comments group by group and be killed some seconds after the first group is there."""
    store = adapter(**config)
    store.upsert(COMMENTS, table(comment(n) for n in numbers[:10]))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, after)
    while True:
        for first in numbers[::10]:
            rows = [comment(n, text_hash=os.urandom(8).hex()) for n in range(first, first + 10)]
            store.upsert(COMMENTS, table(rows))
