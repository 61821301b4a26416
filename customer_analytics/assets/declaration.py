"""How an asset that is a table says so to Dagster."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import dagster as dg

from customer_analytics.checks.audit import Audit, audit_specs
from customer_analytics.resources.io_manager import WRITE_MODE, WriteMode, column_schema
from customer_analytics.tables import Table, table


def table_asset(
    group: str,
    kinds: set[str] = frozenset({"snowpark", "warehouse"}),  # type: ignore[assignment]
    write_mode: WriteMode = "replace",
    deps: Sequence[dg.AssetsDefinition] = (),
    audits: Sequence[Audit] = (),
    lineage: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """`dagster.asset` for a function named for the table it writes, with the table's meaning and columns.

    A kind that is the name of a resource stands for the adapter behind it; see `deployment.as_deployed`.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        target = table(function.__name__)
        return dg.asset(
            group_name=group,
            kinds=kinds | {"table"},
            description=target.description,
            metadata=table_metadata(target) | {WRITE_MODE: write_mode, **lineage},
            deps=deps,
            check_specs=audit_specs(function.__name__, audits),
        )(function)

    return declare


def table_metadata(target: Table) -> dict[str, Any]:
    """What is known of a table before it is written."""
    return {"dagster/column_schema": column_schema(target)}
