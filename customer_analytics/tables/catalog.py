"""All tables by name."""

from customer_analytics.tables import customers, presentation, reporting, sentiment, sources
from customer_analytics.tables.model import Table

TABLES: dict[str, Table] = {
    table.name: table
    for tables in (sources, reporting, customers, sentiment, presentation)
    for table in tables.TABLES
}


def table(asset_key: str) -> Table:
    """The table that an asset of this (lower-case) name writes."""
    return TABLES[asset_key.upper()]
