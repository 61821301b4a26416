"""Valid sources mangled at random: every row is loaded as it says, or rejected, or the file is refused."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.acceptance import accept
from customer_analytics.ingestion.files import SOURCE_FILES, SourceFile
from customer_analytics.ingestion.load import LoadedFile, parse_file
from customer_analytics.ingestion.location import SourceError
from customer_analytics.tables import Column, SqlType

BAD = object()
"""The value of a cell that states none."""


@dataclass(frozen=True)
class Cell:
    """A cell as the file has it, and its value: None where it says nothing, BAD where it cannot be read."""

    text: str
    value: Any


@dataclass(frozen=True)
class Row:
    """A row as the file has it: its cells, how many of the last ones are left out, and what spoils its shape."""

    cells: list[Cell]
    left_out: int = 0
    spoiled: str = ""  # "surplus": a field too many; "quote": text after a closing quote
    empty_lines_before: int = 0
    quoted: bool = False

    @property
    def kept(self) -> list[Cell]:
        """The cells that are not left out; where nothing is in them, their line would be empty and no row."""
        return self.cells[: len(self.cells) - self.left_out]


# Values

SPACES = ["", "", "", " ", "\t", "\u00a0", "\u200b ", "\u3000", "\ufeff"]
WORDS = ["google", "x,y", "a;b", 'say "hi"', "two\nlines", "'); DROP TABLE x; --", "Zoë 🙂", "=1+1", "...", "null"]
IDS = ["02", "7.0", "CF-00105", "cus_9s6X", "9000000000000000001", "a b", *map(str, range(60))]
ZONES = [("", 0), ("Z", 0), (" UTC", 0), ("+00", 0), ("+01", 60), ("+0530", 330), ("-08:00", -480), (" +02", 120)]
MIDNIGHTS = ["", "", " 0:00", "T00:00:00Z", " 00:00:00.000+00", " 00:00:00+05:30"]
WRONG = {
    SqlType.TEXT: ["a\0b"],
    SqlType.INTEGER: ["abc", "10.5", "1e3", "9" * 30, "100000000001", "10,00"],
    SqlType.AMOUNT: ["abc", "10,50", "1.005", "1e3", "1000000000.01", "nan"],
    SqlType.DATE: ["2024-13-01", "2025-02-29", "1.2.2025", "9999-12-31", "2025-01-01 10:00", "soon"],
    SqlType.TIMESTAMP: ["2025-01-01", "2025-01-01 25:00", "9999-12-31 00:00:00", "2025-01-01 10:00 Uhr"],
}


def day(random: Random) -> date:
    """A day of all that there may be, or one of a few."""
    if random.random() < 0.3:
        return date.fromordinal(random.randint(date(1900, 1, 1).toordinal(), date(2260, 12, 31).toordinal()))
    return date(2025, 1, random.randint(1, 9))


def good_cell(random: Random, column: Column) -> Cell:
    if column.identifier:
        text = random.choice(IDS)
        return Cell(text, text)
    if column.name == "LABEL":
        return Cell(*random.choice([("1", 1), ("0", 0), ("1.0", 1), ("true", 1), ("False", 0)]))
    if column.type is SqlType.TEXT:
        text = random.choice(WORDS) + random.choice(["", str(random.randint(1, 20))])
        return Cell(text, text)
    if column.type is SqlType.DATE:
        value = day(random)
        return Cell(f"{value}{random.choice(MIDNIGHTS)}", value)
    if column.type is SqlType.TIMESTAMP:
        second = timedelta(microseconds=random.randrange(86_400_000_000))
        moment = datetime.combine(day(random), time()) + second
        zone, minutes = random.choice(ZONES)
        local = moment + timedelta(minutes=minutes)
        finer = random.choice(["", "9", "123"])
        return Cell(f"{local:%Y-%m-%d}{random.choice(' T')}{local:%H:%M:%S.%f}{finer}{zone}", moment)
    cents = random.choice([random.randint(-99, 999), random.randint(-(10**11), 10**11)])
    if column.type is SqlType.INTEGER:
        return Cell(random.choice(["{}", "{}.0"]).format(cents), cents)
    amount = Decimal(cents).scaleb(-2)
    return Cell(random.choice(["{}", "{}0"]).format(amount), amount)


def cell_of(random: Random, column: Column) -> Cell:
    good, kind = good_cell(random, column), random.random()
    if kind < 0.02:
        return Cell(random.choice(["a\x07b", "x" * 257] if column.identifier else WRONG[column.type]), BAD)
    if kind < 0.06:
        return Cell(random.choice(SPACES), None if column.nullable else BAD)
    if kind < 0.2:
        return Cell(random.choice(SPACES) + good.text + random.choice(SPACES), good.value)
    return good


def rows_of(source: SourceFile, number: int, random: Random) -> list[Row]:
    """Rows of the source's columns, some of them twice; the same for the same state of `random`."""
    rows: list[Row] = []
    while len(rows) < number:
        row = Row(
            cells=[cell_of(random, column) for column in source.record.columns],
            left_out=random.choice([0] * 8 + [1, 2]),
            spoiled=random.choice([""] * 30 + ["surplus", "quote"]),
            empty_lines_before=random.choice([0, 0, 0, 1, 2]),
            quoted=random.random() < 0.3,
        )
        rows.append(row if any(cell.text.strip() for cell in row.kept) else replace(row, left_out=0))
        if random.random() < 0.1:
            rows.append(random.choice(rows))
    return rows


# Files


@dataclass(frozen=True)
class Format:
    """How rows become a file, and each row's line in it; the file may be refused whole where it is not `certain`."""

    name: str
    extension: str
    write: Callable[[list[str], list[Row]], tuple[bytes, list[int]]]
    certain: bool = True

    def __repr__(self) -> str:
        return self.name

    def named(self, source: SourceFile) -> SourceFile:
        """The source as a file of this format."""
        return replace(source, name=source.name.partition(".")[0] + self.extension)


def csv_as(
    encoding: str, separator: str, pack: Callable[[bytes], bytes] = bytes, certain: bool = True, end: str = "\n"
) -> Format:
    def field(text: str, quoted: bool) -> str:
        must = any(character in text for character in (separator, '"', "\n", "\r", ";", "\t", ","))
        return '"' + text.replace('"', '""') + '"' if quoted or must else text

    def write(header: list[str], rows: list[Row]) -> tuple[bytes, list[int]]:
        lines, text = [], separator.join(header) + end
        for row in rows:
            fields = [field(cell.text, row.quoted) for cell in row.kept]
            if row.spoiled == "surplus":
                fields = fields + ["1"] * (row.left_out + 1)
            if row.spoiled == "quote":
                fields = ['"a"b', *(f for f in fields[1:] if "\n" not in f)]
            text += end * row.empty_lines_before
            lines.append(text.count("\n") + 1)
            text += separator.join(fields) + end
        return pack(text.encode(encoding)), lines

    return Format(f"csv {encoding} {separator!r} {getattr(pack, '__name__', '')}", ".csv", write, certain)


def write_parquet(header: list[str], rows: list[Row]) -> tuple[bytes, list[int]]:
    file = io.BytesIO()
    columns = {
        name: pa.array([_in_parquet(row, position) for row in rows], pa.string())
        for position, name in enumerate(header)
    }
    pq.write_table(pa.table(columns), file)
    return file.getvalue(), list(range(1, len(rows) + 1))


def _in_parquet(row: Row, position: int) -> str | None:
    return row.kept[position].text if position < len(row.kept) else None


# Add an encoding or a separator here; one that readers may refuse as a whole is not certain.
FORMATS = [
    csv_as("utf-8", ","),
    csv_as("utf-8-sig", ",", end="\r\n"),
    Format("parquet", ".parquet", write_parquet),
    csv_as("utf-8", ";"),
    csv_as("utf-8", "\t"),
    csv_as("utf-16", ","),
    csv_as("utf-16", "|", gzip.compress),
    csv_as("utf-8", ",", gzip.compress),
]


# What is right


def is_possible(file: str, row: dict[str, Any]) -> bool:
    """Whether a row of good cells can be true by itself."""
    if file == "sessions":
        return row["ENDED_AT"] is None or row["ENDED_AT"] >= row["STARTED_AT"]
    if file == "subscription_periods":
        in_order = row["END_DATE"] is None or row["END_DATE"] >= row["START_DATE"]
        return in_order and row["MONTHLY_AMOUNT"] >= 0
    return True


def expected(source: SourceFile, rows: list[Row], lines: list[int], parquet: bool) -> dict[int, dict[str, Any]]:
    """The rows that are to be loaded, by line."""
    columns, name = source.record.columns, source.name.partition(".")[0]
    good: dict[int, dict[str, Any]] = {}
    for row, line in zip(rows, lines, strict=True):
        values = {column.name: cell.value for column, cell in zip(columns, row.cells, strict=True)}
        for column in columns[len(columns) - row.left_out :]:
            values[column.name] = None if column.nullable else BAD
        if BAD in values.values() or (row.spoiled and not parquet) or not is_possible(name, values):
            continue
        key = [values[column] for column in source.record.key]
        if key and any(key == [before[column] for column in source.record.key] for before in good.values()):
            continue
        good[line] = values
    if name == "comment_training":
        labels: dict[str, set[int]] = {}
        for values in good.values():
            labels.setdefault(values["REVIEW_TEXT"], set()).add(values["LABEL"])
        contradicted = {text for text, found in labels.items() if found >= {0, 1}}
        good = {
            line: values
            for line, values in good.items()
            if values["LABEL"] is None or values["REVIEW_TEXT"] not in contradicted
        }
    return good


def check_sums(file: LoadedFile) -> None:
    assert file.lines_in == file.rows.num_rows + file.rejected.num_rows
    lines = file.rejected["LINE"].to_pylist()
    assert lines == sorted(set(lines))
    assert "" not in file.rejected["REASON"].to_pylist() + file.rejected["RULE"].to_pylist()


SOURCES, FORMAT, SEEDS = st.sampled_from(SOURCE_FILES), st.sampled_from(FORMATS), st.integers(0, 2**32)


@given(SOURCES, FORMAT, st.integers(0, 60), SEEDS)
@settings(derandomize=True, deadline=None, max_examples=1000)
def test_every_row_is_loaded_as_it_says_or_rejected(source: SourceFile, form: Format, number: int, seed: int):
    rows = rows_of(source, number, Random(seed))
    source = form.named(source)
    content, lines = form.write([name.lower() for name in source.record.column_names], rows)
    try:
        file = parse_file(source, content)
    except SourceError:
        assert not form.certain
        return
    check_sums(file)
    right = expected(source, rows, lines, parquet=form.extension == ".parquet")
    loaded = file.rows.select(source.record.column_names).to_pylist()
    assert loaded == list(right.values())
    assert file.rejected["LINE"].to_pylist() == [line for line in lines if line not in right]


@given(SOURCES, st.integers(0, 5) | st.just(120), SEEDS, st.booleans())
@settings(derandomize=True, deadline=None, max_examples=200)
def test_no_table_is_emptied_in_silence(source: SourceFile, number: int, seed: int, needs_rows: bool):
    content, _ = FORMATS[0].write(source.record.column_names, rows_of(source, number, Random(seed)))
    file = parse_file(FORMATS[0].named(source), content)
    try:
        accept(file, rows_before=1, needs_rows=needs_rows)
    except SourceError:
        return
    assert file.rows.num_rows > 0
    assert file.lines_in < 100 or file.rejected.num_rows <= 0.1 * file.lines_in


CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)


@given(SOURCES, FORMAT, SEEDS, CHANGES)
@settings(derandomize=True, deadline=None, max_examples=400)
def test_changed_bytes_are_read_or_refused(
    source: SourceFile, form: Format, seed: int, changes: list[tuple[int, int]]
):
    source = form.named(source)
    content, _ = form.write(source.record.column_names, rows_of(source, 5, Random(seed)))
    damaged = bytearray(content)
    for position, byte in changes:
        damaged[position % len(damaged)] = byte
    try:
        file = parse_file(source, bytes(damaged))
    except SourceError as error:
        assert str(error).startswith(source.name)
        assert "\n" not in str(error)
    else:
        check_sums(file)
