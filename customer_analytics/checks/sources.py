"""What must hold of source tables, and what is worth knowing of them.

Rows that cannot be are rejected while a file is read. So these checks confirm what has been published; those that
fail block all that is computed from it. What comes from outside and is only unexpected, such as a payment method
that nobody has told of, warns.
"""

from collections.abc import Iterator

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks import afterwards
from customer_analytics.checks.audit import Audit, Inputs, among, identifying, keyed, restricted
from customer_analytics.ingestion.files import whole_files
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import TABLES, Reference, Table, sources
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_NAME = "every_line_is_loaded_or_rejected"
_AUDITED_BEFORE = (sources.STG_SUPPORT_CALLS, sources.STG_TWITTER_COMMENTS)
_KEYED = {table: keyed(table) for table in sources.TABLES if table not in _AUDITED_BEFORE}

SUPPORT_CALLS = keyed(sources.STG_SUPPORT_CALLS)


def _known(table: Table, reference: Reference) -> Audit:
    """The audit that a reference leads somewhere; null leads nowhere."""
    column, there = reference.column, reference.table

    def violations(rows: DataFrame, inputs: Inputs) -> DataFrame:
        keys = inputs[there].filter(f.col(column).is_not_null()).select(column)
        return rows.filter(f.col(column).is_null() | ~among(column, keys)).select(identifying(table))

    description = f"Counts rows whose {column} is null or not in {there}."
    if reference.strangers:
        description += " They need not be: any number passes."
    return Audit(f"{column.removesuffix('_ID').lower()}s_are_known", description, violations, reference.strangers)


_NOTEWORTHY = {
    table: (*restricted(table), *(_known(table, reference) for reference in table.references))
    for table in sources.TABLES
}


@dg.multi_asset_check(
    specs=[
        *(
            dg.AssetCheckSpec(
                _NAME,
                asset=file.table.name.lower(),
                blocking=True,
                additional_deps=[STG_REJECTED_ROWS.name.lower()],
                description="Lines in the file = rows in the table + rows rejected.",
            )
            for file in whole_files()
        ),
        *afterwards.specs(_KEYED, blocking=True),
    ],
    can_subset=True,
)
def source_tables(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Reconcile each file's rows, and confirm keys and required columns."""
    yield from _reconciled(context, warehouse)
    yield from afterwards.evaluated(_KEYED, context, warehouse)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            audit.name,
            asset=table.name.lower(),
            additional_deps=sorted({reference.table.lower() for reference in table.references}),
            description=audit.description,
        )
        for table, audits in _NOTEWORTHY.items()
        for audit in audits
    ],
    can_subset=True,
)
def noteworthy(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Count values that nobody has told of, and references that lead nowhere."""
    referenced = {reference.table for table in _NOTEWORTHY for reference in table.references}
    for name in referenced:
        warehouse.ensure_table(TABLES[name])  # a run of some assets alone may be the first
    inputs = {name: warehouse.table(name) for name in referenced}
    yield from afterwards.evaluated(_NOTEWORTHY, context, warehouse, dg.AssetCheckSeverity.WARN, **inputs)


def _reconciled(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Count each file's rows where they are and compare with what the file held."""
    keys = {file: dg.AssetKey(file.table.name.lower()) for file in whole_files()}
    selected = [
        file for file, key in keys.items() if dg.AssetCheckKey(key, _NAME) in context.selected_asset_check_keys
    ]
    if not selected:
        return
    loaded = warehouse.counts([warehouse.table(file.table.name) for file in selected])
    by_source = warehouse.table(STG_REJECTED_ROWS.name).group_by("SOURCE").count().collect()
    rejected = {row["SOURCE"]: int(row["COUNT"]) for row in by_source}
    for file, rows in zip(selected, loaded, strict=True):
        event = context.instance.get_latest_materialization_event(keys[file])
        written = event.asset_materialization if event else None
        lines = int(written.metadata["lines_in"].value) if written else 0
        found = {"lines": lines, "loaded": rows, "rejected": rejected.get(file.name, 0)}
        yield dg.AssetCheckResult(
            passed=lines == found["loaded"] + found["rejected"],
            asset_key=keys[file],
            check_name=_NAME,
            metadata=found,
        )
