"""Texts as vectors, one collection a kind of text."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.vectorisation import sync_collection
from customer_analytics.progress import Progress
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_TWITTER_COMMENTS


@dg.asset(group_name="embeddings", kinds={"embedder", "vector_store"}, deps=["stg_comment_training"])
def comment_training(
    context: dg.AssetExecutionContext, warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore
) -> dg.MaterializeResult[None]:
    """Collection CommentTraining: one object per comment whose sentiment a person has judged."""
    rows = warehouse.rows(STG_COMMENT_TRAINING)
    total = warehouse.table(STG_COMMENT_TRAINING.name).count()
    return _synced(context, embedder, vector_store, COMMENT_TRAINING, rows, total)


# After comment_training, because most training texts are comments too and need not be embedded again.
@dg.asset(
    group_name="embeddings", kinds={"embedder", "vector_store"}, deps=["stg_twitter_comments", comment_training]
)
def customer_comment(
    context: dg.AssetExecutionContext, warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore
) -> dg.MaterializeResult[None]:
    """Collection CustomerComment: one object per comment of a customer."""
    rows = warehouse.rows(STG_TWITTER_COMMENTS)
    total = warehouse.table(STG_TWITTER_COMMENTS.name).count()
    return _synced(context, embedder, vector_store, CUSTOMER_COMMENT, rows, total, reuse_from=[COMMENT_TRAINING])


@dg.asset(group_name="embeddings", kinds={"embedder", "vector_store"}, deps=["call_transcripts"])
def customer_call(
    context: dg.AssetExecutionContext, warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore
) -> dg.MaterializeResult[None]:
    """Collection CustomerCall: one object per call in which something is said."""
    columns = ["CUSTOMER_ID", "RELATIVE_PATH", "TRANSCRIPT"]
    rows = (_with_status_ok(batch).select(columns) for batch in warehouse.rows(CALL_TRANSCRIPTS))
    total = warehouse.table(CALL_TRANSCRIPTS.name).filter("STATUS = 'ok'").count()
    return _synced(context, embedder, vector_store, CUSTOMER_CALL, rows, total)


def _synced(
    context: dg.AssetExecutionContext,
    embedder: Embedder,
    vector_store: VectorStore,
    name: str,
    rows: Iterator[pa.RecordBatch],
    total: int,
    reuse_from: Sequence[str] = (),
) -> dg.MaterializeResult[None]:
    target = collection(name, embedder)
    result = sync_collection(
        vector_store,
        embedder,
        target,
        rows,
        reuse_from=[collection(other, embedder) for other in reuse_from],
        total=total,
        on_progress=Progress("texts embedded", context.log.info),
    )
    context.log.info(f"{name}: {result.rows:,} objects, {result.embedded:,} embedded, {result.removed:,} removed")
    metadata: dict[str, Any] = {
        "dagster/row_count": result.rows,
        "embedding_model": embedder.model,
        "dimensions": embedder.dimensions,
        "embedded": result.embedded,
        "reused": result.reused,
        "unchanged": result.unchanged,
        "removed": result.removed,
    }
    return dg.MaterializeResult(metadata=metadata)


def _with_status_ok(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(pc.equal(batch["STATUS"], "ok"))
