"""Parquet files as columns of text."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from customer_analytics.ingestion.limits import FEWER_COLUMNS, LIMITS, Limits
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.parquet_pages import uncompressed_bytes
from customer_analytics.ingestion.records import (
    LONGEST_RAW,
    PARQUET,
    Records,
    column_positions,
    too_large,
    too_many_rejected,
)
from customer_analytics.ingestion.rules import Fault, faults_where
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.ingestion.typed_values import as_texts, is_text, names_things
from customer_analytics.tables import Column, Table

_BATCH_ROWS = 8_192

_Texts = tuple[pa.ChunkedArray, pa.ChunkedArray | None]
"""The result of `as_texts`."""


def read_parquet(
    file: str, content: bytes, table: Table, most: int | None = None, limits: Limits = LIMITS
) -> Records:
    """The rows of a Parquet file, or the first `most` of them.

    Page checksums are verified if there are any. A row with bytes that are not UTF-8 is malformed. The raw form
    of a row is JSON of the table's columns.

    Raises:
        SourceError: The file is empty or damaged, exceeds a limit, lacks a column, or has a column of another
        type.
    """
    if not content:
        raise SourceError(f"{file} is empty: it must be a Parquet file with {', '.join(table.column_names)}.")
    with _errors_named(file):
        parquet = _opened(content)
        rows_in_file, width = parquet.metadata.num_rows, parquet.metadata.num_columns
        if rows_in_file > limits.rows:
            raise SourceError(
                f"{file} has more than {limits.rows:,} rows: split it, or raise CUSTOMER_ANALYTICS_MAXIMUM_ROWS."
            )
        if width > limits.columns:
            raise SourceError(
                f"{file} has {width:,} columns, more than the {limits.columns:,} allowed: {FEWER_COLUMNS}."
            )
        names = parquet.schema_arrow.names
        positions, ignored = column_positions(file, names, table)
        read = _read(file, parquet, content, {c: names[positions[c.name]] for c in table.columns}, most, limits)
    rows = pa.table({column.name: texts for column, (texts, _) in read.items()})
    broken = {
        int(row) + 1: f"{name} has bytes that are not UTF-8"
        for name in rows.column_names
        for row in _undecodable_rows(rows[name])
    }
    if len(broken) > limits.rejected:
        raise too_many_rejected(file, limits.rejected)
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
        unread=rows_in_file - rows.num_rows,
    )


@contextmanager
def _errors_named(file: str) -> Iterator[None]:
    try:
        yield
    # Damaged names are not UTF-8 either: UnicodeDecodeError is a ValueError.
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = shortened(" ".join(str(error).split()), 200)
        raise SourceError(f"{file} is not a Parquet file, or is damaged ({reason}): write it again.") from error


def _opened(content: bytes, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(content),
        page_checksum_verification=True,
        coerce_int96_timestamp_unit="us",
        read_dictionary=list(dictionaries),
    )


def _read(
    file: str,
    parquet: pq.ParquetFile,
    content: bytes,
    columns: Mapping[Column, str],
    most: int | None,
    limits: Limits,
) -> dict[Column, _Texts]:
    """The columns as `as_texts` returns them, read batch by batch within the limit of a file."""
    schema = parquet.schema_arrow
    for column, name in columns.items():
        _check_type(file, column, schema.field(name).type)
    paths = [parquet.metadata.schema.column(leaf).path for leaf in range(parquet.metadata.num_columns)]
    leaves = [paths.index(name) for name in columns.values()]
    left = limits.file_bytes
    if uncompressed_bytes(content, leaves) > left:
        raise too_large(file, limits.file_bytes)
    # A dictionary value may occur in millions of rows, so its size is checked before it is expanded.
    texts = [name for name in columns.values() if is_text(schema.field(name).type)]
    read: dict[Column, list[_Texts]] = {column: [] for column in columns}
    batches = _opened(content, texts).iter_batches(_BATCH_ROWS, columns=list(columns.values()), use_threads=False)
    rows = 0
    while most is None or rows < most:
        batch = next(batches, None)
        if batch is None:
            break
        batch = batch.slice(0, None if most is None else most - rows)
        rows += batch.num_rows
        if left < sum(_expanded_bytes(batch[name]) for name in columns.values()):
            raise too_large(file, limits.file_bytes)
        for column, name in columns.items():
            read[column].append(_as_texts(file, column, pa.chunked_array([batch[name]])))
            left -= read[column][-1][0].nbytes
    return {column: _together(parts) for column, parts in read.items()}


def _check_type(file: str, column: Column, type_: pa.DataType) -> None:
    if column.identifier and not names_things(type_):
        raise SourceError(f"{file} has {type_} in {column.name}: write ids as text or as whole numbers.")
    if pa.types.is_nested(type_):
        raise SourceError(f"{file} has {type_} in {column.name}: write plain values instead.")


def _as_texts(file: str, column: Column, values: pa.ChunkedArray) -> _Texts:
    try:
        return as_texts(column, values)
    except pa.ArrowException as error:
        raise SourceError(f"{file} has {values.type} in {column.name}: write plain values instead.") from error


def _expanded_bytes(values: pa.Array) -> int:
    """Bytes of the values without dictionary encoding."""
    if not pa.types.is_dictionary(values.type) or not is_text(values.type.value_type):
        return int(values.nbytes)
    lengths = pc.binary_length(values.dictionary).cast(pa.int64())
    return pc.sum(lengths.take(values.indices)).as_py() or 0


def _together(parts: Sequence[_Texts]) -> _Texts:
    texts = pa.chunked_array([chunk for part, _ in parts for chunk in part.chunks], pa.string())
    no_id = [chunk for _, part in parts if part is not None for chunk in part.chunks]
    return texts, pa.chunked_array(no_id, pa.bool_()) if no_id else None


def _undecodable_rows(texts: pa.ChunkedArray) -> Sequence[int]:
    rows: list[int] = []
    begin = 0
    for chunk in texts.chunks:
        try:
            chunk.validate(full=True)
        except pa.ArrowInvalid:
            values = enumerate(chunk.cast(pa.binary()).to_pylist(), begin)
            rows += [row for row, value in values if value is not None and not _is_utf8(value)]
        begin += len(chunk)
    return rows


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
