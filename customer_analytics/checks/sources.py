"""What must hold of source files."""

from collections.abc import Iterator

import dagster as dg

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
    keys = {file: dg.AssetKey(file.table.name.lower()) for file in SOURCE_FILES}
    selected = [
        file for file, key in keys.items() if dg.AssetCheckKey(key, _NAME) in context.selected_asset_check_keys
    ]
    counts = ", ".join(f"(SELECT COUNT(*) FROM {warehouse.name(file.table.name)})" for file in selected)  # noqa: S608
    session = warehouse.session()
    loaded = session.sql(f"SELECT {counts}").collect()[0]
    by_source = warehouse.table(STG_REJECTED_ROWS.name).group_by("SOURCE").count().collect()
    rejected = {row["SOURCE"]: int(row["COUNT"]) for row in by_source}
    for file, rows in zip(selected, loaded, strict=True):
        event = context.instance.get_latest_materialization_event(keys[file])
        written = event.asset_materialization if event else None
        lines = int(written.metadata["lines_in"].value) if written else 0
        found = {"lines": lines, "loaded": int(rows), "rejected": rejected.get(file.name, 0)}
        yield dg.AssetCheckResult(
            passed=lines == found["loaded"] + found["rejected"],
            asset_key=keys[file],
            check_name=_NAME,
            metadata=found,
        )
