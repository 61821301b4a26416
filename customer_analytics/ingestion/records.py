"""The records of a source file as text, and how the file is stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ingestion.limits import megabytes
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.rules import Fault
from customer_analytics.ingestion.text import listed, printable, readable, trimmed
from customer_analytics.tables import Table

LONGEST_RAW = 100_000
"""Characters of a rejected record that are kept; Snowflake's longest text would hold many more."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}


@dataclass(frozen=True)
class FileFormat:
    """How a source file is stored, as found in its content.

    `encoding` is UTF-8, UTF-16 or Parquet, `compression` gzip or None, `separator` the character between the
    fields of a CSV file. As text: `UTF-16, gzip, separated by semicolons`.
    """

    encoding: str
    compression: str | None = None
    separator: str | None = None

    def __str__(self) -> str:
        separated = f"separated by {separator_name(self.separator)}" if self.separator else None
        return ", ".join(part for part in (self.encoding, self.compression, separated) if part)


PARQUET = FileFormat("Parquet")


def separator_name(separator: str) -> str:
    """The separator in words."""
    return _SEPARATORS.get(separator, f"{separator!r}")


@dataclass(frozen=True)
class Records:
    """The records of a file: well-formed ones as rows of text, and malformed ones.

    `texts` has a table's columns as text, one row per well-formed record, null where the file has no value;
    `lines` is where in the file each of them begins (line from 1; row number from 1 in Parquet). `broken` maps
    the lines of malformed records to what is wrong with them, without their values. `raw` returns the records as
    they are in the file, given their lines in ascending order. `faults` are those of rows of `texts` that cannot
    be loaded whatever their text, such as an id that was a fraction. `unread` counts the lines, or rows in
    Parquet, after the last record that was asked for.
    """

    texts: pa.Table
    lines: npt.NDArray[np.int64]
    broken: dict[int, str]
    ignored_columns: tuple[str, ...]
    raw: Callable[[Sequence[int]], list[str]]
    format: FileFormat
    faults: tuple[Fault, ...] = ()
    unread: int = 0


def too_large(file: str, most: int) -> SourceError:
    """The error for a file of rows that needs more memory than allowed."""
    return SourceError(
        f"{file} has more than {megabytes(most)} when it is decompressed: split it, or raise "
        "CUSTOMER_ANALYTICS_MAXIMUM_FILE_MEGABYTES."
    )


def too_many_rejected(file: str, most: int) -> SourceError:
    """The error for a file with more rejected rows than are recorded."""
    return SourceError(
        f"{file} has more than {most:,} rows that cannot be loaded: fix the file, or raise "
        "CUSTOMER_ANALYTICS_MAXIMUM_REJECTED_ROWS."
    )


def column_positions(
    file: str, header: Sequence[str], table: Table, found: str = "it has"
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The positions of the table's columns in the header, in any case and order, and the names of all others.

    Args:
        file: The file, as errors name it.
        header: The names of the file's columns.
        table: The columns to find.
        found: Subject and verb of the clause that lists the header's names in errors.

    Raises:
        SourceError: A column is missing or repeated.
    """
    present = [
        readable(trimmed(name)) or f"(column {number} without a name)" for number, name in enumerate(header, 1)
    ]
    positions: dict[str, int] = {}
    ignored: list[str] = []
    for position, name in enumerate(present):
        if name.upper() not in table.column_names:
            ignored.append(printable(name, 60))
        elif positions.setdefault(name.upper(), position) != position:
            raise SourceError(f"{file} has the column {name.upper()} twice: keep one of them.")
    if missing := [name for name in table.column_names if name not in positions]:
        lacks = f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"
        raise SourceError(
            f"{lacks}; {found} {listed(present, 3)}: add what is missing.",
            f"{lacks}: add what is missing.",
        )
    return {name: positions[name] for name in table.column_names}, tuple(ignored)
