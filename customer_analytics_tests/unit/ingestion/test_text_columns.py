"""What text states a value of each type, and what does not."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.text_columns import read_column
from customer_analytics.tables import Column, SqlType


def read(type_: SqlType, *texts: str | None, nullable: bool = True) -> tuple[list[Any], list[str | None]]:
    """Values and reasons, from a column of two chunks."""
    values = pa.chunked_array([texts[:1], texts[1:]], pa.string())
    typed, reasons = read_column(Column("C", type_, "A column.", nullable), values)
    assert typed.type == type_.arrow
    return typed.to_pylist(), reasons.to_pylist() if reasons is not None else [None] * len(texts)


ACCEPTED = [
    (SqlType.INTEGER, "7", 7),
    (SqlType.INTEGER, " -007\t", -7),
    (SqlType.INTEGER, "+9223372036854775807", 2**63 - 1),
    (SqlType.INTEGER, "-9223372036854775808", -(2**63)),
    (SqlType.AMOUNT, "13", Decimal("13.00")),
    (SqlType.AMOUNT, "-0.5", Decimal("-0.50")),
    (SqlType.AMOUNT, "+.05", Decimal("0.05")),
    (SqlType.AMOUNT, "12.", Decimal("12.00")),
    (SqlType.AMOUNT, "1.2500", Decimal("1.25")),
    (SqlType.AMOUNT, "9999999999999999.99", Decimal("9999999999999999.99")),
    (SqlType.AMOUNT, "-9999999999999999.99", Decimal("-9999999999999999.99")),
    (SqlType.FLOAT, "+1.5e-3", 0.0015),
    (SqlType.FLOAT, ".25", 0.25),
    (SqlType.FLOAT, "5.", 5.0),
    (SqlType.BOOLEAN, "True", True),
    (SqlType.BOOLEAN, "0", False),
    (SqlType.DATE, "2020-02-29", date(2020, 2, 29)),
    (SqlType.DATE, " 0001-01-01 ", date(1, 1, 1)),
    (SqlType.DATE, "9999-12-31", date(9999, 12, 31)),
    (SqlType.DATE, "2020-02-03 0:00", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03T00:00:00.000000000", date(2020, 2, 3)),
    (SqlType.TIMESTAMP, "2020-02-04 4:30:21", datetime(2020, 2, 4, 4, 30, 21)),
    (SqlType.TIMESTAMP, "2020-02-04T04:30", datetime(2020, 2, 4, 4, 30)),
    (SqlType.TIMESTAMP, "2020-02-04 23:59:59.5", datetime(2020, 2, 4, 23, 59, 59, 500_000)),
    (SqlType.TIMESTAMP, "2020-02-04 00:00:00.000007000", datetime(2020, 2, 4, 0, 0, 0, 7)),
    (SqlType.TIMESTAMP, "2020-03-01T00:30:00Z", datetime(2020, 3, 1, 0, 30)),
    (SqlType.TIMESTAMP, "2020-03-01T00:30:00+01:00", datetime(2020, 2, 29, 23, 30)),
    (SqlType.TIMESTAMP, "2020-12-31 23:30:00-0530", datetime(2021, 1, 1, 5, 0)),
    (SqlType.TIMESTAMP, "1969-12-31 23:59:59.25", datetime(1969, 12, 31, 23, 59, 59, 250_000)),
    (SqlType.TEXT, " '); DROP TABLE x; -- ", " '); DROP TABLE x; -- "),
    (SqlType.TEXT, "", ""),
]


@pytest.mark.parametrize(("type_", "text", "value"), ACCEPTED)
def test_a_text_that_states_a_value_is_read_exactly(type_: SqlType, text: str, value: Any):
    assert read(type_, text, None, text) == ([value, None, value], [None, None, None])


# No file holds vectors, and that any text is a text goes without saying.
EXPECTED = {
    SqlType.INTEGER: "a whole number of at most 64 bits",
    SqlType.AMOUNT: "an amount with at most two decimals, a point before them and no other separators",
    SqlType.FLOAT: "a finite number",
    SqlType.BOOLEAN: "true or false",
    SqlType.DATE: "a date of the calendar as YYYY-MM-DD",
    SqlType.TIMESTAMP: "a date and time of the calendar as YYYY-MM-DD HH:MM:SS",
}
READ = (*EXPECTED, SqlType.TEXT)
REFUSED = [
    *((SqlType.INTEGER, text) for text in ("1.0", "1e3", "0x1F", "1,000", "\u0661", "x", "9223372036854775808")),
    *((SqlType.INTEGER, text) for text in ("-9223372036854775809", "9" * 60, "1 2", "--1", "nan")),
    *((SqlType.AMOUNT, text) for text in ("1.005", "1,000.00", "1,5", "1e2", "nan", "inf", "-", ".", "$5")),
    *((SqlType.AMOUNT, text) for text in ("10000000000000000", "9" * 60, "1.2.3")),
    *((SqlType.FLOAT, text) for text in ("nan", "inf", "1e999", "1,5", ".", "e5")),
    *((SqlType.BOOLEAN, text) for text in ("2", "t rue", "null")),
    *((SqlType.DATE, text) for text in ("2020-02-30", "2019-02-29", "1900-02-29", "2020-13-01", "2020-00-10")),
    *((SqlType.DATE, text) for text in ("2020-04-31", "2020-01-32", "0000-01-01", "20-1-1", "03.02.2020")),
    *((SqlType.DATE, text) for text in ("2020-02-03 00:01", "2020-02-03 00:00:00.001", "10000-01-01")),
    *((SqlType.TIMESTAMP, text) for text in ("2020-02-30 10:00", "2020-02-03 24:00:00", "2020-02-03 10:60")),
    *((SqlType.TIMESTAMP, text) for text in ("2020-02-03", "2020-02-03 10:00:60", "2020-02-03 10:00:00.0000001")),
    *((SqlType.TIMESTAMP, text) for text in ("9999-12-31 23:59:00-01:00", "0001-01-01 00:00+01:00", "noon")),
]


@pytest.mark.parametrize(("type_", "text"), REFUSED)
def test_a_text_that_states_no_value_is_refused_with_column_value_and_expectation(type_: SqlType, text: str):
    good = next(accepted for accepted in ACCEPTED if accepted[0] == type_)
    values, reasons = read(type_, text, good[1], None)
    assert values == [None, good[2], None]
    assert reasons == [f"C is '{text}', expected {EXPECTED[type_]}", None, None]


def test_a_value_that_may_not_be_missing_is_named():
    values, reasons = read(SqlType.INTEGER, "1", None, "  ", "x", nullable=False)
    assert values == [1, None, None, None]
    assert reasons == [
        None,
        "C is missing",
        "C is missing",
        "C is 'x', expected a whole number of at most 64 bits",
    ]


def test_text_with_nul_or_longer_than_snowflake_holds_is_refused():
    longest = "é" * (8 * 1024 * 1024)
    values, reasons = read(SqlType.TEXT, "a\0b", longest, longest + "x", nullable=False)
    assert values == [None, longest, None]
    expected = "expected text of at most 16 MiB without NUL characters"
    assert reasons == [f"C is 'a b', {expected}", None, f"C is '{'é' * 60}…', {expected}"]


def test_values_in_reasons_are_on_one_line_and_shortened():
    _, reasons = read(SqlType.BOOLEAN, "a\nb\tc", "x" * 61, "y" * 60)
    assert reasons == [
        "C is 'a b c', expected true or false",
        f"C is '{'x' * 60}…', expected true or false",
        f"C is '{'y' * 60}', expected true or false",
    ]


@pytest.mark.parametrize("type_", READ)
def test_no_rows_and_nothing_but_nulls_are_fine(type_: SqlType):
    assert read(type_) == ([], [])
    assert read(type_, None, None) == ([None, None], [None, None])


@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), min_size=1))
@settings(deadline=None)
def test_every_moment_is_read_back_from_its_iso_form(moments: list[datetime]):
    texts = [moment.isoformat(" ") for moment in moments]
    assert read(SqlType.TIMESTAMP, *texts) == (moments, [None] * len(moments))


@given(st.lists(st.text("0123456789-+.:TZ e,", max_size=26), min_size=1))
@settings(deadline=None)
def test_what_is_read_and_what_is_refused_are_all_there_is(texts: list[str]):
    for type_ in READ:
        values, reasons = read(type_, *texts, nullable=False)
        for value, reason in zip(values, reasons, strict=True):
            assert (value is None) != (reason is None)
