"""Vectors from a snapshot in the source folder."""

from collections.abc import Sequence

import dagster as dg

from customer_analytics.ingestion.source import Source
from customer_analytics.ml.collections import NAMES, collection
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.snapshots import Snapshot, restore
from customer_analytics.temporary import StateFolder


@dg.asset(group_name="embeddings", kinds={"vector_store"}, pool="restored_vectors", retry_policy=RETRIES)
@fail_fast
def restored_vectors(
    context: dg.AssetExecutionContext,
    source: dg.ResourceParam[Source],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
    state: dg.ResourceParam[StateFolder],
) -> dg.MaterializeResult[None]:
    """The collections from the source's `snapshot/` folder, so that only new texts are embedded.

    Does nothing without that folder, or if its snapshot has been restored before.
    """
    snapshot = Snapshot.find(source.location(), "snapshot")
    if snapshot is None:
        return dg.MaterializeResult(metadata={"restored": 0})
    collections = [collection(name, embedder) for name in NAMES]
    restored = 0
    if not _is_restored(context, snapshot, vector_store, collections):
        with state.temporary() as folder:
            parts = restore(snapshot, vector_store, collections, context.log.info, folder)
        restored = sum(part.restored for part in parts)
    return dg.MaterializeResult(metadata={"restored": restored, "snapshot": snapshot.digest})


def _is_restored(
    context: dg.AssetExecutionContext,
    snapshot: Snapshot,
    vector_store: VectorStore,
    collections: Sequence[Collection],
) -> bool:
    """Whether the latest materialization restored this snapshot, and the store still has its collections.

    Otherwise every run would restore objects whose rows have been deleted, and remove them again.
    """
    parts = snapshot.parts(collections)
    event = context.instance.get_latest_materialization_event(context.asset_key)
    written = event.asset_materialization.metadata if event and event.asset_materialization else {}
    if "snapshot" not in written or written["snapshot"].value != snapshot.digest:
        return False
    return all(vector_store.count(target) for _, target in parts)
