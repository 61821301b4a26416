"""Transcription and embedding in parallel steps on several machines, one step for each bucket of contents.

The assets keep their names, upstream assets and checks, but each becomes a graph of steps. The number of buckets
is fixed when the code location is loaded. Buckets are not Dagster partitions, because everything downstream of a
partitioned asset would run by partitions too.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from customer_analytics.assets import embeddings, transcripts
from customer_analytics.ml.collection_sync import sync
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.identity import Bucket
from customer_analytics.ml.transcription import transcribe
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.speech.base import Transcriber
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.scope import Scope
from customer_analytics.temporary import StateFolder

_COLLECTIONS = {
    "comment_training": (COMMENT_TRAINING, None),
    "customer_comment": (CUSTOMER_COMMENT, "CUSTOMER_ID"),
    "customer_call": (CUSTOMER_CALL, "RELATIVE_PATH"),
}
FANNED_OUT = {"call_transcripts", *_COLLECTIONS}
"""Names of the assets that take long because they run a model."""

# Resources in Kubernetes for a step that loads a model: Whisper's `base` and the embedding model take 400 MB.
_WITH_A_MODEL: dict[str, Any] = {
    "dagster-k8s/config": {
        "container_config": {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}}
    }
}


def fanned_out(asset: dg.AssetsDefinition, buckets: int) -> dg.AssetsDefinition:
    """The asset as one step for each bucket, in any order, and a last step that reports or publishes the whole.

    A bucket is complete when its step is, so that the run after a failed one does only the rest. Each bucket has a
    pool, and the last step has the pool of the asset: runs take turns, buckets of one run do not.
    """
    (spec,) = asset.specs
    name = spec.key.path[-1]
    upstream = {dep.asset_key.to_python_identifier(): dep.asset_key for dep in spec.deps}
    step, last = (_transcribe, publish_transcripts) if name == "call_transcripts" else (_embed, _count(name))
    steps = [step(name, Bucket(number, buckets), list(upstream)) for number in range(buckets)]

    @dg.graph_asset(
        key=spec.key,
        ins={name: dg.AssetIn(key, dagster_type=dg.Nothing) for name, key in upstream.items()},
        check_specs=list(asset.check_specs),
    )
    def in_buckets(**inputs: Any) -> Any:
        return last([step(**inputs) for step in steps])

    return in_buckets.map_asset_specs(lambda made: spec.replace_attributes(deps=made.deps))


def _transcribe(name: str, bucket: Bucket, upstream: list[str]) -> dg.OpDefinition:
    @_bucket_op(name, bucket, upstream)
    @fail_fast
    def transcribe_bucket(
        context: dg.OpExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        transcriber: dg.ResourceParam[Transcriber],
        state: dg.ResourceParam[StateFolder],
        scope: dg.ResourceParam[Scope],
    ) -> None:
        scope = scope.resolved(warehouse)
        transcribe(
            warehouse,
            transcriber,
            state.temporary,
            context.log.info,
            paths=scope.values("RELATIVE_PATH"),
            retry_failed=scope.again,
            bucket=bucket,
        )

    return transcribe_bucket


@dg.op(
    ins={"buckets": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    pool="call_transcripts",
    retry_policy=RETRIES,
)
@fail_fast
def publish_transcripts(
    context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], scope: dg.ResourceParam[Scope]
) -> None:
    """Remove the transcripts of deleted calls."""
    scope = scope.resolved(warehouse)
    context.add_output_metadata(transcripts.publish_transcripts(context, warehouse, scope))


def _embed(name: str, bucket: Bucket, upstream: list[str]) -> dg.OpDefinition:
    @_bucket_op(name, bucket, upstream)
    @fail_fast
    def embed(
        context: dg.OpExecutionContext,
        warehouse: dg.ResourceParam[Warehouse],
        embedder: dg.ResourceParam[Embedder],
        vector_store: dg.ResourceParam[VectorStore],
        scope: dg.ResourceParam[Scope],
    ) -> None:
        target, column = _COLLECTIONS[name]
        part = scope.resolved(warehouse).where(column) if column else {}
        log = context.log.info
        figures = sync(target, warehouse, embedder, vector_store, log, part=part, bucket=bucket)
        context.add_output_metadata(embeddings.counted(figures))

    return embed


def _count(name: str) -> dg.OpDefinition:
    @dg.op(
        name=f"count_{name}",
        ins={"buckets": dg.In(dg.Nothing)},
        out=dg.Out(dg.Nothing),
        pool=name,
        retry_policy=RETRIES,
    )
    @fail_fast
    def count(
        context: dg.OpExecutionContext,
        embedder: dg.ResourceParam[Embedder],
        vector_store: dg.ResourceParam[VectorStore],
    ) -> None:
        """Report the size of the collection."""
        context.set_data_version(dg.AssetKey(name), dg.DataVersion(context.run_id))
        objects = vector_store.count(collection(_COLLECTIONS[name][0], embedder))
        figures = {"embedding_model": embedder.model, "dimensions": embedder.dimensions}
        context.add_output_metadata({"dagster/row_count": objects, **figures})

    return count


def _bucket_op(name: str, bucket: Bucket, upstream: list[str]) -> Callable[[Callable[..., None]], dg.OpDefinition]:
    return dg.op(
        name=f"{name}_{bucket.number + 1}_of_{bucket.of}",
        description="The new and changed contents of one bucket.",
        ins={input: dg.In(dg.Nothing) for input in upstream},
        out=dg.Out(dg.Nothing),
        pool=f"{name}_{bucket.number + 1}_of_{bucket.of}",
        retry_policy=RETRIES,
        tags=_WITH_A_MODEL,
    )
