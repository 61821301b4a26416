"""All tables by name."""

from customer_analytics.tables import customers, presentation, sentiment, sources
from customer_analytics.tables.model import Table

TABLES: dict[str, Table] = {
    table.name: table for table in (*sources.TABLES, *customers.TABLES, *sentiment.TABLES, *presentation.TABLES)
}


def table(asset_key: str) -> Table:
    """The table that an asset of this (lower-case) name writes."""
    return TABLES[asset_key.upper()]
