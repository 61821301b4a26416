"""Results as the connector reads them: column descriptions in JSON, and rows as Arrow streams."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.rowtype import duckdb_to_sf_type

from customer_analytics.embedded_snowflake.state import results
from customer_analytics.embedded_snowflake.state.errors import unsupported
from customer_analytics.embedded_snowflake.state.results import Result

_CHANGES = (results.INSERT, results.UPDATE, results.DELETE, results.MERGE)
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


def payload(result: Result) -> dict[str, Any]:
    """The result in the protocol's JSON, without the rows that `base64` returns."""
    if result.transfer is not None:
        return result.transfer
    described: dict[str, Any] = {
        "rowtype": [
            _column(name, kind, name not in result.not_null)
            for name, kind in zip(result.table.column_names, result.types, strict=True)
        ],
        "total": result.table.num_rows,
        "returned": result.table.num_rows,
        "statementTypeId": result.statement_type,
    }
    if result.statement_type in _CHANGES:
        # The connector reads the counts of changed rows from JSON only.
        rows = zip(*(column.to_pylist() for column in result.table.columns), strict=True)
        return {**described, "queryResultFormat": "json", "rowset": [[str(v) for v in row] for row in rows]}
    return {**described, "queryResultFormat": "arrow", "rowsetBase64": ""}


def base64(result: Result, columns: list[dict[str, Any]]) -> Iterator[str]:
    """The rows as an Arrow stream in Base64, in pieces, so that they are never copied as a whole."""
    if not result.table.num_rows:
        return
    written = _Base64File()
    narrow = [_fits_64_bits(column) for column in result.table.columns]
    schema = _to_snowflake_arrow(result.table.slice(0, 0), columns, narrow).schema
    with pa.ipc.new_stream(pa.PythonFile(written, mode="w"), schema) as writer:
        for batch in result.table.to_batches(max_chunksize=results.BATCH_ROWS):
            writer.write_table(_to_snowflake_arrow(pa.Table.from_batches([batch]), columns, narrow))
            yield written.base64(complete=False)
    yield written.base64(complete=True)


class _Base64File:
    """A file whose contents are read as Base64 while it is written."""

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

    def base64(self, complete: bool) -> str:
        """What was written since the last call; only whole groups of three bytes, until the file is complete."""
        length = len(self._bytes) if complete else len(self._bytes) // 3 * 3
        taken, self._bytes = self._bytes[:length], self._bytes[length:]
        return b64encode(taken).decode("ascii")


_SIZES: dict[str, tuple[int | None, int | None, int | None]] = {
    "fixed": (38, 0, None),
    "text": (None, None, 16777216),
    "binary": (None, None, 8388608),
    **dict.fromkeys(("time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz"), (0, 9, None)),
}
"""Precision, scale and length by type."""


def _column(name: str, duckdb_type: str, nullable: bool) -> dict[str, Any]:
    kind = _TYPES.get(duckdb_type)
    precision, scale, length = _SIZES.get(kind or "", (None, None, None))
    if decimal := _DECIMAL.fullmatch(duckdb_type):
        kind, precision, scale = "fixed", int(decimal[1]), int(decimal[2])
    elif duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "MAP")):
        kind = "variant"
    elif kind is None:
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


def _to_snowflake_arrow(table: pa.Table, columns: list[dict[str, Any]], narrow: list[bool]) -> pa.Table:
    """The table in the physical types that the connector expects, with logical types as field metadata.

    Decimals become 64-bit integers in `narrow` columns.
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
