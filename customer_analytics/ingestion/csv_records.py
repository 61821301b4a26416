"""CSV files read record by record: UTF-8, commas, double quotes (RFC 4180), any line ends."""

import csv
import io
import re
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.records import LONGEST_RAW, Records, column_positions
from customer_analytics.ingestion.text import readable, shortened
from customer_analytics.tables import Table

# Snowflake's longest text is 16 MiB; typing refuses what is longer, this only stops a quote that is never closed.
_LONGEST_FIELD = 32 * 1024 * 1024
# Small enough that rows are gone before the garbage collector takes them for long-lived: 40 % less time in all.
_BATCH_ROWS = 1024
_NOT_UTF8 = "the row has bytes that are not UTF-8"
_UNDECODABLE = re.compile("[\ud800-\udfff]")


def read_csv(file: str, content: bytes, table: Table) -> Records:
    """The records of a CSV file whose first line names the columns.

    Empty lines are no records. A record with fewer fields than the header lacks its last ones; a field that is
    empty, quoted or not, says nothing. A record with more fields than the header, with bytes that are not UTF-8,
    or against the rules of quoting is broken.

    A quote that is never closed would swallow all lines up to the next quote or the end of the file. So where
    quoting fails, only the line on which the record began is broken, and reading goes on with the line after it:
    nothing but that line is lost, at the price that the rest of a record with line breaks in it may be taken, line
    by line, for records of its own.

    Raises:
        SourceError: The file is empty or not UTF-8 text, or its header cannot be read.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{file} is encoded as UTF-16: save it as UTF-8.")
    csv.field_size_limit(_LONGEST_FIELD)
    lines = _Lines(content)
    parsed = _parsed(lines)
    header = next(parsed, None)
    if header is None:
        raise SourceError(
            f"{file} is empty: its first line must name the columns {', '.join(table.column_names)}."
        )
    if isinstance(header.fields, str):
        raise SourceError(f"{file} has a header that is no CSV: {header.fields}.")
    positions, ignored = column_positions(file, header.fields, table)
    rows = _Rows(list(positions.values()), len(header.fields))
    while batch := list(islice(parsed, _BATCH_ROWS)):
        rows.add(batch)
    return Records(
        texts=pa.table({name: rows.column(index) for index, name in enumerate(positions)}),
        lines=np.array(rows.lines, dtype=np.int64),
        broken=rows.broken,
        ignored_columns=ignored,
        raw=lambda first_lines: _raw(content, first_lines, rows.last_lines),
    )


class _Parsed(NamedTuple):
    """A record: its first and last line, and its fields or what is wrong with it."""

    first: int
    last: int
    fields: list[str] | str


class _Lines:
    """The lines of a file with their ends, counted, of which those of the current record can be read again."""

    def __init__(self, content: bytes) -> None:
        self.number = 0
        self.record: list[str] = []
        self._again: deque[str] = deque()
        self._lines = _decoded(content)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.record.append(line)
        return line

    def go_back(self) -> None:
        """Continue with the second line of the current record."""
        self._again.extendleft(reversed(self.record[1:]))
        self.number -= len(self.record) - 1


def _decoded(content: bytes) -> Iterator[str]:
    """Physical lines, ended by LF, CRLF or CR; bytes that are not UTF-8 become surrogates."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="surrogateescape", newline="")


def _parsed(lines: _Lines) -> Iterator[_Parsed]:
    reader = csv.reader(lines, strict=True)
    while True:
        lines.record.clear()
        first = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _reason(error, first, lines.number)
            lines.go_back()
            reader = csv.reader(lines, strict=True)
            yield _Parsed(first, first, reason)
        else:
            if fields:
                yield _Parsed(first, lines.number, fields)


def _reason(error: csv.Error, first: int, last: int) -> str:
    if str(error) == "unexpected end of data":
        return "a quote is opened and never closed"
    if first == last:
        return f"the quoting is wrong ({error})"
    return f"a quote is opened and not closed before line {last}, where the quoting is wrong ({error})"


@dataclass(frozen=True)
class _Rows:
    """Records collected in batches: columns as Arrow text, and the lines they stand on.

    `last_lines` has the last line of each record of several lines, by its first.
    """

    positions: list[int]
    width: int
    batches: list[list[pa.Array]] = field(default_factory=list)
    lines: "array[int]" = field(default_factory=lambda: array("q"))
    broken: dict[int, str] = field(default_factory=dict)
    last_lines: dict[int, int] = field(default_factory=dict)

    def add(self, records: Iterable[_Parsed]) -> None:
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
                rows.append(fields if len(fields) == self.width else fields + [None] * (self.width - len(fields)))
                lines.append(first)
        try:
            columns = self._columns(rows)
        except UnicodeEncodeError:
            readable_rows = [self._is_readable(row) for row in rows]
            self.broken.update(
                (line, _NOT_UTF8) for line, good in zip(lines, readable_rows, strict=True) if not good
            )
            lines = list(compress(lines, readable_rows))
            columns = self._columns(list(compress(rows, readable_rows)))
        self.batches.append(columns)
        self.lines.extend(lines)

    def column(self, index: int) -> pa.ChunkedArray:
        """The text of the column wanted at this index; an empty field says nothing and is null."""
        texts = pa.chunked_array([batch[index] for batch in self.batches], pa.string())
        return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

    def _columns(self, rows: list[list[Any]]) -> list[pa.Array]:
        columns = list(zip(*rows, strict=True)) or [()] * self.width
        return [pa.array(columns[position], pa.string()) for position in self.positions]

    def _is_readable(self, row: list[Any]) -> bool:
        return not any(row[position] and _UNDECODABLE.search(row[position]) for position in self.positions)


def _raw(content: bytes, first_lines: Sequence[int], last_lines: Mapping[int, int]) -> list[str]:
    """The records that begin on these lines (ascending), without their line ends."""
    lines, position, texts = _decoded(content), 1, []
    for first in first_lines:
        last = last_lines.get(first, first)
        record = islice(lines, first - position, last - position + 1)
        texts.append(shortened(readable("".join(record).rstrip("\r\n")), LONGEST_RAW))
        position = last + 1
    return texts
