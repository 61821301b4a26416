"""Audits as Dagster's asset checks, before and after their table is published."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.publishing.audits import Audit, AuditResult, evaluate
from customer_analytics.publishing.table_audits import AUDITS
from customer_analytics.resources.lineage import of_query
from customer_analytics.tables import Table

AuditsByTable = Mapping[Table, Sequence[Audit]]
_ERROR = dg.AssetCheckSeverity.ERROR


def specs(audits: AuditsByTable, *, blocking: bool) -> list[dg.AssetCheckSpec]:
    """The checks of these audits."""
    return [
        dg.AssetCheckSpec(audit.name, asset=table.name.lower(), blocking=blocking, description=audit.description)
        for table, of_table in audits.items()
        for audit in of_table
    ]


def pre_publish_specs(table: Table) -> list[dg.AssetCheckSpec]:
    """The blocking checks of a table's new rows."""
    return specs({table: AUDITS.get(table, ())}, blocking=True)


def write_audit_publish(
    table: Table, rows: DataFrame, warehouse: Warehouse, **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult | dg.Output[DataFrame]]:
    """Write the rows of a transform to a scratch table, audit them, and output them with their query's lineage."""
    staged = warehouse.scratch.write(table, rows)
    yield from audit(table, staged, warehouse, **inputs)
    yield dg.Output(staged, metadata=of_query(rows, warehouse))


def audit(
    table: Table, staged: DataFrame, warehouse: Warehouse, **inputs: DataFrame
) -> Iterator[dg.AssetCheckResult]:
    """Audit a table's new rows, which are in a scratch table, in one statement.

    Raises:
        dagster.Failure: An audit failed; the table keeps its rows.
    """
    results = evaluate([(audit, table, staged) for audit in AUDITS[table]], warehouse, inputs)
    yield from (_check_result(result, _ERROR) for result in results)
    if failed := [f"{r.audit.name} ({r.rows_found:,} rows)" for r in results if not r.passed]:
        raise dg.Failure(
            f"{table.name} keeps its old rows, because the new ones violate {', '.join(failed)}.",
            allow_retries=False,
        )


def post_publish(
    audits: AuditsByTable,
    context: dg.AssetCheckExecutionContext | dg.AssetExecutionContext,
    warehouse: Warehouse,
    severity: dg.AssetCheckSeverity = _ERROR,
    **inputs: DataFrame,
) -> Iterator[dg.AssetCheckResult]:
    """The results of the selected checks on published tables, found in one statement."""
    tables = {table: warehouse.table(table.name) for table in audits}
    selected = [
        (audit, table, tables[table])
        for table, of_table in audits.items()
        for audit in of_table
        if dg.AssetCheckKey(dg.AssetKey(table.name.lower()), audit.name) in context.selected_asset_check_keys
    ]
    yield from (_check_result(result, severity) for result in evaluate(selected, warehouse, inputs))


def _check_result(result: AuditResult, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"rows_found": result.rows_found}
    if result.places:
        metadata["examples"] = dg.MetadataValue.json(list(result.places))
    return dg.AssetCheckResult(
        passed=result.passed,
        asset_key=result.table.name.lower(),
        check_name=result.audit.name,
        severity=severity,
        metadata=metadata,
        description=result.text,
    )
