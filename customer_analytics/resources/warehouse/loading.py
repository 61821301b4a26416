"""Bulk loads: Arrow to a Parquet file, PUT to a stage, COPY into a table."""

import tempfile
import uuid
from collections.abc import Iterable
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from snowflake.connector import SnowflakeConnection

from customer_analytics.resources.warehouse.names import quoted
from customer_analytics.tables import Table

_ROWS_IN_MEMORY = 64 * 1024


def load(
    connection: SnowflakeConnection,
    target: str,
    stage: str,
    table: Table,
    rows: pa.Table | Iterable[pa.RecordBatch],
) -> None:
    """Create a table and load rows into it.

    Args:
        connection: An open connection with autocommit.
        target: Qualified and quoted name of the table to create, without comments and keys.
        stage: Qualified and quoted name of the stage that the file passes through.
        table: Columns of the table; rows are cast to its Arrow schema.
        rows: A table, or batches of which only one is held at a time.
    """
    columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in table.columns)
    cursor = connection.cursor()
    cursor.execute(f"CREATE TRANSIENT TABLE {target} ({columns})")
    with tempfile.TemporaryFile() as file:
        if _write(file, table, rows) == 0:
            return
        file.seek(0)
        # The file name is ours: PUT takes no bind parameters.
        name = f"{uuid.uuid4().hex}.parquet"
        cursor.execute(f"PUT 'file://{name}' '@{stage}' AUTO_COMPRESS = FALSE", file_stream=file)
    cursor.execute(
        f"COPY INTO {target} FROM '@{stage}/{name}' FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )


def _write(file: IO[bytes], table: Table, rows: pa.Table | Iterable[pa.RecordBatch]) -> int:
    schema = pa.schema([field.with_nullable(True) for field in table.arrow_schema])
    batches = rows.to_batches(max_chunksize=_ROWS_IN_MEMORY) if isinstance(rows, pa.Table) else rows
    written = 0
    with pq.ParquetWriter(file, schema, compression="snappy") as writer:
        for batch in batches:
            writer.write_table(pa.Table.from_batches([batch]).select(table.column_names).cast(schema))
            written += batch.num_rows
    return written
