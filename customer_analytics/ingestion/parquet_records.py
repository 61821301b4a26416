"""Parquet files read row by row, every column as the text of its values."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ingestion.faults import Fault, faults_where
from customer_analytics.ingestion.file_format import PARQUET
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import LONGEST_RAW, Records, column_positions
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.ingestion.typed_values import as_texts, names_things
from customer_analytics.tables import Column, Table

# A few kilobytes can hold billions of rows, of one value, which would not fit into memory.
_MOST_ROWS = 100_000_000


def read_parquet(file: str, content: bytes, table: Table, most: int | None = None) -> Records:
    """The rows of a Parquet file, or the first `most` of them.

    Its pages' checksums are verified where it has some. A row with bytes that are not UTF-8 is broken. The raw
    form of a row is JSON of the table's columns.

    Raises:
        SourceError: The file is empty or damaged, has more than 100 million rows, lacks a column, or has a column
            of a type that cannot be read as the table's.
    """
    if not content:
        raise SourceError(f"{file} is empty: it must be a Parquet file with {', '.join(table.column_names)}.")
    try:
        parquet = pq.ParquetFile(
            pa.BufferReader(content), page_checksum_verification=True, coerce_int96_timestamp_unit="us"
        )
        if parquet.metadata.num_rows > _MOST_ROWS:
            raise SourceError(f"{file} has more than {_MOST_ROWS:,} rows: split it.")
        names = parquet.schema_arrow.names
        positions, ignored = column_positions(file, names, table)
        columns = parquet.read(columns=[names[position] for position in positions.values()]).slice(0, most)
    # Damaged names are no UTF-8 either: UnicodeDecodeError is a ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shortened(" ".join(str(error).split()), 200)
        raise SourceError(f"{file} is no Parquet file, or a damaged one ({reason}): write it again.") from error
    read = {
        column: _as_texts(file, column, columns.column(names[positions[column.name]])) for column in table.columns
    }
    rows = pa.table({column.name: texts for column, (texts, _) in read.items()})
    broken = {
        int(row) + 1: f"{name} has bytes that are not UTF-8"
        for name in rows.column_names
        for row in _undecodable_rows(rows[name])
    }
    whole = np.setdiff1d(np.arange(rows.num_rows), np.array(list(broken), dtype=np.int64) - 1)
    texts = rows.take(whole) if broken else rows
    faults: list[Fault] = []
    for column, (_, no_id) in read.items():
        if no_id is not None:
            words = " is a fraction, or a number too large for its type to be an id"
            faults += faults_where(no_id.take(whole), f"{column.name} ", texts[column.name], words)
    return Records(
        texts=texts,
        lines=whole + 1,
        broken=broken,
        ignored_columns=ignored,
        raw=lambda lines: _raw(rows, lines),
        faults=tuple(faults),
        format=PARQUET,
        unread=parquet.metadata.num_rows - columns.num_rows,
    )


def _as_texts(
    file: str, column: Column, values: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    if column.identifier and not names_things(values.type):
        raise SourceError(f"{file} has {values.type} in {column.name}: write ids as text or as whole numbers.")
    try:
        return as_texts(column, values)
    except pa.ArrowException as error:
        raise SourceError(f"{file} has {values.type} in {column.name}: write plain values instead.") from error


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
