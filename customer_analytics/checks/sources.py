"""What must hold of source files."""

from collections.abc import Iterator

import dagster as dg
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_NAME = "every_line_is_loaded_or_rejected"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            _NAME,
            asset=file.table.name.lower(),
            additional_deps=[STG_REJECTED_ROWS.name.lower()],
            description="Lines in the file = rows in the table + rows rejected.",
        )
        for file in SOURCE_FILES
    ],
    can_subset=True,
)
def reconciled(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Count each file's rows where they are and compare with what the file held."""
    for file in SOURCE_FILES:
        key = dg.AssetKey(file.table.name.lower())
        if dg.AssetCheckKey(key, _NAME) not in context.selected_asset_check_keys:
            continue
        event = context.instance.get_latest_materialization_event(key)
        written = event.asset_materialization if event else None
        lines = int(written.metadata["lines_in"].value) if written else 0
        loaded = warehouse.table(file.table.name).count()
        rejected = warehouse.table(STG_REJECTED_ROWS.name).filter(f.col("SOURCE") == f.lit(file.name)).count()
        yield dg.AssetCheckResult(
            passed=lines == loaded + rejected,
            asset_key=key,
            check_name=_NAME,
            metadata={"lines": lines, "loaded": loaded, "rejected": rejected},
        )
