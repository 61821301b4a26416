"""What a source file says, before it is typed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.tables import Table

LONGEST_RAW = 100_000
"""Characters of a rejected record that are kept; Snowflake's longest text would hold many more."""


@dataclass(frozen=True)
class Records:
    """The records of a file: those that have the shape of a row, and those that are broken.

    `texts` has a table's columns as text, null where the file says nothing, one row a record of the right shape;
    `lines` says where in the file each of these begins (line from 1; row number from 1 in Parquet). `broken` maps
    the lines of all other records to what is wrong with them. `raw` gives records as they stand in the file, from
    their lines in ascending order.
    """

    texts: pa.Table
    lines: npt.NDArray[np.int64]
    broken: dict[int, str]
    ignored_columns: tuple[str, ...]
    raw: Callable[[Sequence[int]], list[str]]


def column_positions(file: str, header: Sequence[str], table: Table) -> tuple[dict[str, int], tuple[str, ...]]:
    """Where the table's columns are in the header, whatever their case and order, and the names of all others.

    Raises:
        SourceError: A column is missing, or stands twice.
    """
    present = [
        readable(name.strip()) or f"(column {number} without a name)" for number, name in enumerate(header, 1)
    ]
    positions: dict[str, int] = {}
    for position, name in enumerate(present):
        if positions.setdefault(name.upper(), position) != position:
            raise SourceError(f"{file} has the column {shortened(name, 60)} twice: keep one of them.")
    if missing := [name for name in table.column_names if name not in positions]:
        raise SourceError(
            f"{file} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; its first line names "
            f"{shortened(', '.join(present), 500)}: add what is missing, with commas between the columns."
        )
    ignored = tuple(name for name in present if name.upper() not in table.column_names)
    return {name: positions[name] for name in table.column_names}, ignored
