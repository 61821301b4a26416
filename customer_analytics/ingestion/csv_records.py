"""CSV files as columns of text, record by record."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.csv_opening import open_csv
from customer_analytics.ingestion.csv_splitting import Parsed, text_lines
from customer_analytics.ingestion.limits import LIMITS, Limits
from customer_analytics.ingestion.records import LONGEST_RAW, Records, too_many_rejected
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.tables import Table

# Small enough that rows are gone before the garbage collector takes them for long-lived: 40 % less time in all.
_BATCH_ROWS = 1024
_UNDECODABLE = re.compile("[\ud800-\udfff]")


def read_csv(file: str, content: bytes, table: Table, most: int | None = None, limits: Limits = LIMITS) -> Records:
    """The records of a CSV file whose first line names the columns, or the first `most` of them.

    The file is text in UTF-8, or in UTF-16 with a byte order mark, compressed with gzip or not; its fields are
    separated by what `dialect_of` finds. Empty lines are no records. A record with fewer fields than the header
    lacks its last ones; a field that is empty, quoted or not, says nothing. A record with more fields than the
    header, with bytes that are not of the encoding, or against the rules of quoting (see `split`) is broken.

    Raises:
        SourceError: The file is empty or not text, its header cannot be read, or it exceeds a limit.
    """
    opened = open_csv(file, content, table, limits)
    positions = list(opened.positions.values())
    is_in_order = positions == list(range(opened.width))
    rows = _Rows(positions, opened.width, is_in_order, opened.format.encoding)
    wanted, last_line = islice(opened.records, most), opened.header_line
    while batch := list(islice(wanted, _BATCH_ROWS)):
        rows.add(batch)
        if len(rows.broken) > limits.rejected:
            raise too_many_rejected(file, limits.rejected)
        last_line = batch[-1].last
    texts = pa.table({name: rows.column(index) for index, name in enumerate(opened.positions)})
    rows.batches.clear()
    return Records(
        texts=texts,
        lines=np.array(rows.lines, dtype=np.int64),
        broken=rows.broken,
        ignored_columns=opened.ignored_columns,
        raw=lambda first_lines: _raw(opened.utf8, first_lines, rows.last_lines),
        format=opened.format,
        unread=opened.number_of_lines() - last_line if next(opened.records, None) else 0,
    )


@dataclass(frozen=True)
class _Rows:
    """Records collected in batches: columns as Arrow text, and the lines they stand on.

    `is_in_order` tells whether the columns are those of the table and no others, in order. `last_lines` has the
    last line of each record of several lines, by its first.
    """

    positions: list[int]
    width: int
    is_in_order: bool
    encoding: str
    batches: list[list[pa.Array]] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    broken: dict[int, str] = field(default_factory=dict)
    last_lines: dict[int, int] = field(default_factory=dict)

    def add(self, records: Iterable[Parsed]) -> None:
        lines: list[int] = []
        rows: list[list[Any]] = []
        for first, last, fields in records:
            if last != first:
                self.last_lines[first] = last
            if isinstance(fields, str):
                self.broken[first] = fields
            elif len(fields) > self.width:
                self.broken[first] = f"the row has {len(fields)} fields where the header has {self.width}"
            else:
                rows.append(self._wanted(fields))
                lines.append(first)
        try:
            columns = self._columns(rows)
        except UnicodeEncodeError:
            readable_rows = [not any(map(_is_undecodable, row)) for row in rows]
            reason = f"the row has bytes that are not {self.encoding}"
            self.broken.update((line, reason) for line, good in zip(lines, readable_rows, strict=True) if not good)
            lines = list(compress(lines, readable_rows))
            columns = self._columns(list(compress(rows, readable_rows)))
        self.batches.append(columns)
        self.lines.extend(lines)

    def column(self, index: int) -> pa.ChunkedArray:
        """The text of the column wanted at this index; an empty field says nothing and is null."""
        texts = pa.chunked_array([batch[index] for batch in self.batches], pa.string())
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def _wanted(self, fields: list[str]) -> list[Any]:
        """The fields of the wanted columns; None for those that the record lacks."""
        if len(fields) == self.width and self.is_in_order:
            return fields
        return [fields[position] if position < len(fields) else None for position in self.positions]

    def _columns(self, rows: list[list[Any]]) -> list[pa.Array]:
        columns = list(zip(*rows, strict=True)) or [()] * len(self.positions)
        return [pa.array(column, pa.string()) for column in columns]


def _is_undecodable(text: str | None) -> bool:
    return bool(text and _UNDECODABLE.search(text))


def _raw(utf8: bytes, first_lines: Sequence[int], last_lines: Mapping[int, int]) -> list[str]:
    """The records that begin on these lines (ascending), without their line ends."""
    lines, position, texts = text_lines(utf8), 1, []
    for first in first_lines:
        last = last_lines.get(first, first)
        record = islice(lines, first - position, last - position + 1)
        texts.append(shortened(readable("".join(record).rstrip("\r\n")), LONGEST_RAW))
        position = last + 1
    return texts
