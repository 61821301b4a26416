"""Parquet files read row by row, every column as the text of its values."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import LONGEST_RAW, Records, column_positions
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.tables import Table


def read_parquet(file: str, content: bytes, table: Table) -> Records:
    """The rows of a Parquet file; empty text is a value here, unlike null.

    A row with bytes that are not UTF-8 is broken. The raw form of a row is JSON of the table's columns.

    Raises:
        SourceError: The file is empty or damaged, lacks a column, or has nested values in one.
    """
    if not content:
        raise SourceError(f"{file} is empty: it must be a Parquet file with {', '.join(table.column_names)}.")
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        names = parquet.schema_arrow.names
        positions, ignored = column_positions(file, names, table)
        columns = parquet.read(columns=[names[position] for position in positions.values()])
    # Damaged names are no UTF-8 either: UnicodeDecodeError is a ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shortened(str(error), 200)
        raise SourceError(f"{file} is no Parquet file, or a damaged one ({reason}): write it again.") from error
    texts = {name: _as_text(file, name, columns.column(names[position])) for name, position in positions.items()}
    undecodable = {name: _undecodable_rows(column) for name, column in texts.items()}
    broken = {
        int(row) + 1: f"{name} has bytes that are not UTF-8" for name, rows in undecodable.items() for row in rows
    }
    whole = np.setdiff1d(np.arange(columns.num_rows), np.array(list(broken), dtype=np.int64) - 1)
    rows = pa.table(texts)
    return Records(
        texts=rows.take(whole) if broken else rows,
        lines=whole + 1,
        broken=broken,
        ignored_columns=ignored,
        raw=lambda lines: _raw(rows, lines),
    )


def _as_text(file: str, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        # Unsafe only in that bytes need not be UTF-8: these are found, and their rows refused, afterwards.
        return values.cast(pa.string(), safe=False)
    except pa.ArrowException as error:
        raise SourceError(f"{file} has {values.type} in {name}: write plain values instead.") from error


def _undecodable_rows(texts: pa.ChunkedArray) -> Sequence[int]:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        values = texts.cast(pa.binary()).to_pylist()
        return [row for row, value in enumerate(values) if value is not None and not _is_utf8(value)]
    return []


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _raw(rows: pa.Table, lines: Sequence[int]) -> list[str]:
    chosen = rows.take(np.array(lines, dtype=np.int64) - 1)
    plain = pa.table({name: pc.cast(chosen[name], pa.binary()) for name in chosen.column_names})
    return [
        shortened(json.dumps({k: _shown(v) for k, v in row.items()}, ensure_ascii=False), LONGEST_RAW)
        for row in plain.to_pylist()
    ]


def _shown(value: bytes | None) -> str | None:
    return None if value is None else readable(value.decode("utf-8", "surrogateescape"))
