"""Parquet files: any plain column is read from the text of its values."""

import io
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.location import SourceError
from customer_analytics.ingestion.parquet_records import read_parquet
from customer_analytics.tables import Column, SqlType, Table

NOTES = Table(
    "NOTES",
    "One row per note.",
    (
        Column("ID", SqlType.INTEGER, "Identifies the note.", nullable=False),
        Column("BODY", SqlType.TEXT, "What it says."),
    ),
)


def parquet(columns: dict[str, Any] | pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file)
    return file.getvalue()


def texts(values: pa.Array) -> list[str | None]:
    records = read_parquet("notes.parquet", parquet({"id": list(range(len(values))), "Body": values}), NOTES)
    column: list[str | None] = records.texts["BODY"].to_pylist()
    return column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["a", "", None]), ["a", "", None]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", "b", "a", None]).dictionary_encode(), ["a", "b", "a", None]),
        (pa.array([b"\xc3\xa9"]), ["é"]),
        (pa.array([1, -2, None], pa.int16()), ["1", "-2", None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([12.0, 0.1, None]), ["12", "0.1", None]),
        (pa.array([Decimal("12.50")]), ["12.50"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([1.5, float("nan")]), ["1.5", None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array([uuid.UUID(int=7).bytes, None], pa.uuid()), [str(uuid.UUID(int=7)), None]),
        (pa.array([date(2020, 2, 3)]), ["2020-02-03"]),
        (pa.array([datetime(2020, 2, 3, 4, 5, 6)], pa.timestamp("us")), ["2020-02-03 04:05:06.000000"]),
        (pa.array([datetime(2020, 2, 3)], pa.timestamp("us", "UTC")), ["2020-02-03 00:00:00.000000Z"]),
        (pa.nulls(1), [None]),
    ],
)
def test_values_of_any_plain_type_become_text(values: pa.Array, expected: list[str | None]):
    assert texts(values) == expected


def test_columns_are_found_in_any_order_and_case_and_others_are_named():
    records = read_parquet("notes.parquet", parquet({"x": [0], "bODY": ["b"], "a.b": [1], "Id": [5]}), NOTES)
    assert records.texts.to_pylist() == [{"ID": "5", "BODY": "b"}]
    assert records.ignored_columns == ("x", "a.b")
    assert records.lines.tolist() == [1]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.binary()])
def test_bytes_that_are_not_utf8_break_their_row_alone_and_stay_readable(type_: pa.DataType):
    latin = pa.array([b"a", b"M\xfcller", b"c"]).cast(type_, safe=False)
    records = read_parquet("notes.parquet", parquet({"ID": [7, 8, 9], "BODY": latin}), NOTES)
    assert records.texts["BODY"].to_pylist() == ["a", "c"]
    assert records.lines.tolist() == [1, 3]
    assert records.broken == {2: "BODY has bytes that are not UTF-8"}
    assert records.raw([2]) == [r'{"ID": "8", "BODY": "M\\xfcller"}']


def test_the_raw_form_is_json_of_the_tables_columns():
    content = parquet({"id": [1, 2, 3], "body": ["a", None, 'é "q"'], "x": [0, 0, 0]})
    records = read_parquet("notes.parquet", content, NOTES)
    assert records.raw([2, 3]) == ['{"ID": "2", "BODY": null}', '{"ID": "3", "BODY": "é \\"q\\""}']
    assert records.raw([]) == []


def test_a_file_without_rows_has_no_records():
    records = read_parquet("notes.parquet", parquet({"id": pa.array([], pa.int64()), "body": pa.nulls(0)}), NOTES)
    assert (records.texts.num_rows, records.lines.tolist(), records.broken) == (0, [], {})


WHOLE = parquet({"id": [1, 2], "body": ["a", "b"]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "notes.parquet is empty: it must be a Parquet file with ID, BODY."),
        (b"id,body\n1,a\n", "notes.parquet is not a Parquet file, or is damaged ("),
        (WHOLE[:-20], "notes.parquet is not a Parquet file, or is damaged ("),
        (WHOLE[:4] + b"\0" * 40 + WHOLE[44:], "notes.parquet is not a Parquet file, or is damaged ("),
        (parquet({"id": [1]}), "notes.parquet lacks the column BODY; it has id: add what is missing."),
        (parquet({"id": [1], "ID": [1], "body": ["a"]}), "notes.parquet has the column ID twice: "),
        (
            parquet({"id": [1], "body": [["a"]]}),
            "notes.parquet has list<element: string> in BODY: write plain values instead.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_says_why(content: bytes, message: str):
    with pytest.raises(SourceError) as error:
        read_parquet("notes.parquet", content, NOTES)
    assert str(error.value).startswith(message)


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
@settings(deadline=None, max_examples=300)
def test_a_damaged_byte_never_fails_otherwise(position: int, change: int):
    damaged = bytearray(WHOLE)
    damaged[position] ^= change
    try:
        records = read_parquet("notes.parquet", bytes(damaged), NOTES)
    except SourceError as error:
        assert str(error).startswith("notes.parquet ")
    else:
        assert records.texts.num_rows == len(records.lines)
