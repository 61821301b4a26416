"""What was said in support calls."""

from typing import Any

import dagster as dg

from customer_analytics.assets.calls import stg_support_calls
from customer_analytics.assets.table_assets import table_asset, written
from customer_analytics.ml.transcription import remove_transcripts_of_deleted_calls, transcribe
from customer_analytics.ports.speech.base import Transcriber
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources import lineage
from customer_analytics.scope import Scope
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.temporary import StateFolder


@table_asset(
    "transcripts",
    kinds={"transcriber", "warehouse"},
    write_mode="merge",
    part_by="RELATIVE_PATH",
    deps=[stg_support_calls],
    lineage=lineage.CALL_TRANSCRIPTS,
)
def call_transcripts(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    transcriber: dg.ResourceParam[Transcriber],
    state: dg.ResourceParam[StateFolder],
    scope: dg.ResourceParam[Scope],
) -> dg.MaterializeResult[None]:
    """New and changed calls are transcribed; transcripts of deleted calls are removed."""
    scope = scope.resolved(warehouse)
    paths = scope.values("RELATIVE_PATH")
    spent = transcribe(
        warehouse, transcriber, state.temporary, context.log.info, paths=paths, retry_failed=scope.again
    )
    return dg.MaterializeResult(metadata=spent | publish_transcripts(context, warehouse, scope))


def publish_transcripts(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, warehouse: Warehouse, scope: Scope
) -> dict[str, Any]:
    """Remove the transcripts of deleted calls, and describe the table."""
    deleted = remove_transcripts_of_deleted_calls(warehouse, scope.values("RELATIVE_PATH"))
    metadata = written(context, CALL_TRANSCRIPTS, warehouse) | lineage.CALL_TRANSCRIPTS
    context.log.info(f"{CALL_TRANSCRIPTS.name}: {metadata['dagster/row_count']:,} rows, {deleted:,} removed")
    return metadata
