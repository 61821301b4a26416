"""Loading a source file: typed rows, and rejected rows with their reasons."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ingestion.csv_records import read_csv
from customer_analytics.ingestion.files import SourceFile
from customer_analytics.ingestion.limits import LIMITS, Limits
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.parquet_records import read_parquet
from customer_analytics.ingestion.records import FileFormat, Records, too_many_rejected
from customer_analytics.ingestion.rules import Fault, unique
from customer_analytics.ingestion.text_columns import parse_column
from customer_analytics.tables import Table
from customer_analytics.tables.sources import STG_REJECTED_ROWS

_READERS: dict[str, Callable[..., Records]] = {".csv": read_csv, ".parquet": read_parquet}
# Parsing takes several times a file's size in memory, and holds the interpreter's lock nearly all the time, so
# files are parsed one at a time, also when several are read concurrently.
_PARSING = threading.Lock()


@dataclass(frozen=True)
class LoadedFile:
    """The content of a source file.

    `rows` has the schema of `table`, `rejected` that of STG_REJECTED_ROWS, each in the order of the file;
    `lines_in` counts the file's records, without header and empty lines, and always equals the sum of the two.
    `ignored_columns` are the file's columns that the table lacks, `file_hash` is SHA-256 in hexadecimal,
    `format` is how the file is stored, if known. The same content always gives the same result. `absent` marks a
    missing optional file: it has no rows, and the hash of no bytes. `unread` counts the lines, or rows in
    Parquet, after those that were asked for. `left_out` counts the rows of erased customers, which the other
    figures exclude.
    """

    name: str
    table: Table
    rows: pa.Table
    rejected: pa.Table
    lines_in: int
    ignored_columns: tuple[str, ...]
    file_hash: str
    format: FileFormat | None = None
    unread: int = 0
    absent: bool = False
    left_out: int = 0

    @classmethod
    def without_rows(cls, name: str, table: Table, content: bytes, **others: Any) -> "LoadedFile":
        """A file of which no row is loaded; `others` are further fields."""
        fields: dict[str, Any] = {"rejected": STG_REJECTED_ROWS.arrow_schema.empty_table(), **others}
        digest = hashlib.sha256(content).hexdigest()
        return cls(
            name,
            table,
            table.arrow_schema.empty_table(),
            lines_in=0,
            ignored_columns=(),
            file_hash=digest,
            **fields,
        )

    @property
    def is_unreadable(self) -> bool:
        """Whether the file could not be read: it has one rejected row, with line 0."""
        return not self.lines_in and self.rejected.num_rows > 0


class AmbiguousFileError(SourceError):
    """A source file exists both as CSV and as Parquet."""


def present_name(location: SourceLocation, source: SourceFile) -> str | None:
    """The name under which a source file exists, or None; raises `AmbiguousFileError` if there are two."""
    present = [name for name in source.names if location.exists(name)]
    if len(present) > 1:
        raise AmbiguousFileError(
            f"{location.name} has both {' and '.join(present)}, which fill the same table: remove one of them."
        )
    return present[0] if present else None


def load_file(location: SourceLocation, source: SourceFile) -> LoadedFile:
    """The rows of a source file; none if it is optional and absent.

    Raises:
        SourceError: The file is required and missing, exists both as CSV and as Parquet, or cannot be read as a
            whole.
    """
    name = present_name(location, source)
    if name is None and source.optional:
        return LoadedFile.without_rows(source.name, source.table, b"", absent=True)
    return parse_file(
        replace(source, name=name or source.name), location.read(name or source.name), limits=location.limits
    )


def parse_file(source: SourceFile, content: bytes, most: int | None = None, limits: Limits = LIMITS) -> LoadedFile:
    """The rows of a source file with this content, or the first `most` of them.

    A row is rejected, with all its reasons, if it is malformed, if a value is missing or invalid, or if it
    breaks a rule. Of the remaining rows, those are rejected that repeat the key of an earlier row or break a
    rule of the file.

    Raises:
        SourceError: The file cannot be read as a whole.
    """
    extension = source.name[source.name.rfind(".") :].lower()
    if extension not in _READERS:
        raise SourceError(f"{source.name} is neither .csv nor .parquet: declare one of these.")
    with _PARSING:
        return _parsed(source, content, most, limits, _READERS[extension])


def _parsed(
    source: SourceFile, content: bytes, most: int | None, limits: Limits, reader: Callable[..., Records]
) -> LoadedFile:
    record, file_hash = source.record, hashlib.sha256(content).hexdigest()
    records = reader(source.name, content, record, most, limits)
    rejections = {line: _Rejection(what, what) for line, what in records.broken.items()}
    rows, faults = _typed(records, source)
    left, lines = _without(faults, rows, records.lines)
    if len(rejections) + rows.num_rows - left.num_rows > limits.rejected:
        raise too_many_rejected(source.name, limits.rejected)
    rejections |= _by_line(faults, records.lines)
    together = (unique(*record.key),) if record.key else ()
    faults = [fault for rule in together + source.file_rules for fault in rule(left, lines)]
    rows, last_lines = _without(faults, left, lines)
    if len(rejections) + left.num_rows - rows.num_rows > limits.rejected:
        raise too_many_rejected(source.name, limits.rejected)
    rejections |= _by_line(faults, lines)
    origin = {"FILE_HASH": [file_hash] * rows.num_rows, "LINE": last_lines}
    columns = origin | {name: rows[name] for name in rows.column_names}
    return LoadedFile(
        name=source.name,
        table=source.table,
        rows=pa.table([columns[name] for name in source.table.column_names], schema=source.table.arrow_schema),
        rejected=_rejected(source.name, dict(sorted(rejections.items())), records),
        lines_in=records.texts.num_rows + len(records.broken),
        ignored_columns=records.ignored_columns,
        file_hash=file_hash,
        format=records.format,
        unread=records.unread,
    )


class _Rejection(NamedTuple):
    """Why a row is not loaded: with its values, and without them."""

    reason: str
    rule: str


def _typed(records: Records, source: SourceFile) -> tuple[pa.Table, list[Fault]]:
    """The records as typed columns, and the faults of single rows."""
    columns = {column.name: parse_column(column, records.texts[column.name]) for column in source.record.columns}
    typed = pa.table({name: values for name, (values, _) in columns.items()})
    faults = [*records.faults, *(fault for _, found in columns.values() for fault in found)]
    return typed, faults + [fault for rule in source.rules for fault in rule(typed)]


def _by_line(faults: Sequence[Fault], lines: npt.NDArray[np.int64]) -> dict[int, _Rejection]:
    """The rejections by line; the reasons of a row with several faults are joined."""
    rejections: dict[int, _Rejection] = {}
    for fault in faults:
        for line, reason in zip(lines[fault.rows].tolist(), fault.reasons(), strict=True):
            before = rejections.get(line)
            rejections[line] = (
                _Rejection(f"{before.reason}; {reason}", f"{before.rule}; {fault.rule}")
                if before
                else _Rejection(reason, fault.rule)
            )
    return rejections


def _without(
    faults: Sequence[Fault], rows: pa.Table, lines: npt.NDArray[np.int64]
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The rows without faults, and their lines."""
    if not faults:
        return rows, lines
    good = np.ones(rows.num_rows, dtype=bool)
    good[np.concatenate([fault.rows for fault in faults])] = False
    return rows.filter(good), lines[good]


def _rejected(name: str, rejections: dict[int, _Rejection], records: Records) -> pa.Table:
    lines, found = list(rejections), rejections.values()
    columns = {
        "SOURCE": [name] * len(lines),
        "LINE": lines,
        "REASON": [rejection.reason for rejection in found],
        "RULE": [rejection.rule for rejection in found],
        "RAW": records.raw(lines),
    }
    return pa.table(columns, schema=STG_REJECTED_ROWS.arrow_schema)
