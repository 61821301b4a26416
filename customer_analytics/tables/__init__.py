"""What every table means: grain, columns, types, keys; the source of DDL, comments, UI metadata and docs."""

from customer_analytics.tables.catalog import TABLES, table
from customer_analytics.tables.model import Column, Reference, SqlType, Table, identifier, natural_order

__all__ = ["TABLES", "Column", "Reference", "SqlType", "Table", "identifier", "natural_order", "table"]
