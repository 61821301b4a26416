"""What a source file says, before it is typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ingestion.faults import Fault
from customer_analytics.ingestion.file_format import FileFormat
from customer_analytics.ingestion.limits import megabytes
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.text import listed, printable, readable, trimmed
from customer_analytics.tables import Table

LONGEST_RAW = 100_000
"""Characters of a rejected record that are kept; Snowflake's longest text would hold many more."""


@dataclass(frozen=True)
class Records:
    """The records of a file: those that have the shape of a row, and those that are broken.

    `texts` has a table's columns as text, null where the file says nothing, one row a record of the right shape;
    `lines` says where in the file each of these begins (line from 1; row number from 1 in Parquet). `broken` maps
    the lines of all other records to what is wrong with them, without their values. `raw` gives the records as
    the file has them, from their lines in ascending order. `faults` says which rows of `texts` cannot be loaded
    whatever their texts say, such as an id that was a fraction. `format` is how the file is stored. `unread`
    counts the lines, or rows in Parquet, after the last record where only the first ones were wanted.
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
    """The error of a file of rows that says more than may be held in memory."""
    return SourceError(
        f"{file} has more than {megabytes(most)} when it is decompressed: split it, or raise "
        "CUSTOMER_ANALYTICS_MAXIMUM_FILE_MEGABYTES."
    )


def too_many_rejected(file: str, most: int) -> SourceError:
    """The error of a file of which more rows are rejected than can be recorded."""
    return SourceError(
        f"{file} has more than {most:,} rows that cannot be loaded: fix the file, or raise "
        "CUSTOMER_ANALYTICS_MAXIMUM_REJECTED_ROWS."
    )


def column_positions(
    file: str, header: Sequence[str], table: Table, found: str = "it has"
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Where the table's columns are in the header, whatever their case and order, and the names of all others.

    Args:
        file: The file, as errors name it.
        header: The names of the columns.
        table: What is to be found.
        found: Subject and verb of the clause that lists the names, for errors.

    Raises:
        SourceError: A column is missing, or stands twice.
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
