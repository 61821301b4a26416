"""One column of a CSV file, several times as fast as its records, where every line is a row."""

from itertools import count
from typing import Any

import pyarrow as pa
from pyarrow import csv

from customer_analytics.ingestion.csv_opening import open_csv
from customer_analytics.ingestion.limits import LIMITS, Limits
from customer_analytics.tables import Table


def read_csv_column(file: str, content: bytes, table: Table, limits: Limits = LIMITS) -> pa.ChunkedArray | None:
    """The text of the table's only column; None unless each line of the file has all the fields of the header.

    Where it is None, `read_csv` tells rows from lines, and good rows from broken ones.

    Raises:
        SourceError: The file is empty or not text, or its header cannot be read.
    """
    opened = open_csv(file, content, table, limits)
    fields = [str(field) for field in range(opened.width)]
    (wanted,) = (fields[position] for position in opened.positions.values())
    others = count()

    def leave_out(_: Any) -> str:
        next(others)
        return "skip"

    try:
        column = csv.read_csv(
            pa.BufferReader(opened.utf8),
            read_options=csv.ReadOptions(skip_rows=opened.header_line, column_names=fields),
            parse_options=csv.ParseOptions(delimiter=opened.separator, invalid_row_handler=leave_out),
            convert_options=csv.ConvertOptions(
                include_columns=[wanted], column_types={wanted: pa.string()}, strings_can_be_null=False
            ),
        ).column(0)
    except pa.ArrowInvalid:
        return None
    is_regular = next(others) == 0 and len(column) == opened.number_of_lines() - opened.header_line
    return column if is_regular else None
