"""Opening a CSV file: its text, its separator, and the positions of its columns."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from customer_analytics.ingestion.csv_splitting import Parsed, split, text_lines
from customer_analytics.ingestion.decoding import decode
from customer_analytics.ingestion.limits import FEWER_COLUMNS, LIMITS, Limits
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import FileFormat, column_positions, separator_name
from customer_analytics.ingestion.text import trimmed
from customer_analytics.tables import Table

# A header's line holds names of columns; a record's may hold texts of 16 MiB, the longest that Snowflake takes.
_LONGEST_HEADER, _LONGEST_LINE = 1 << 20, 64 << 20
# The first one wins where several would do.
_CANDIDATES = (",", ";", "\t", "|")
# Excel's line that names the separator, e.g. `sep=;`; programs that save the file again pad it with separators.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[^\w"\r\n])"?(?P=separator)*[\r\n]*', re.IGNORECASE)


@dataclass(frozen=True)
class OpenedCsv:
    """A CSV file whose header has been read.

    `positions` maps the table's columns to fields of a record, of which there are `width`. `records` follow the
    header, which ends on the line `header_line`.
    """

    utf8: bytes
    format: FileFormat
    separator: str
    header_line: int
    width: int
    positions: dict[str, int]
    ignored_columns: tuple[str, ...]
    records: Iterator[Parsed]

    def number_of_lines(self) -> int:
        """Physical lines of the file."""
        return _number_of_lines(self.utf8)


def open_csv(file: str, content: bytes, table: Table, limits: Limits = LIMITS) -> OpenedCsv:
    """Detect how the file is stored, and where it has the table's columns.

    Raises:
        SourceError: The file is empty or not text, its header cannot be read, or it exceeds a limit.
    """
    text = decode(file, content, limits.file_bytes)
    _measure(file, text.utf8, limits)
    separator, skipped = dialect(text.utf8, table)
    records = split(islice(text_lines(text.utf8), skipped, None), separator, skipped)
    header = next(records, None)
    if header is None:
        raise SourceError(
            f"{file} is empty: its first line must name the columns {', '.join(table.column_names)}."
        )
    if isinstance(header.fields, str):
        raise SourceError(f"{file} has a first line that is not CSV: {header.fields}.")
    if len(header.fields) > limits.columns:
        columns = f"{len(header.fields):,} columns, more than the {limits.columns:,} allowed"
        raise SourceError(f"{file} has {columns}: {FEWER_COLUMNS}.")
    found = f"its first line, separated by {separator_name(separator)}, names"
    positions, ignored = column_positions(file, header.fields, table, found)
    return OpenedCsv(
        utf8=text.utf8,
        format=FileFormat(text.encoding, text.compression, separator),
        separator=separator,
        header_line=header.last,
        width=len(header.fields),
        positions=positions,
        ignored_columns=ignored,
        records=records,
    )


def dialect(utf8: bytes, table: Table) -> tuple[str, int]:
    """The separator, and how many lines come before the header.

    The separator is the one that a `sep=` line names, or else the one with which the header has the most of the
    table's columns.
    """
    if stated := _SEPARATOR_LINE.fullmatch(next(text_lines(utf8), "")):
        return stated["separator"], 1
    return max(_CANDIDATES, key=lambda separator: _columns_found(utf8, separator, table)), 0


def _columns_found(utf8: bytes, separator: str, table: Table) -> int:
    header = next(split(text_lines(utf8), separator), None)
    if header is None or isinstance(header.fields, str):
        return -1
    return len({trimmed(name).upper() for name in header.fields} & set(table.column_names))


def _measure(file: str, utf8: bytes, limits: Limits) -> None:
    """Raise SourceError if there are too many lines, or one is too long to be parsed."""
    if _number_of_lines(utf8) > limits.rows + 1:
        raise SourceError(
            f"{file} has more than {limits.rows:,} lines: split it, or raise CUSTOMER_ANALYTICS_MAXIMUM_ROWS."
        )
    begin, longest = 0, _LONGEST_HEADER
    while len(utf8) - begin > longest:
        end = max(utf8.rfind(mark, begin, begin + longest) for mark in (b"\n", b"\r"))
        if end < 0:
            line = "a line" if begin else "a first line"
            raise SourceError(
                f"{file} has {line} of more than {longest >> 20} MiB: export the table again as CSV."
            )
        begin, longest = end + 1, _LONGEST_LINE


def _number_of_lines(utf8: bytes) -> int:
    ends = utf8.count(b"\n") or utf8.count(b"\r")
    return ends if utf8.endswith((b"\n", b"\r")) else ends + 1
