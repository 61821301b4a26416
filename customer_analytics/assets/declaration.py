"""How an asset that is a table says so to Dagster."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.checks.audit import Audit, audit_specs
from customer_analytics.resources.io_manager import PART_BY, WRITE_MODE, WriteMode, column_schema
from customer_analytics.retries import RETRIES, at_once
from customer_analytics.tables import Table, table


def table_asset(
    group: str,
    kinds: set[str] = frozenset({"snowpark", "warehouse"}),  # type: ignore[assignment]
    write_mode: WriteMode = "replace",
    part_by: str | None = None,
    automation_condition: dg.AutomationCondition[Any] | None = None,
    freshness_policy: dg.FreshnessPolicy | None = None,
    deps: Sequence[dg.AssetsDefinition | dg.AssetDep] = (),
    audits: Sequence[Audit] = (),
    lineage: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` for a function named for the table it writes, with the table's meaning and columns.

    A kind that is the name of a resource stands for the adapter behind it; see `deployment.as_deployed`.
    With `part_by`, the table can be written by parts: rows with a value of this column are made of upstream rows
    with the same value alone. Runs that write the same table take turns, by a pool of its name.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        target = table(function.__name__)
        inputs = [name for name, p in inspect.signature(function).parameters.items() if p.annotation is DataFrame]
        part = {PART_BY: part_by} if part_by else {}
        return dg.asset(
            group_name=group,
            kinds=kinds | {"table"},
            description=target.description,
            metadata=table_metadata(target) | {WRITE_MODE: write_mode, **part, **lineage},
            ins={name: dg.AssetIn(metadata=part) for name in inputs},
            deps=deps,
            pool=function.__name__,
            retry_policy=RETRIES,
            automation_condition=automation_condition,
            freshness_policy=freshness_policy,
            check_specs=audit_specs(function.__name__, audits),
        )(at_once(function))

    return declare


def table_out(
    target: Table,
    *,
    is_required: bool = True,
    automation_condition: dg.AutomationCondition[Any] | None = None,
) -> dg.AssetOut:
    """One of several tables that an asset function writes."""
    return dg.AssetOut(
        is_required=is_required,
        group_name="sources",
        kinds={"warehouse", "table"},
        description=target.description,
        metadata=table_metadata(target),
        automation_condition=automation_condition,
    )


def table_metadata(target: Table) -> dict[str, Any]:
    """What is known of a table before it is written."""
    return {"dagster/column_schema": column_schema(target)}
