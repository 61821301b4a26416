"""Data without a source file: listed, and removed on request."""

from dataclasses import dataclass

import dagster as dg
from pydantic import Field

from customer_analytics.assets.calls import CALL_AUDIO
from customer_analytics.automation.arrivals import earlier_runs
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.ingestion.call_loading import known_calls
from customer_analytics.ingestion.call_staging import staged_files
from customer_analytics.ingestion.calls import list_audio, may_exist, stage_name
from customer_analytics.ingestion.source import Source
from customer_analytics.ml.collections import other_models
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.sources import CALL_STAGE


@dataclass(frozen=True)
class Orphans:
    """Data without a source file.

    `calls` are relative paths of deleted recordings: the next reconciliation removes their rows, transcripts,
    vectors and predictions. `stage_files` (names in CALL_STAGE) and `partitions` (of call_audio) belong to no
    call, `collections` (physical names) to embedding models other than the configured one.
    """

    calls: tuple[str, ...]
    stage_files: tuple[str, ...]
    partitions: tuple[str, ...]
    collections: tuple[str, ...]


def clean(
    warehouse: Warehouse,
    source: Source,
    vector_store: VectorStore,
    embedder: Embedder,
    instance: dg.DagsterInstance,
    *,
    remove: bool,
) -> Orphans:
    """Find data without a source file, and with `remove` delete the stage files, partitions and collections.

    A call in a folder that cannot be read does not count as deleted.

    Raises:
        RuntimeError: A run of the job `calls` is in progress, which may be adding what would be removed.
    """
    known, listing = known_calls(warehouse) or {}, list_audio(source.location())
    deleted = [path for path in known if path not in listing.files and not may_exist(path, listing.problems)]
    staged = staged_files(warehouse) - {stage_name(call.audio_hash, path) for path, call in known.items()}
    partitions = set(instance.get_dynamic_partitions(str(CALL_AUDIO.name)))
    partitions -= {call.audio_hash for call in known.values()}
    others = other_models(vector_store, embedder)
    if remove:
        if earlier_runs(instance, calls_job.name).is_going_on:
            raise RuntimeError("A run of the job calls is in progress: try again when it has ended.")
        for name in staged:
            # Names in the stage are hashes with an extension: REMOVE takes no bind parameters.
            file = f"@{warehouse.name(CALL_STAGE)}/{name.replace(chr(39), '')}"
            warehouse.session().sql(f"REMOVE '{file}'").collect()
        for key in partitions:
            instance.delete_dynamic_partition(str(CALL_AUDIO.name), key)
        for other in others:
            vector_store.drop(other)
    collections = (other.physical_name for other in others)
    return Orphans(*(tuple(sorted(found)) for found in (deleted, staged, partitions, collections)))


class CleanConfig(dg.Config):
    """Whether anything is removed."""

    remove: bool = Field(default=False, description="Remove what is found; by default, list it only.")


@dg.op
def clean_orphans(
    context: dg.OpExecutionContext,
    config: CleanConfig,
    warehouse: dg.ResourceParam[Warehouse],
    source: dg.ResourceParam[Source],
    vector_store: dg.ResourceParam[VectorStore],
    embedder: dg.ResourceParam[Embedder],
) -> None:
    """List data without a source file, and remove it if so configured."""
    orphans = clean(warehouse, source, vector_store, embedder, context.instance, remove=config.remove)
    verb = "Removed" if config.remove else "Would remove"
    context.log.info(
        f"{verb} {len(orphans.stage_files)} files of the stage and {len(orphans.partitions)} partitions."
    )
    for name in orphans.collections:
        context.log.info(f"{verb} collection {name}: its embedding model is not the configured one.")
    context.log.info(
        f"{len(orphans.calls)} calls are deleted; the next reconciliation removes them from their tables."
    )


@dg.job(description="Lists data without a source file, and removes it with `remove: true`.")
def orphans() -> None:
    """See `clean_orphans`."""
    clean_orphans()
