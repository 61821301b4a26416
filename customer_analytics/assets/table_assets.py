"""Assets that are tables, as Dagster sees them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.checks.audit_checks import pre_publish_specs
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.io_manager import PART_BY, WRITE_MODE, WriteMode, column_schema, table_metadata
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.tables import Table, table


def table_asset(
    group: str,
    kinds: set[str] = frozenset({"snowpark", "warehouse"}),  # type: ignore[assignment]
    write_mode: WriteMode = "replace",
    part_by: str | None = None,
    automation_condition: dg.AutomationCondition[Any] | None = None,
    deps: Sequence[dg.AssetsDefinition | dg.AssetDep] = (),
    lineage: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` for a function with the name of the table that it writes.

    The asset has the table's description, columns and audits. A kind that names a resource is replaced by the kind
    of its adapter; see `resources.adapters.as_deployed`. With `part_by`, a run with a scope reads and writes the
    rows with the scope's values of this column only. A pool with the table's name serializes runs that write it.
    """

    def decorate(function: Callable[..., Any]) -> dg.AssetsDefinition:
        target = table(function.__name__)
        inputs = [name for name, p in inspect.signature(function).parameters.items() if p.annotation is DataFrame]
        part = {PART_BY: part_by} if part_by else {}
        return dg.asset(
            group_name=group,
            kinds=kinds | {"table"},
            description=target.description,
            metadata=_columns(target) | {WRITE_MODE: write_mode, **part, **lineage},
            ins={name: dg.AssetIn(metadata=part) for name in inputs},
            deps=deps,
            pool=function.__name__,
            retry_policy=RETRIES,
            automation_condition=automation_condition,
            check_specs=pre_publish_specs(target),
        )(fail_fast(function))

    return decorate


def table_out(
    target: Table,
    *,
    group: str = "sources",
    is_required: bool = True,
    automation_condition: dg.AutomationCondition[Any] | None = None,
) -> dg.AssetOut:
    """One of several tables that an asset function writes."""
    return dg.AssetOut(
        is_required=is_required,
        group_name=group,
        kinds={"warehouse", "table"},
        description=target.description,
        metadata=_columns(target),
        automation_condition=automation_condition,
    )


def written(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, target: Table, warehouse: Warehouse
) -> dict[str, Any]:
    """Metadata of a table that was written without the IO manager; the write is a new version of the data."""
    context.set_data_version(dg.AssetKey(target.name.lower()), dg.DataVersion(context.run_id))
    return table_metadata(warehouse, target, warehouse.table(target.name).count())


def _columns(target: Table) -> dict[str, Any]:
    return {"dagster/column_schema": column_schema(target)}
