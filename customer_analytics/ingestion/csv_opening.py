"""A CSV file opened: its text, its separator, and where the columns are."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from customer_analytics.ingestion.csv_splitting import Parsed, split, text_lines
from customer_analytics.ingestion.decoding import decode
from customer_analytics.ingestion.dialect import dialect_of
from customer_analytics.ingestion.file_format import FileFormat, separator_name
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import column_positions
from customer_analytics.tables import Table


@dataclass(frozen=True)
class OpenedCsv:
    """A CSV file whose header has been read.

    `positions` says which field holds each of the table's columns, of `width` fields in all. `records` are those
    after the header, which ends on the line `header_line`.
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
        ends = self.utf8.count(b"\n") or self.utf8.count(b"\r")
        return ends if self.utf8.endswith((b"\n", b"\r")) else ends + 1


def open_csv(file: str, content: bytes, table: Table) -> OpenedCsv:
    """Find out how the file is stored, and where it has the table's columns.

    Raises:
        SourceError: The file is empty or not text, or its header cannot be read.
    """
    text = decode(file, content)
    separator, skipped = dialect_of(text.utf8, table)
    records = split(islice(text_lines(text.utf8), skipped, None), separator, skipped)
    header = next(records, None)
    if header is None:
        raise SourceError(
            f"{file} is empty: its first line must name the columns {', '.join(table.column_names)}."
        )
    if isinstance(header.fields, str):
        raise SourceError(f"{file} has a first line that is no CSV: {header.fields}.")
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
