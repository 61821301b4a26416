"""Results of statements: their rows as Arrow, and what kind of statement they are of."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from customer_analytics.embedded_snowflake.state.budgets import Budget, too_much, trim
from customer_analytics.embedded_snowflake.state.errors import from_arrow_stream
from customer_analytics.embedded_snowflake.state.limits import MEGABYTE

# Statement type numbers of Snowflake's protocol; the connector counts affected rows by them.
SELECT = 0x1000
INSERT = 0x3100
UPDATE = 0x3200
DELETE = 0x3300
MERGE = 0x3400
COPY = 0x3600
SESSION = 0x4000
TRANSACTION = 0x5000
DDL = 0x6000

BATCH_ROWS = 16_384


@dataclass
class Result:
    """What a statement returns: rows or orders for a file transfer, and the number of affected rows."""

    table: pa.Table
    types: Sequence[str]
    """DuckDB's type of each column."""
    statement_type: int
    affected: int | None = None
    not_null: frozenset[str] = frozenset()
    """Columns known never to be null."""
    transfer: dict[str, Any] | None = None
    """Orders to the connector to upload or download files, instead of rows."""

    @property
    def rows(self) -> int:
        """Rows affected by a change, else rows returned."""
        return self.table.num_rows if self.affected is None else self.affected

    @property
    def size(self) -> int:
        """Bytes of the rows in memory."""
        return int(self.table.nbytes)


def read(relation: duckdb.DuckDBPyRelation, max_bytes: int, budget: Budget) -> Result:
    """The rows of a query; raises SnowflakeError before they take more than `max_bytes`."""
    types = [str(kind) for kind in relation.types]
    reader = relation.to_arrow_reader(BATCH_ROWS)
    batches: list[pa.RecordBatch] = []
    taken = 0
    try:
        for batch in reader:
            budget.take(batch.nbytes)
            taken += batch.nbytes
            if taken > max_bytes:
                raise too_much(
                    f"The result is larger than {max_bytes // MEGABYTE} MB, the most that the endpoint returns; "
                    "select fewer rows or columns, aggregate, write it to a table, or raise "
                    "CUSTOMER_ANALYTICS_ENDPOINT_MAX_RESULT_MEGABYTES."
                )
            batches.append(batch)
    except OSError as error:
        raise from_arrow_stream(error) from error
    finally:
        budget.give_back(taken)
        reader.close()
        if sys.exception() is not None:
            batches.clear()
            trim()
    return Result(pa.Table.from_batches(batches, reader.schema), types, SELECT)


def tabular(rows: Sequence[tuple[object, ...]], statement_type: int, **columns: pa.DataType) -> Result:
    """A result of text and integer columns."""
    arrays = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(columns.values())]
    types = ["BIGINT" if kind == pa.int64() else "VARCHAR" for kind in columns.values()]
    return Result(pa.table(dict(zip(columns, arrays, strict=True))), types, statement_type)


def message(text: str, statement_type: int = DDL) -> Result:
    """The one-row result of a statement without rows."""
    return Result(pa.table({"status": [text]}), ["VARCHAR"], statement_type)


def counts(statement_type: int, **numbers: int) -> Result:
    """The result of a change: the number of rows by what was done to them."""
    columns = {f"number of {name.replace('_', ' ')}": [number] for name, number in numbers.items()}
    affected = sum(number for name, number in numbers.items() if "multi_joined" not in name)
    return Result(pa.table(columns), ["BIGINT"] * len(columns), statement_type, affected)
