"""A small table, and ways to fill and read it."""

import datetime as dt

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import Column, SqlType, Table

STOCK = Table(
    "STOCK",
    "One row per toy; it's what the shelf holds.",
    (
        Column("TOY", SqlType.TEXT, "Name of the toy.", nullable=False),
        Column("PIECES", SqlType.INTEGER, "Pieces on the shelf."),
        Column("PRICE", SqlType.AMOUNT, "Price of a piece."),
        Column("SINCE", SqlType.DATE, "When it came."),
        Column("SEEN_AT", SqlType.TIMESTAMP, "When it was counted."),
    ),
    key=("TOY",),
)
DAY, MOMENT = dt.date(2020, 2, 29), dt.datetime(2020, 2, 29, 4, 30, 21, 123456)


def rows(*toys: tuple[str, int | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"TOY": t, "PIECES": n, "PRICE": None, "SINCE": DAY, "SEEN_AT": MOMENT} for t, n in toys],
        STOCK.arrow_schema,
    )


def staged(warehouse: Warehouse, *toys: tuple[str, int | None]) -> DataFrame:
    return warehouse.session().table(warehouse.scratch.stage(STOCK, rows(*toys)))


def contents(warehouse: Warehouse) -> dict[str, int | None]:
    return {row["TOY"]: row["PIECES"] for batch in warehouse.reads.rows(STOCK) for row in batch.to_pylist()}
