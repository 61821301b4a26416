"""What keeps the stores small and fast."""

import dagster as dg

from customer_analytics.ml.collections import NAMES, collection
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.base import VectorStore


@dg.op
def maintain_collections(context: dg.OpExecutionContext, embedder: Embedder, vector_store: VectorStore) -> None:
    """Compact and index each collection; runs about a few new rows leave that to this one."""
    for name in NAMES:
        vector_store.maintain(collection(name, embedder))
        context.log.info(f"{name} is maintained")


@dg.job(description="Compacts and indexes the collections of vectors.")
def maintenance() -> None:
    """See `maintain_collections`."""
    maintain_collections()
