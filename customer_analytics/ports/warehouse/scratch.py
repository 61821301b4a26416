"""Temporary tables: one schema per run, dropped as a whole when the run ends; bulk loads into them."""

import datetime as dt
import re
import tempfile
import uuid
from collections.abc import Iterable
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import DataFrame

from customer_analytics.ports.warehouse.connections import NOT_FOUND, Connections
from customer_analytics.ports.warehouse.names import quoted, run_schema
from customer_analytics.tables import Table

_ROWS_IN_MEMORY = 64 * 1024
_RUN_SCHEMA = re.compile("RUN_[0-9A-F]{32}")


class Scratch:
    """The scratch schema of a warehouse's run, created at the first use in this process."""

    def __init__(self, warehouse: Connections) -> None:
        self._warehouse = warehouse
        self._stage: str | None = None

    def stage(self, table: Table, rows: pa.Table | Iterable[pa.RecordBatch]) -> str:
        """Load rows into a new scratch table; its qualified name. Safe to call from threads."""
        target = self._new_name(table)
        with self._warehouse.connection() as connection:
            _load(connection, target, self._ensure(connection), table, rows)
        return target

    def write(self, table: Table, rows: DataFrame) -> DataFrame:
        """Write rows to a new scratch table; that table."""
        target = self._new_name(table)
        if self._stage is None:
            with self._warehouse.connection() as connection:
                self._ensure(connection)
        # The overloads of Snowpark 1.56 lack table_exists, which saves a request.
        rows.write.save_as_table(target, table_type="transient", table_exists=False)  # type: ignore[call-overload]
        return rows.session.table(target)

    def drop(self, run_id: str) -> None:
        """Drop the scratch schema of a run with everything in it."""
        if run_id == self._warehouse.run_id:
            self.forget()
        with self._warehouse.connection() as connection:
            schema = quoted(self._warehouse.database, run_schema(run_id))
            connection.cursor().execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def runs(self) -> dict[str, dt.datetime]:
        """The runs that have a scratch schema, by id, and when it was created; empty without a database."""
        with self._warehouse.connection() as connection:
            cursor = connection.cursor()
            try:
                cursor.execute(f"SHOW SCHEMAS LIKE 'RUN%' IN DATABASE {quoted(self._warehouse.database)}")
            except ProgrammingError as error:
                if error.errno not in NOT_FOUND:
                    raise
                return {}
            created = {str(row[1]): row[0] for row in cursor.fetchall()}
        return {str(uuid.UUID(name[4:])): created[name] for name in sorted(created) if _RUN_SCHEMA.fullmatch(name)}

    def forget(self) -> None:
        """Create the schema again at the next use."""
        self._stage = None

    def _ensure(self, connection: SnowflakeConnection) -> str:
        """Create the run's schema and its stage if they do not exist; the stage's qualified name."""
        if self._stage is None:
            database, schema = self._warehouse.database, run_schema(self._warehouse.run_id)
            stage = quoted(database, schema, "FILES")
            cursor = connection.cursor()
            cursor.execute(f"CREATE TRANSIENT SCHEMA IF NOT EXISTS {quoted(database, schema)}")
            cursor.execute(f"CREATE STAGE IF NOT EXISTS {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
            self._stage = stage
        return self._stage

    def _new_name(self, table: Table) -> str:
        schema = run_schema(self._warehouse.run_id)
        return quoted(self._warehouse.database, schema, f"{table.name}_{uuid.uuid4().hex.upper()}")


def _load(
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
        rows: A table, or batches, of which only one is in memory at a time.
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
