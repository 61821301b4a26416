"""Call audio in its stage, and the table of calls."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.table_assets import table_asset
from customer_analytics.checks.audit_checks import audit
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.call_loading import (
    next_calls,
    record_rejections,
    require_acceptable,
    warn_of_calls,
)
from customer_analytics.ingestion.call_staging import CallListing, CallStage, list_calls
from customer_analytics.ingestion.calls import calls_of_rows
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.retries import may_pass
from customer_analytics.scope import Scope
from customer_analytics.tables.sources import STG_SUPPORT_CALLS
from customer_analytics.temporary import StateFolder

CALL_AUDIO = dg.DynamicPartitionsDefinition(name="call_audio")

# External, because Dagster cannot select a partitioned asset together with unpartitioned ones.
call_audio = dg.AssetSpec(
    "call_audio",
    partitions_def=CALL_AUDIO,
    group_name="sources",
    kinds={"file"},
    description="One partition per recording of a support call, named by its SHA-256; a sensor adds them.",
)


@table_asset(
    "sources",
    kinds={"warehouse"},
    part_by="RELATIVE_PATH",
    deps=[warehouse_objects, dg.AssetDep(call_audio, partition_mapping=dg.AllPartitionMapping())],
)
def stg_support_calls(
    context: dg.AssetExecutionContext,
    source: dg.ResourceParam[Source],
    warehouse: dg.ResourceParam[Warehouse],
    state: dg.ResourceParam[StateFolder],
    scope: dg.ResourceParam[Scope],
) -> Iterator[Any]:
    """New and changed calls are hashed and staged. A call that cannot be read has line 0 in STG_REJECTED_ROWS."""
    warehouse.writes.ensure_table(STG_SUPPORT_CALLS)
    scope = scope.resolved(warehouse)
    paths, customers = scope.values("RELATIVE_PATH"), scope.values("CUSTOMER_ID")
    rows = scope.part(warehouse.table(STG_SUPPORT_CALLS.name), "RELATIVE_PATH")
    known = calls_of_rows(warehouse.reads.rows(STG_SUPPORT_CALLS, rows))
    erased = ErasedKeys.recorded(warehouse)
    stage = CallStage(warehouse, state.temporary, context.log.info)
    try:
        listing = list_calls(
            source.location(),
            known,
            paths,
            date_pattern=source.call_date_pattern,
            time_zone=source.time_zone,
            leaving_out=erased.calls,
            stage=stage,
        )
        require_acceptable(source, listing, known)
    except SourceError as error:
        # Without the error as its cause, which may hold values of the manifest.
        raise dg.Failure(error.without_values, allow_retries=may_pass(error)) from None
    stage.refresh()
    manifest = listing.manifest.file and erased.left_out(listing.manifest.file)
    warn_of_calls(context.log, listing, manifest)
    record_rejections(warehouse, listing, manifest, paths)
    calls = STG_SUPPORT_CALLS.rows(next_calls(listing, known, customers, context.log))
    staged = warehouse.session().table(warehouse.scratch.stage(STG_SUPPORT_CALLS, calls))
    yield from audit(STG_SUPPORT_CALLS, staged, warehouse)
    yield dg.Output(staged, metadata=_metadata(listing, manifest))


def _metadata(listing: CallListing, manifest: LoadedFile | None) -> dict[str, Any]:
    counted = {
        "calls_without_date": sum(call.called_at is None for call in listing.calls),
        "calls_without_customer": sum(call.customer_id is None for call in listing.calls),
    }
    if manifest is None:
        return counted
    return counted | {
        "manifest": manifest.name,
        "manifest_lines": manifest.lines_in,
        "manifest_rows_rejected": manifest.rejected.num_rows,
        "manifest_rows_without_call": len(listing.manifest.strays),
    }
