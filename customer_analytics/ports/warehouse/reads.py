"""Reads of whole tables and of Snowpark DataFrames."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ports.warehouse.connections import Connections
from customer_analytics.tables import Table


class Reads:
    """What a warehouse returns besides the rows of a query."""

    def __init__(self, warehouse: Connections) -> None:
        self._warehouse = warehouse

    def rows(self, table: Table, selected: DataFrame | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a table, or a selection of them, as Arrow batches of the declared types.

        Only a few batches are in memory at a time.
        """
        schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema])
        rows = self._warehouse.table(table.name) if selected is None else selected
        for part in rows.to_arrow_batches():
            yield from part.select(table.column_names).cast(schema).to_batches()

    def counts(self, frames: Sequence[DataFrame]) -> list[int]:
        """The number of rows of each frame, in one statement."""
        if not frames:
            return []
        # Snowpark's union would query the columns of each frame first, one statement each.
        counts = ", ".join(f"(SELECT COUNT(*) FROM ({frame.queries['queries'][-1]}))" for frame in frames)
        (row,) = self._warehouse.session().sql(f"SELECT {counts}").collect()
        return [int(count) for count in row]
