"""Results in the shape of Snowflake's protocol: column descriptions and Arrow streams."""

import json
import re
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.rowtype import duckdb_to_sf_type

from customer_analytics.embedded_snowflake.budgets import Budget, too_much, trim
from customer_analytics.embedded_snowflake.errors import from_arrow_stream, unsupported
from customer_analytics.embedded_snowflake.limits import MEGABYTE

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
_DML = frozenset({INSERT, UPDATE, DELETE, MERGE})

_TYPES = {
    **duckdb_to_sf_type,
    "TINYINT": "fixed",
    "SMALLINT": "fixed",
    "UTINYINT": "fixed",
    "USMALLINT": "fixed",
    "UINTEGER": "fixed",
    "UHUGEINT": "fixed",
    "FLOAT": "real",
    "UUID": "text",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIME_NS": "time",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")


@dataclass
class Result:
    """What a statement has given: rows, or the orders for a file transfer, and how many rows it touched."""

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
        """Bytes that the rows take."""
        return int(self.table.nbytes)

    def payload(self) -> dict[str, Any]:
        """The result's part of the response to the client, without the rows that `base64` gives."""
        if self.transfer is not None:
            return self.transfer
        payload: dict[str, Any] = {
            "rowtype": rowtype(self.table.column_names, self.types, self.not_null),
            "total": self.table.num_rows,
            "returned": self.table.num_rows,
            "statementTypeId": self.statement_type,
        }
        if self.statement_type in _DML:
            # The connector reads the counts of changed rows from JSON only.
            rows = zip(*(column.to_pylist() for column in self.table.columns), strict=True)
            return {**payload, "queryResultFormat": "json", "rowset": [[str(v) for v in row] for row in rows]}
        return {**payload, "queryResultFormat": "arrow", "rowsetBase64": ""}

    def base64(self, columns: list[dict[str, Any]]) -> Iterator[str]:
        """The rows as an Arrow stream in Base64, piece by piece, so that no second copy of them is made."""
        if not self.table.num_rows:
            return
        written = _Written()
        narrow = [_fits_64_bits(column) for column in self.table.columns]
        schema = to_snowflake_arrow(self.table.slice(0, 0), columns, narrow).schema
        with pa.ipc.new_stream(pa.PythonFile(written, mode="w"), schema) as writer:
            for batch in self.table.to_batches(max_chunksize=_BATCH_ROWS):
                writer.write_table(to_snowflake_arrow(pa.Table.from_batches([batch]), columns, narrow))
                yield written.base64(whole=False)
        yield written.base64(whole=True)


_BATCH_ROWS = 16_384


class _Written:
    """A file that gives what was written to it in Base64."""

    closed = False

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: Any) -> int:
        self._bytes += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def base64(self, whole: bool) -> str:
        """What was written since the last call; until it is whole, only as far as Base64 needs no filling."""
        length = len(self._bytes) if whole else len(self._bytes) // 3 * 3
        taken, self._bytes = self._bytes[:length], self._bytes[length:]
        return b64encode(taken).decode("ascii")


def read(relation: duckdb.DuckDBPyRelation, statement_type: int, most_bytes: int, budget: Budget) -> Result:
    """The rows of a query; raises SnowflakeError before they take more than `most_bytes`."""
    types = [str(kind) for kind in relation.types]
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    batches: list[pa.RecordBatch] = []
    taken = 0
    try:
        for batch in reader:
            budget.take(batch.nbytes)
            taken += batch.nbytes
            if taken > most_bytes:
                raise too_much(
                    f"The result is larger than {most_bytes // MEGABYTE} MB, the most that the endpoint returns; "
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
    return Result(pa.Table.from_batches(batches, reader.schema), types, statement_type)


def message(text: str, statement_type: int = DDL) -> Result:
    """The one-row result of a statement that gives no rows."""
    return Result(pa.table({"status": [text]}), ["VARCHAR"], statement_type)


def counts(statement_type: int, **numbers: int) -> Result:
    """The result of a change: numbers of rows by what happened to them."""
    columns = {f"number of {name.replace('_', ' ')}": [number] for name, number in numbers.items()}
    affected = sum(number for name, number in numbers.items() if "multi_joined" not in name)
    return Result(pa.table(columns), ["BIGINT"] * len(columns), statement_type, affected)


def rowtype(
    names: Sequence[str], types: Sequence[str], not_null: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    """Column descriptions as the protocol carries them."""
    return [_column(name, type_, name not in not_null) for name, type_ in zip(names, types, strict=True)]


def _column(name: str, duckdb_type: str, nullable: bool) -> dict[str, Any]:
    precision = scale = length = None
    if decimal := _DECIMAL.fullmatch(duckdb_type):
        kind, precision, scale = "fixed", int(decimal[1]), int(decimal[2])
    elif duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "MAP")):
        kind = "variant"
    elif (known := _TYPES.get(duckdb_type)) is not None:
        kind = known
        if kind == "fixed":
            precision, scale = 38, 0
        elif kind == "text":
            length = 16777216
        elif kind == "binary":
            length = 8388608
        elif kind.startswith("time"):
            precision, scale = 0, 9
    else:
        raise unsupported(f"a result column of DuckDB's type {duckdb_type} (column {name})")
    return {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": nullable,
        "type": kind,
        "byteLength": length,
        "length": length,
        "scale": scale,
        "precision": precision,
        "collation": None,
    }


def to_snowflake_arrow(table: pa.Table, columns: list[dict[str, Any]], narrow: list[bool]) -> pa.Table:
    """The table in the physical types that the connector expects, with its logical types as field metadata.

    Decimals become 64-bit integers in the columns that are `narrow`.
    """
    arrays, fields = [], []
    for name, column, info, is_narrow in zip(table.column_names, table.columns, columns, narrow, strict=True):
        array = _physical(column, is_narrow)
        metadata = {
            "logicalType": info["type"].upper(),
            "precision": str(info["precision"] or 38),
            "scale": str(info["scale"] or 0),
            "charLength": str(info["length"] or 0),
        }
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata=metadata))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _physical(column: pa.ChunkedArray, narrow: bool) -> pa.Array | pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _timestamp(column)
    if pa.types.is_time(kind):
        unit = 1 if kind.unit == "ns" else 1000
        return pc.multiply(column.cast(pa.int64()), unit)
    if pa.types.is_decimal128(kind):
        return _unscaled(column.combine_chunks()) if narrow else column
    if pa.types.is_uint64(kind):
        return column.cast(pa.int64(), safe=False)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_nested(kind):
        return pa.array(
            [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()], pa.string()
        )
    return column


def _timestamp(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    nanoseconds = array.cast(pa.timestamp("ns", tz=array.type.tz), safe=False) if array.type.unit != "us" else None
    units = array.cast(pa.int64()) if nanoseconds is None else nanoseconds.cast(pa.int64())
    per_second, to_nanoseconds = (1_000_000, 1000) if nanoseconds is None else (1_000_000_000, 1)
    values = units.fill_null(0).to_numpy(zero_copy_only=False)
    epoch, fraction = np.divmod(values, per_second)
    children = [pa.array(epoch), pa.array((fraction * to_nanoseconds).astype(np.int32))]
    names = ["epoch", "fraction"]
    if array.type.tz:
        # Minutes east of UTC, plus a day's 1440; the session's time zone is always UTC.
        children.append(pa.array(np.full(len(values), 1440, dtype=np.int32)))
        names.append("timezone")
    fields = [pa.field(name, child.type, nullable=False) for name, child in zip(names, children, strict=True)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())


def _fits_64_bits(column: pa.ChunkedArray) -> bool:
    """Whether all of a column's decimals fit, unscaled, as Snowflake sends them."""
    return pa.types.is_decimal128(column.type) and all(
        np.array_equal(np.where(null, 0, high), np.where(null, 0, low >> 63))
        for low, high, null in map(_words, column.chunks)
    )


def _unscaled(array: pa.Array) -> pa.Array:
    """Decimals as unscaled 64-bit integers."""
    low, _, null = _words(array)
    return pa.array(np.where(null, 0, low), type=pa.int64(), mask=null)


def _words(array: pa.Array) -> tuple[Any, Any, Any]:
    """The low and high 64 bits of decimals, and which of them are null."""
    words = np.frombuffer(array.buffers()[1], dtype=np.int64)[2 * array.offset : 2 * (array.offset + len(array))]
    return words[0::2], words[1::2], np.asarray(array.is_null())
