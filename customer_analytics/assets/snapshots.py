"""Vectors that the source brings along."""

from collections.abc import Sequence

import dagster as dg

from customer_analytics.ml.collections import NAMES, collection
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.source import Source
from customer_analytics.resources.state_folder import StateFolder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection
from customer_analytics.retries import RETRIES, at_once
from customer_analytics.snapshots import Snapshot, restore


@dg.asset(group_name="embeddings", kinds={"vector_store"}, pool="restored_vectors", retry_policy=RETRIES)
@at_once
def restored_vectors(
    context: dg.AssetExecutionContext,
    source: Source,
    embedder: Embedder,
    vector_store: VectorStore,
    state: StateFolder,
) -> dg.MaterializeResult[None]:
    """The collections as the source's `snapshot/` folder holds them, so that only what is new is embedded.

    Does nothing where there is no such folder, and where its snapshot has been restored before.
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
    """Whether the latest materialization was of this snapshot, and the store still holds its collections.

    Without this, objects whose rows have left the source would come back with every run and be removed again.
    """
    parts = snapshot.parts(collections)
    event = context.instance.get_latest_materialization_event(context.asset_key)
    written = event.asset_materialization.metadata if event and event.asset_materialization else {}
    if "snapshot" not in written or written["snapshot"].value != snapshot.digest:
        return False
    return all(vector_store.count(target) for _, target in parts)
