"""What has no source any more: found first, and removed only when somebody says so."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import dagster as dg
from pydantic import Field

from customer_analytics.assets.calls import CALL_AUDIO
from customer_analytics.automation.earlier_runs import earlier_runs
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.automation.new_calls import known_calls
from customer_analytics.ingestion.calls import concealed, list_audio, stage_name
from customer_analytics.ml.collections import other_models
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.source import Source
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import CALL_STAGE


@dataclass(frozen=True)
class Orphans:
    """What has no source any more.

    `calls` are relative paths whose file is gone: their rows, transcripts, vectors and predictions go with the
    next reconciliation. `stage_files` (names in CALL_STAGE) and `partitions` (of call_audio) belong to no call,
    `collections` (physical names) to embedding models that are no longer set.
    """

    calls: tuple[str, ...]
    stage_files: tuple[str, ...]
    partitions: tuple[str, ...]
    collections: tuple[str, ...]


def find(
    warehouse: Warehouse,
    source: Source,
    vector_store: VectorStore,
    embedder: Embedder,
    instance: dg.DagsterInstance,
) -> Orphans:
    """Look for them; what lies where something could not be read has a source."""
    known = known_calls(warehouse) or {}
    listing = list_audio(source.location())
    gone = [path for path in known if path not in listing.files and not concealed(path, listing.problems)]
    names = {stage_name(call.audio_hash, path) for path, call in known.items()}
    hashes = {call.audio_hash for call in known.values()}
    listed = warehouse.session().sql(f"LIST @{warehouse.name(CALL_STAGE)}").collect()
    staged = {PurePosixPath(row["name"]).name for row in listed}
    partitions = set(instance.get_dynamic_partitions(CALL_AUDIO.name or ""))
    return Orphans(
        calls=tuple(sorted(gone)),
        stage_files=tuple(sorted(staged - names)),
        partitions=tuple(sorted(partitions - hashes)),
        collections=tuple(sorted(other.physical_name for other in other_models(vector_store, embedder))),
    )


def clean(
    warehouse: Warehouse,
    source: Source,
    vector_store: VectorStore,
    embedder: Embedder,
    instance: dg.DagsterInstance,
    *,
    remove: bool,
) -> Orphans:
    """Find what has no source, and if wanted remove the stage files, partitions and collections among it.

    Raises:
        RuntimeError: A run about calls is going on, which may be adding what would be removed.
    """
    orphans = find(warehouse, source, vector_store, embedder, instance)
    if not remove:
        return orphans
    if earlier_runs(instance, calls_job.name, datetime.now(UTC)).is_going_on:
        raise RuntimeError("A run about calls is going on: clean when it has ended.")
    for name in orphans.stage_files:
        # Names in the stage are hashes with an extension: REMOVE takes no bind parameters.
        warehouse.session().sql(f"REMOVE '@{warehouse.name(CALL_STAGE)}/{name.replace(chr(39), '')}'").collect()
    for key in orphans.partitions:
        instance.delete_dynamic_partition(CALL_AUDIO.name or "", key)
    for other in other_models(vector_store, embedder):
        vector_store.drop(other)
    return orphans


class CleanConfig(dg.Config):
    """Whether anything is removed."""

    remove: bool = Field(default=False, description="Remove what is found; by default it is only listed.")


@dg.op
def clean_orphans(
    context: dg.OpExecutionContext,
    config: CleanConfig,
    warehouse: Warehouse,
    source: Source,
    vector_store: VectorStore,
    embedder: Embedder,
) -> None:
    """List what has no source any more, and remove it if so configured."""
    orphans = clean(warehouse, source, vector_store, embedder, context.instance, remove=config.remove)
    verb = "Removed" if config.remove else "Would remove"
    context.log.info(
        f"{verb} {len(orphans.stage_files)} files of the stage and {len(orphans.partitions)} partitions."
    )
    for name in orphans.collections:
        context.log.info(f"{verb} collection {name}: its embedding model is no longer set.")
    context.log.info(f"{len(orphans.calls)} calls are gone and leave their tables with the next reconciliation.")


@dg.job(description="Lists what has no source any more, and removes it with `remove: true`.")
def orphans() -> None:
    """See `clean_orphans`."""
    clean_orphans()
