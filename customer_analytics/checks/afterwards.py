"""Checks of tables that have been published."""

from collections.abc import Iterator, Mapping

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.checks.audit import Audit
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Table

Audits = Mapping[Table, tuple[Audit, ...]]


def specs(audits: Audits, *, blocking: bool) -> list[dg.AssetCheckSpec]:
    """The checks that audits of several tables are to Dagster."""
    return [
        dg.AssetCheckSpec(audit.name, asset=table.name.lower(), blocking=blocking, description=audit.description)
        for table, of_table in audits.items()
        for audit in of_table
    ]


def evaluated(
    audits: Audits,
    context: dg.AssetCheckExecutionContext | dg.AssetExecutionContext,
    warehouse: Warehouse,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    **inputs: DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """The results of those audits whose checks are selected, found in one statement."""
    selected = [
        (table, audit)
        for table, of_table in audits.items()
        for audit in of_table
        if dg.AssetCheckKey(dg.AssetKey(table.name.lower()), audit.name) in context.selected_asset_check_keys
    ]
    published = {table: warehouse.table(table.name) for table, _ in selected}
    violating = [audit.violations(published[table], inputs) for table, audit in selected]
    for (table, audit), count, rows in zip(selected, warehouse.counts(violating), violating, strict=True):
        yield audit.result(table, count, rows, severity)
