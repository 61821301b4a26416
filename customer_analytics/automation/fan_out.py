"""Transcription and embedding in several steps side by side, one a bucket of contents, for several machines.

The assets stay what they are, with their names, upstream assets and checks: what changes is that each is a graph
of steps. The number of buckets is fixed when the code location is loaded. They are no partitions of Dagster's,
because those would make partitioned runs out of all that depends on them.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.assets import embeddings, transcripts
from customer_analytics.ml.buckets import Bucket
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.io_manager import PART_BY, WRITE_MODE
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.speech.base import Transcriber
from customer_analytics.resources.state_folder import StateFolder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import RETRIES, at_once
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

_COLLECTIONS = {
    "comment_training": COMMENT_TRAINING,
    "customer_comment": CUSTOMER_COMMENT,
    "customer_call": CUSTOMER_CALL,
}
FANNED_OUT = {"call_transcripts", *_COLLECTIONS}
"""Names of the assets that take long because a model reads or listens."""

# What a step with a model in it asks of Kubernetes: Whisper's `base` and the embedding model take up to 400 MB.
_WITH_A_MODEL: dict[str, Any] = {
    "dagster-k8s/config": {
        "container_config": {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}}
    }
}


def fanned_out(asset: dg.AssetsDefinition, buckets: int) -> dg.AssetsDefinition:
    """The asset as a step a bucket, in any order, and a last one that reports or publishes the whole.

    Each bucket is complete when its step is: of a run that failed, the next one has to do the rest only. Steps of
    buckets take no turns, because they write rows and objects by key; the last step takes those of its table.
    """
    (spec,) = asset.specs
    name = spec.key.path[-1]
    upstream = {dep.asset_key.to_python_identifier(): dep.asset_key for dep in spec.deps}
    step, last = (_transcribe, _publish()) if name == "call_transcripts" else (_embed, _count(name))
    steps = [step(name, Bucket(number, buckets), list(upstream)) for number in range(buckets)]

    @dg.graph_asset(
        key=spec.key,
        ins={name: dg.AssetIn(key, dagster_type=dg.Nothing) for name, key in upstream.items()},
        description=spec.description,
        group_name=spec.group_name,
        metadata=spec.metadata,
        tags=spec.tags,
        owners=spec.owners,
        automation_condition=spec.automation_condition,
        code_version=spec.code_version,
        check_specs=list(asset.check_specs),
    )
    def in_buckets(**inputs: Any) -> Any:
        return last([step(**inputs) for step in steps])

    return in_buckets


def _transcribe(name: str, bucket: Bucket, upstream: list[str]) -> dg.OpDefinition:
    @_bucket_op(name, bucket, upstream)
    @at_once
    def transcribe(
        context: dg.OpExecutionContext,
        warehouse: Warehouse,
        transcriber: Transcriber,
        state: StateFolder,
        scope: Scope,
    ) -> None:
        transcripts.transcribe(context.log.info, warehouse, transcriber, state, bucket, scope)

    return transcribe


def _publish() -> dg.OpDefinition:
    @dg.op(
        name="publish_transcripts",
        ins={"buckets": dg.In(dg.Nothing)},
        out=dg.Out(metadata={WRITE_MODE: "merge", PART_BY: "RELATIVE_PATH"}),
        pool="call_transcripts",
        retry_policy=RETRIES,
    )
    @at_once
    def publish(warehouse: Warehouse, scope: Scope) -> DataFrame:
        """Forget the calls that are gone."""
        calls = scope.resolved(warehouse).part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
        return transcripts.of_present_calls(warehouse, calls)

    return publish


def _embed(name: str, bucket: Bucket, upstream: list[str]) -> dg.OpDefinition:
    @_bucket_op(name, bucket, upstream)
    @at_once
    def embed(
        context: dg.OpExecutionContext,
        warehouse: Warehouse,
        embedder: Embedder,
        vector_store: VectorStore,
        scope: Scope,
    ) -> None:
        target = _COLLECTIONS[name]
        done = embeddings.sync(target, context.log.info, warehouse, embedder, vector_store, bucket, scope)
        context.add_output_metadata(done)

    return embed


def _count(name: str) -> dg.OpDefinition:
    @dg.op(name=f"count_{name}", ins={"buckets": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def count(context: dg.OpExecutionContext, embedder: Embedder, vector_store: VectorStore) -> None:
        """Report what the collection holds now."""
        objects = vector_store.count(collection(_COLLECTIONS[name], embedder))
        context.add_output_metadata(
            {
                "dagster/row_count": objects,
                "embedding_model": embedder.model,
                "dimensions": embedder.dimensions,
            }
        )

    return count


def _bucket_op(name: str, bucket: Bucket, upstream: list[str]) -> Callable[[Callable[..., None]], dg.OpDefinition]:
    return dg.op(
        name=f"{name}_{bucket.number + 1}_of_{bucket.of}",
        description="The new and changed contents of one bucket.",
        ins={input: dg.In(dg.Nothing) for input in upstream},
        out=dg.Out(dg.Nothing),
        retry_policy=RETRIES,
        tags=_WITH_A_MODEL,
    )
