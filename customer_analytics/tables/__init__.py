"""Declarations of all tables: grain, columns, types, keys. DDL, comments, UI metadata and docs come from them."""

from customer_analytics.tables import customers, presentation, reporting_day, sentiment, sources
from customer_analytics.tables.model import Column, Reference, SqlType, Table, identifier, natural_order

__all__ = ["TABLES", "Column", "Reference", "SqlType", "Table", "identifier", "natural_order", "table"]

TABLES: dict[str, Table] = {
    table.name: table
    for tables in (sources, reporting_day, customers, sentiment, presentation)
    for table in tables.TABLES
}


def table(asset_key: str) -> Table:
    """The table that an asset of this (lower-case) name writes."""
    return TABLES[asset_key.upper()]
