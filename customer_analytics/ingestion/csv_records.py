"""CSV files as columns of text."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count, islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from customer_analytics.ingestion.csv_opening import open_csv
from customer_analytics.ingestion.csv_splitting import Parsed, text_lines
from customer_analytics.ingestion.limits import LIMITS, Limits
from customer_analytics.ingestion.records import LONGEST_RAW, Records, too_many_rejected
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.tables import Table

# Small enough that rows are freed before the garbage collector promotes them: 40 % less time in all.
_BATCH_ROWS = 1024
_UNDECODABLE = re.compile("[\ud800-\udfff]")


def read_csv(file: str, content: bytes, table: Table, most: int | None = None, limits: Limits = LIMITS) -> Records:
    """The records of a CSV file whose first line names the columns, or the first `most` of them.

    The file is text in UTF-8, or in UTF-16 with a byte order mark, optionally compressed with gzip; `dialect`
    detects the separator. Empty lines are skipped. A record with fewer fields than the header lacks the last
    columns; an empty field, quoted or not, is null. A record with more fields than the header, undecodable bytes
    or invalid quoting (see `split`) is malformed.

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


def read_csv_column(file: str, content: bytes, table: Table, limits: Limits = LIMITS) -> pa.ChunkedArray | None:
    """The text of the table's only column, several times as fast as `read_csv`.

    None if a line of the file has another number of fields than the header; only `read_csv` can read that file.

    Raises:
        SourceError: The file is empty or not text, or its header cannot be read.
    """
    opened = open_csv(file, content, table, limits)
    fields = [str(field) for field in range(opened.width)]
    (wanted,) = (fields[position] for position in opened.positions.values())
    irregular = count()

    def skip(_: Any) -> str:
        next(irregular)
        return "skip"

    try:
        column = csv.read_csv(
            pa.BufferReader(opened.utf8),
            read_options=csv.ReadOptions(skip_rows=opened.header_line, column_names=fields),
            parse_options=csv.ParseOptions(delimiter=opened.separator, invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(
                include_columns=[wanted], column_types={wanted: pa.string()}, strings_can_be_null=False
            ),
        ).column(0)
    except pa.ArrowInvalid:
        return None
    is_regular = next(irregular) == 0 and len(column) == opened.number_of_lines() - opened.header_line
    return column if is_regular else None


@dataclass(frozen=True)
class _Rows:
    """Records collected in batches: columns as Arrow text, and the first line of each record.

    `is_in_order` is whether the file has the columns of the table in order, and no others. `last_lines` maps the
    first line of each record of several lines to its last.
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
        """The text of the column at this index of `positions`; an empty field is null."""
        texts = pa.chunked_array([batch[index] for batch in self.batches], pa.string())
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def _wanted(self, fields: list[str]) -> list[Any]:
        """The fields at `positions`; None for those that the record lacks."""
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
