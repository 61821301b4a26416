"""Column lineage as Dagster's metadata."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.lineage.query import UnknownLineageError, column_sources
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import TABLES

KEYS = ("dagster/column_lineage", "columns_come_from")
# The name of an asset, and of one of its columns.
AssetColumn = tuple[str, str]
_log = logging.getLogger(__name__)


def metadata(sources: Mapping[str, Iterable[AssetColumn]]) -> dict[str, Any]:
    """Lineage for Dagster's interfaces, and for people, since only Dagster+ draws it.

    Args:
        sources: The columns that each column is computed from.
    """
    ordered = {column: sorted(of) for column, of in sources.items()}
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(asset_key=asset, column_name=name) for asset, name in of]
                for column, of in ordered.items()
            }
        ),
        "columns_come_from": dg.MetadataValue.md(_as_text(ordered)),
    }


def of_query(rows: DataFrame, warehouse: Warehouse) -> dict[str, Any]:
    """The lineage of a query over the schema's tables, read from its SQL; none, with a warning, if unreadable."""
    assets = {warehouse.name(table.name): name.lower() for name, table in TABLES.items()}
    tables = {warehouse.name(table.name): table.column_names for table in TABLES.values()}
    try:
        found = column_sources(rows.queries["queries"][-1], tables)
    except UnknownLineageError as error:
        _log.warning("No column lineage: %s", error)
        return {}
    return metadata({column: [(assets[s.table], s.column) for s in of] for column, of in found.items()})


def _as_text(sources: Mapping[str, Iterable[AssetColumn]]) -> str:
    lines = ["| column | comes from |", "| --- | --- |"]
    for column, of in sources.items():
        lines.append(f"| {column} | {', '.join('.'.join(source) for source in of) or 'nowhere'} |")
    return "\n".join(lines)
