"""What keeps the stores small and fast."""

import dagster as dg
from pydantic import Field

from customer_analytics.ml.collections import of_all_models
from customer_analytics.ml.training import MODEL
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.registry.base import ModelRegistry
from customer_analytics.resources.vectors.base import VectorStore


class ModelHistory(dg.Config):
    """How much of the past to keep."""

    versions: int = Field(default=20, ge=1, description="Versions of the classifier to keep, the latest ones.")


@dg.op
def maintain_collections(context: dg.OpExecutionContext, embedder: Embedder, vector_store: VectorStore) -> None:
    """Compact and index each collection; runs about a few new rows leave that to this one."""
    for held in of_all_models(vector_store, embedder):
        vector_store.maintain(held)
        context.log.info(f"{held.physical_name} is maintained")


@dg.op
def remove_old_versions(context: dg.OpExecutionContext, config: ModelHistory, registry: ModelRegistry) -> None:
    """Remove all but the latest versions of the classifier; the default one stays in any case."""
    registry.ensure()
    default = registry.default(MODEL)
    names = [version.version for version in registry.versions(MODEL)]
    for name in names[: -config.versions]:
        if default is None or name != default.version:
            registry.remove(MODEL, name)
            context.log.info(f"{MODEL} {name} is removed")


@dg.job(description="Compacts and indexes the collections of vectors, and removes old versions of the classifier.")
def maintenance() -> None:
    """See `maintain_collections` and `remove_old_versions`."""
    maintain_collections()
    remove_old_versions()
