"""Objects for the vector stores' tests, and how they are written, listed and found."""

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Match, PropertyType, UpsertResult

EAST, NORTH_EAST, NORTH, WEST = [1.0, 0, 0, 0], [0.6, 0.8, 0, 0], [0, 1.0, 0, 0], [-1.0, 0, 0, 0]
HOSTILE = [
    "it's",
    "'",
    "''",
    '"quoted"',
    "'; DROP TABLE customer_comment; --",
    "' OR '1'='1",
    "back\\slash",
    "\\'",
    "two\nlines\r\n\ttab",
    "naïve ünïcode 漢字 😀",
    "nul\x00byte",
    "`tick`",
    "%_*?{}$1:x",
    "",
]
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
        "text_hash": f"hash {number}",
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


def write(store: VectorStore, *rows: dict[str, Any]) -> None:
    assert store.upsert(COMMENTS, table(rows)) == UpsertResult(written=len(rows))


def found(matches: list[Match]) -> list[str]:
    return [match.id for match in matches]


def ids(store: VectorStore, **where: list[Any]) -> list[str]:
    return sorted(id for batch in store.scan(COMMENTS, ["id"], where or None) for id in batch["id"].to_pylist())


def vector(values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)
