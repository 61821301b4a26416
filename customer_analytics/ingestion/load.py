"""A source file turned into typed rows and rejected rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.csv_records import read_csv
from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.parquet_records import read_parquet
from customer_analytics.ingestion.records import Records
from customer_analytics.ingestion.rules import RowRule
from customer_analytics.ingestion.text_columns import quoted, read_column
from customer_analytics.tables import Table
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_READERS = {".csv": read_csv, ".parquet": read_parquet}


@dataclass(frozen=True)
class LoadedFile:
    """What a source file holds.

    `rows` has the schema of `table`, `rejected` that of STG_REJECTED_ROWS, each in the order of the file;
    `lines_in` counts the file's records, without header and empty lines, and always equals the two together.
    `ignored_columns` are the file's columns that the table does not have, `content_hash` is SHA-256 in
    hexadecimal. The same content always gives the same result.
    """

    name: str
    table: Table
    rows: pa.Table
    rejected: pa.Table
    lines_in: int
    ignored_columns: tuple[str, ...]
    content_hash: str


def load_file(location: SourceLocation, source: SourceFile) -> LoadedFile:
    """The rows of a source file; raises `SourceError` if it is missing or cannot be read as a whole."""
    return parse_file(source, location.read(source.name))


def parse_file(source: SourceFile, content: bytes) -> LoadedFile:
    """The rows of a source file with this content.

    A row is rejected, with all its reasons, if it has not the shape of a row, if a value is missing or cannot be
    read, or if it breaks a rule; and of the rows left, if its key is that of an earlier one.

    Raises:
        SourceError: The file cannot be read as a whole.
    """
    extension = source.name[source.name.rfind(".") :].lower()
    if extension not in _READERS:
        raise SourceError(f"{source.name} can be read neither as .csv nor as .parquet: declare one of these.")
    record, content_hash = source.record, hashlib.sha256(content).hexdigest()
    records = _READERS[extension](source.name, content, record)
    typed, reasons = _typed(records, record, source.rules)
    good = np.asarray(pc.is_null(reasons))
    rows, lines = typed.filter(good), records.lines[good]
    rejected = records.broken | _by_line(records.lines[~good], reasons.filter(~good).to_pylist())
    if record.key:
        first = _first_occurrences(rows, record.key)
        repeated = first != np.arange(rows.num_rows)
        rejected |= _by_line(
            lines[repeated], _repetitions(rows.select(record.key).filter(repeated), lines[first[repeated]])
        )
        rows, lines = rows.filter(~repeated), lines[~repeated]
    origin = {"CONTENT_HASH": [content_hash] * rows.num_rows, "LINE": lines}
    columns = origin | {name: rows[name] for name in rows.column_names}
    return LoadedFile(
        name=source.name,
        table=source.table,
        rows=pa.table([columns[name] for name in source.table.column_names], schema=source.table.arrow_schema),
        rejected=_rejected(source.name, dict(sorted(rejected.items())), records),
        lines_in=records.texts.num_rows + len(records.broken),
        ignored_columns=records.ignored_columns,
        content_hash=content_hash,
    )


def _typed(records: Records, table: Table, rules: Sequence[RowRule]) -> tuple[pa.Table, pa.ChunkedArray]:
    """The records as typed columns, and each one's reasons to be rejected, joined; null where there is none."""
    columns = {column.name: read_column(column, records.texts[column.name]) for column in table.columns}
    typed = pa.table({name: values for name, (values, _) in columns.items()})
    reasons = [reason for _, reason in columns.values()] + [rule(typed) for rule in rules]
    joined = pa.chunked_array([pa.nulls(typed.num_rows, pa.string())])
    for reason in (reason for reason in reasons if reason is not None):
        joined = pc.coalesce(pc.binary_join_element_wise(joined, reason, "; "), joined, reason)
    return typed, joined


def _by_line(lines: npt.NDArray[np.int64], reasons: Sequence[str]) -> dict[int, str]:
    return dict(zip(lines.tolist(), reasons, strict=True))


def _first_occurrences(rows: pa.Table, key: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each row the position of the first row with the same key."""
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    for name in key:
        encoded = rows[name].combine_chunks().dictionary_encode()
        _, codes = np.unique(codes * len(encoded.dictionary) + encoded.indices.to_numpy(), return_inverse=True)
    _, first, group = np.unique(codes, return_index=True, return_inverse=True)
    return first[group]


def _repetitions(keys: pa.Table, first_lines: npt.NDArray[np.int64]) -> list[str]:
    shown = [
        ", ".join(f"{name} {value}" for name, value in key.items())
        for key in pa.table({name: quoted(keys[name]) for name in keys.column_names}).to_pylist()
    ]
    return [f"repeats {key} of line {line}" for key, line in zip(shown, first_lines.tolist(), strict=True)]


def _rejected(name: str, reasons: dict[int, str], records: Records) -> pa.Table:
    lines = list(reasons)
    return pa.table(
        [[name] * len(lines), lines, list(reasons.values()), records.raw(lines)],
        schema=STG_REJECTED_ROWS.arrow_schema,
    )
