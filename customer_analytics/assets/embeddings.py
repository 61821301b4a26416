"""Texts as vectors, one collection a kind of text."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pyarrow as pa

from customer_analytics.assets.snapshots import restored_vectors
from customer_analytics.ingestion.files import COMMENTS
from customer_analytics.lineage import declared as lineage
from customer_analytics.ml.buckets import EVERYTHING, Bucket
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.vectorisation import WHOLE_COLLECTION, sync_collection
from customer_analytics.progress import Progress
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.scope import WHOLE, Scope
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import RETRIES, at_once
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_TWITTER_COMMENTS

Rows = tuple[int, Iterator[pa.RecordBatch]]
"""How many rows a collection is made of, and the rows."""


_LABELLED = lineage.collection(COMMENT_TRAINING, STG_COMMENT_TRAINING.name)
_WRITTEN = lineage.collection(CUSTOMER_COMMENT, STG_TWITTER_COMMENTS.name)
_SPOKEN = lineage.collection(CUSTOMER_CALL, CALL_TRANSCRIPTS.name)


@dg.asset(
    group_name="embeddings",
    kinds={"embedder", "vector_store"},
    deps=["stg_comment_training", restored_vectors],
    metadata=_LABELLED,
    pool="comment_training",
    retry_policy=RETRIES,
)
@at_once
def comment_training(
    context: dg.AssetExecutionContext, warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore
) -> dg.MaterializeResult[None]:
    """Collection CommentTraining: one object per comment whose sentiment a person has judged."""
    metadata = sync(COMMENT_TRAINING, context.log.info, warehouse, embedder, vector_store)
    metadata["not_labelled_yet"] = warehouse.table(STG_COMMENT_TRAINING.name).filter("LABEL IS NULL").count()
    return dg.MaterializeResult(metadata=metadata | _LABELLED)


# After comment_training, because most training texts are comments too and need not be embedded again.
@dg.asset(
    group_name="embeddings",
    kinds={"embedder", "vector_store"},
    deps=["stg_twitter_comments", comment_training, restored_vectors],
    metadata=_WRITTEN,
    pool="customer_comment",
    retry_policy=RETRIES,
)
@at_once
def customer_comment(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    embedder: Embedder,
    vector_store: VectorStore,
    scope: Scope,
) -> dg.MaterializeResult[None]:
    """Collection CustomerComment: one object per comment of a customer."""
    metadata = sync(CUSTOMER_COMMENT, context.log.info, warehouse, embedder, vector_store, scope=scope)
    return dg.MaterializeResult(metadata=metadata | _WRITTEN)


@dg.asset(
    group_name="embeddings",
    kinds={"embedder", "vector_store"},
    deps=["call_transcripts", restored_vectors],
    metadata=_SPOKEN,
    pool="customer_call",
    retry_policy=RETRIES,
)
@at_once
def customer_call(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    embedder: Embedder,
    vector_store: VectorStore,
    scope: Scope,
) -> dg.MaterializeResult[None]:
    """Collection CustomerCall: one object per call in which something is said."""
    metadata = sync(CUSTOMER_CALL, context.log.info, warehouse, embedder, vector_store, scope=scope)
    return dg.MaterializeResult(metadata=metadata | _SPOKEN)


def sync(
    name: str,
    log: Callable[[str], None],
    warehouse: Warehouse,
    embedder: Embedder,
    vector_store: VectorStore,
    bucket: Bucket = EVERYTHING,
    scope: Scope = WHOLE,
) -> dict[str, Any]:
    """Bring a collection, or one bucket of it, to the rows it is made of; what became of them, as metadata."""
    scope = scope.resolved(warehouse)
    total, rows = _ROWS[name](warehouse, scope)
    try:
        result = sync_collection(
            vector_store,
            embedder,
            collection(name, embedder),
            rows,
            part=scope.where(_PART_BY[name]) if name in _PART_BY else WHOLE_COLLECTION,
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
        "dagster/row_count": result.rows,
        "embedding_model": embedder.model,
        "dimensions": embedder.dimensions,
        "embedded": result.embedded,
        "reused": result.reused,
        "unchanged": result.unchanged,
        "removed": result.removed,
        **(spent.metadata if spent else {}),
    }


def _labelled(warehouse: Warehouse, scope: Scope) -> Rows:
    judged = warehouse.table(STG_COMMENT_TRAINING.name).filter("LABEL IS NOT NULL")
    return judged.count(), warehouse.rows(STG_COMMENT_TRAINING, judged)


def _comments(warehouse: Warehouse, scope: Scope) -> Rows:
    rows = scope.part(warehouse.table(STG_TWITTER_COMMENTS.name), _PART_BY[CUSTOMER_COMMENT])
    return rows.count(), warehouse.rows(COMMENTS.record, rows.select(COMMENTS.record.column_names))


def _calls(warehouse: Warehouse, scope: Scope) -> Rows:
    calls = scope.part(warehouse.table(CALL_TRANSCRIPTS.name), _PART_BY[CUSTOMER_CALL])
    spoken = calls.filter("STATUS = 'ok'")
    columns = ["CUSTOMER_ID", "RELATIVE_PATH", "TRANSCRIPT"]
    return spoken.count(), (batch.select(columns) for batch in warehouse.rows(CALL_TRANSCRIPTS, spoken))


_ROWS = {COMMENT_TRAINING: _labelled, CUSTOMER_COMMENT: _comments, CUSTOMER_CALL: _calls}
_PART_BY = {CUSTOMER_COMMENT: "CUSTOMER_ID", CUSTOMER_CALL: "RELATIVE_PATH"}
_REUSED = {CUSTOMER_COMMENT: [COMMENT_TRAINING]}
