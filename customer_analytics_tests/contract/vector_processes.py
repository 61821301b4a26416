"""Objects for the vector stores' tests, and what other processes do with them."""

import os
import signal
import uuid
from collections.abc import Iterable
from datetime import date
from multiprocessing.synchronize import Barrier
from typing import Any

import numpy as np
import pyarrow as pa

from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection, PropertyType

COMMENTS = Collection(
    "CustomerComment",
    {
        "customer_id": PropertyType.INTEGER,
        "date": PropertyType.DATE,
        "channel": PropertyType.CATEGORY,
        "review_text": PropertyType.TEXT,
    },
    "review_text",
    "tiny-model-v1.0",
    4,
)


def object_id(number: int) -> str:
    """Ids in the order of the numbers."""
    return str(uuid.UUID(int=number))


def comment(number: int, **columns: Any) -> dict[str, Any]:
    """A row of COMMENTS, its vector a direction of its own."""
    angle = number % 1_000 / 1_000
    return {
        "id": object_id(number),
        "content_hash": f"hash {number}",
        "vector": [np.cos(angle), np.sin(angle), 0.0, 0.0],
        "customer_id": number,
        "date": date(2020, 1, 1),
        "channel": "twitter",
        "review_text": f"comment number {number}",
    } | columns


def table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """The rows as they are, vectors as lists of any length."""
    vectors = pa.field("vector", pa.list_(pa.float32()))
    schema = pa.schema([vectors if f.name == "vector" else f.with_nullable(True) for f in COMMENTS.arrow_schema])
    return pa.Table.from_pylist(list(rows), schema)


def upsert_in_tens(
    adapter: type[VectorStore], config: dict[str, Any], numbers: range, rounds: int, start: Barrier, written: Any
) -> None:
    """Write comments ten by ten, each round with other hashes; puts how many were written and skipped."""
    store = adapter(**config)
    start.wait()
    counts = [0, 0]
    for turn in range(rounds):
        for first in numbers[::10]:
            rows = [comment(n, content_hash=f"hash {n} of round {turn}") for n in range(first, first + 10)]
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
            rows = [comment(n, content_hash=os.urandom(8).hex()) for n in range(first, first + 10)]
            store.upsert(COMMENTS, table(rows))
