"""The job that keeps the stores small and fast."""

import dagster as dg
from pydantic import Field

from customer_analytics.ml.collections import of_all_models
from customer_analytics.ml.training import MODEL
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.registry.base import ModelRegistry
from customer_analytics.ports.vectors.base import VectorStore


class ModelHistory(dg.Config):
    """How many versions to keep."""

    versions: int = Field(default=20, ge=1, description="Number of latest versions of the classifier to keep.")


@dg.op
def maintain_collections(
    context: dg.OpExecutionContext,
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
) -> None:
    """Compact and index each collection, which runs with a scope do not do."""
    for held in of_all_models(vector_store, embedder):
        vector_store.maintain(held)
        context.log.info(f"{held.physical_name} is maintained")


@dg.op
def remove_old_versions(
    context: dg.OpExecutionContext, config: ModelHistory, registry: dg.ResourceParam[ModelRegistry]
) -> None:
    """Remove all but the latest versions of the classifier, and keep the default version."""
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
