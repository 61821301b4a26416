"""Which rows of the warehouse each collection of vectors holds."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.files import COMMENTS
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.identity import EVERYTHING, Bucket
from customer_analytics.ml.vectorisation import WHOLE_COLLECTION, sync_collection
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Where
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.progress import Progress
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_TWITTER_COMMENTS

Rows = tuple[int, Iterator[pa.RecordBatch]]
"""The number of rows that a collection is made of, and the rows."""


def sync(
    name: str,
    warehouse: Warehouse,
    embedder: Embedder,
    store: VectorStore,
    log: Callable[[str], None],
    *,
    part: Where = WHOLE_COLLECTION,
    bucket: Bucket = EVERYTHING,
) -> dict[str, Any]:
    """Bring a collection, or a part or bucket of it, to its rows in the warehouse; figures on work and cost."""
    total, rows = _ROWS[name](warehouse, part)
    try:
        result = sync_collection(
            store,
            embedder,
            collection(name, embedder),
            rows,
            part=part,
            reuse_from=[collection(other, embedder) for other in _REUSED.get(name, ())],
            bucket=bucket,
            total=total // bucket.of,
            on_progress=Progress("texts embedded", log),
        )
    finally:
        if spent := embedder.spent():
            log(f"{name}: {spent}")
    log(f"{name}: {result.rows:,} objects, {result.embedded:,} embedded, {result.removed:,} removed")
    return {
        "rows": result.rows,
        "embedding_model": embedder.model,
        "dimensions": embedder.dimensions,
        "embedded": result.embedded,
        "reused": result.reused,
        "unchanged": result.unchanged,
        "removed": result.removed,
        **(spent.metadata if spent else {}),
    }


def unlabelled(warehouse: Warehouse) -> int:
    """The number of training comments without a label."""
    return warehouse.table(STG_COMMENT_TRAINING.name).filter("LABEL IS NULL").count()


def in_part(rows: DataFrame, part: Where) -> DataFrame:
    """The rows of a part of a collection, by their columns."""
    for property, values in part.items():
        rows = rows.filter(f.col(property.upper()).in_(list(values)))
    return rows


def _labelled(warehouse: Warehouse, part: Where) -> Rows:
    labelled = warehouse.table(STG_COMMENT_TRAINING.name).filter("LABEL IS NOT NULL")
    return labelled.count(), warehouse.reads.rows(STG_COMMENT_TRAINING, labelled)


def _comments(warehouse: Warehouse, part: Where) -> Rows:
    rows = in_part(warehouse.table(STG_TWITTER_COMMENTS.name), part)
    return rows.count(), warehouse.reads.rows(COMMENTS.record, rows.select(COMMENTS.record.column_names))


def _calls(warehouse: Warehouse, part: Where) -> Rows:
    calls = in_part(warehouse.table(CALL_TRANSCRIPTS.name), part).filter("STATUS = 'ok'")
    columns = ["CUSTOMER_ID", "RELATIVE_PATH", "TRANSCRIPT"]
    return calls.count(), (batch.select(columns) for batch in warehouse.reads.rows(CALL_TRANSCRIPTS, calls))


_ROWS = {COMMENT_TRAINING: _labelled, CUSTOMER_COMMENT: _comments, CUSTOMER_CALL: _calls}
_REUSED = {CUSTOMER_COMMENT: [COMMENT_TRAINING]}
