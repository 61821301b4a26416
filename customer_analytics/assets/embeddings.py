"""Texts as vectors, one collection for each kind of text."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from customer_analytics.assets.snapshots import restored_vectors
from customer_analytics.ml.collection_sync import sync, unlabelled
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources import lineage
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.scope import Scope
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_TWITTER_COMMENTS

_TRAINING_COLUMNS = lineage.collection(COMMENT_TRAINING, STG_COMMENT_TRAINING.name)
_COMMENT_COLUMNS = lineage.collection(CUSTOMER_COMMENT, STG_TWITTER_COMMENTS.name)
_CALL_COLUMNS = lineage.collection(CUSTOMER_CALL, CALL_TRANSCRIPTS.name)


def _collection_asset(*deps: Any, columns: Mapping[str, Any]) -> Callable[..., dg.AssetsDefinition]:
    """`dagster.asset` for a function that brings a collection to its rows."""
    return lambda function: dg.asset(
        group_name="embeddings",
        kinds={"embedder", "vector_store"},
        deps=[*deps, restored_vectors],
        metadata=columns,
        pool=function.__name__,
        retry_policy=RETRIES,
    )(fail_fast(function))


@_collection_asset("stg_comment_training", columns=_TRAINING_COLUMNS)
def comment_training(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
) -> dg.MaterializeResult[None]:
    """Collection CommentTraining: one object per comment that a person has labelled."""
    figures = sync(COMMENT_TRAINING, warehouse, embedder, vector_store, context.log.info)
    figures["not_labelled_yet"] = unlabelled(warehouse)
    return _materialized(context, figures, _TRAINING_COLUMNS)


# After comment_training, because most training texts are also comments and need not be embedded again.
@_collection_asset("stg_twitter_comments", comment_training, columns=_COMMENT_COLUMNS)
def customer_comment(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    scope: dg.ResourceParam[Scope],
) -> dg.MaterializeResult[None]:
    """Collection CustomerComment: one object per comment of a customer."""
    part = scope.resolved(warehouse).where("CUSTOMER_ID")
    figures = sync(CUSTOMER_COMMENT, warehouse, embedder, vector_store, context.log.info, part=part)
    return _materialized(context, figures, _COMMENT_COLUMNS)


@_collection_asset("call_transcripts", columns=_CALL_COLUMNS)
def customer_call(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    scope: dg.ResourceParam[Scope],
) -> dg.MaterializeResult[None]:
    """Collection CustomerCall: one object per call in which something is said."""
    part = scope.resolved(warehouse).where("RELATIVE_PATH")
    figures = sync(CUSTOMER_CALL, warehouse, embedder, vector_store, context.log.info, part=part)
    return _materialized(context, figures, _CALL_COLUMNS)


def _materialized(
    context: dg.AssetExecutionContext, figures: dict[str, Any], columns: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    """A collection after a sync, as a new version of the data: the embedder may be another one."""
    return dg.MaterializeResult(
        metadata={**counted(figures), **columns}, data_version=dg.DataVersion(context.run_id)
    )


def counted(figures: dict[str, Any]) -> dict[str, Any]:
    """What a sync did, with the rows under the key that Dagster draws."""
    return {"dagster/row_count": figures.pop("rows"), **figures}
