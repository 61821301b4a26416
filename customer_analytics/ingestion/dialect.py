"""Which separator a CSV file has, found out from its first lines."""

import re
from typing import NamedTuple

from customer_analytics.ingestion.csv_splitting import split, text_lines
from customer_analytics.ingestion.text import trimmed
from customer_analytics.tables import Table

# The first one wins where several would do.
_CANDIDATES = (",", ";", "\t", "|")
# The line by which Excel is told the separator, e.g. `sep=;`; programs that save the file again lengthen it.
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[^\w"\r\n])"?(?P=separator)*[\r\n]*', re.IGNORECASE)


class Dialect(NamedTuple):
    """The separator of a file, and how many lines come before the header."""

    separator: str
    lines_before_header: int


def dialect_of(utf8: bytes, table: Table) -> Dialect:
    """What the `sep=` line says, else the separator under which the header has the most of the table's columns."""
    said = _SEPARATOR_LINE.fullmatch(next(text_lines(utf8), ""))
    if said:
        return Dialect(said["separator"], 1)
    return Dialect(max(_CANDIDATES, key=lambda separator: _columns_found(utf8, separator, table)), 0)


def _columns_found(utf8: bytes, separator: str, table: Table) -> int:
    header = next(split(text_lines(utf8), separator), None)
    if header is None or isinstance(header.fields, str):
        return -1
    return len({trimmed(name).upper() for name in header.fields} & set(table.column_names))
