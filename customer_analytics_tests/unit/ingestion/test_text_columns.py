"""What text states a value of each type, and what does not."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.text_columns import parse_column
from customer_analytics.tables import Column, SqlType
from customer_analytics.tables.model import identifier


def read_as(column: Column, *texts: str | None) -> tuple[list[Any], list[str | None], set[str]]:
    """Values, reasons by row (joined), and rules, from a column of two chunks."""
    values, faults = parse_column(column, pa.chunked_array([texts[:1], texts[1:]], pa.string()))
    assert values.type == column.type.arrow
    reasons: list[str | None] = [None] * len(texts)
    for fault in faults:
        for row, reason in zip(fault.rows.tolist(), fault.reasons(), strict=True):
            assert reasons[row] is None
            reasons[row] = reason
    return values.to_pylist(), reasons, {fault.rule for fault in faults}


def read(type_: SqlType, *texts: str | None, nullable: bool = True) -> tuple[list[Any], list[str | None]]:
    values, reasons, _ = read_as(Column("C", type_, "A column.", nullable), *texts)
    return values, reasons


ACCEPTED = [
    (SqlType.INTEGER, "7", 7),
    (SqlType.INTEGER, " -007\t", -7),
    (SqlType.INTEGER, "12.00", 12),
    (SqlType.INTEGER, "+9223372036854775807", 2**63 - 1),
    (SqlType.INTEGER, "-9223372036854775808", -(2**63)),
    (SqlType.AMOUNT, "13", Decimal("13.00")),
    (SqlType.AMOUNT, "-0.5", Decimal("-0.50")),
    (SqlType.AMOUNT, "+.05", Decimal("0.05")),
    (SqlType.AMOUNT, "12.", Decimal("12.00")),
    (SqlType.AMOUNT, "1.2500", Decimal("1.25")),
    (SqlType.AMOUNT, "\u00a010.10", Decimal("10.10")),
    (SqlType.AMOUNT, "1000000000.00", Decimal("1000000000.00")),
    (SqlType.AMOUNT, "-1000000000", Decimal("-1000000000.00")),
    (SqlType.FLOAT, "+1.5e-3", 0.0015),
    (SqlType.FLOAT, ".25", 0.25),
    (SqlType.FLOAT, "5.", 5.0),
    (SqlType.BOOLEAN, "True", True),
    (SqlType.BOOLEAN, "0", False),
    (SqlType.DATE, "2020-02-29", date(2020, 2, 29)),
    (SqlType.DATE, " 1900-01-01 ", date(1900, 1, 1)),
    (SqlType.DATE, "2260-12-31", date(2260, 12, 31)),
    (SqlType.DATE, "2020-02-03 0:00", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03T00:00:00.000000000", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03T00:00:00Z", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03 00:00:00.000+00", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03 00:00:00 UTC", date(2020, 2, 3)),
    (SqlType.DATE, "2020-02-03 00:00:00+02:00", date(2020, 2, 3)),
    (SqlType.TIMESTAMP, "2020-02-04 4:30:21", datetime(2020, 2, 4, 4, 30, 21)),
    (SqlType.TIMESTAMP, "2020-02-04T04:30", datetime(2020, 2, 4, 4, 30)),
    (SqlType.TIMESTAMP, "2020-02-04 23:59:59.5", datetime(2020, 2, 4, 23, 59, 59, 500_000)),
    (SqlType.TIMESTAMP, "2020-02-04 00:00:00.000007000", datetime(2020, 2, 4, 0, 0, 0, 7)),
    (SqlType.TIMESTAMP, "2020-02-04 00:00:00.1234567", datetime(2020, 2, 4, 0, 0, 0, 123_456)),
    (SqlType.TIMESTAMP, "2020-02-04 00:00:00.123456999Z", datetime(2020, 2, 4, 0, 0, 0, 123_456)),
    (SqlType.TIMESTAMP, "2020-03-01T00:30:00Z", datetime(2020, 3, 1, 0, 30)),
    (SqlType.TIMESTAMP, "2020-03-01 00:30:00 UTC", datetime(2020, 3, 1, 0, 30)),
    (SqlType.TIMESTAMP, "2020-03-01 00:30:00+01", datetime(2020, 2, 29, 23, 30)),
    (SqlType.TIMESTAMP, "2020-03-01 00:30:00.25 +00", datetime(2020, 3, 1, 0, 30, 0, 250_000)),
    (SqlType.TIMESTAMP, "2020-03-01T00:30:00+01:00", datetime(2020, 2, 29, 23, 30)),
    (SqlType.TIMESTAMP, "2020-12-31 23:30:00-0530", datetime(2021, 1, 1, 5, 0)),
    (SqlType.TIMESTAMP, "1969-12-31 23:59:59.25", datetime(1969, 12, 31, 23, 59, 59, 250_000)),
    (SqlType.TEXT, " '); DROP TABLE x; -- ", "'); DROP TABLE x; --"),
    (SqlType.TEXT, "\ufeff\u200b\u00a0two  words\u2003\r\n", "two  words"),
    (SqlType.TEXT, "❤\ufe0f", "❤\ufe0f"),
    (SqlType.TEXT, "...", "..."),
]


@pytest.mark.parametrize(("type_", "text", "value"), ACCEPTED)
def test_a_text_that_states_a_value_is_read_exactly(type_: SqlType, text: str, value: Any):
    assert read(type_, text, None, text) == ([value, None, value], [None, None, None])


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u00a0", "\u200b\u200d", "\ufeff", "\u3000", "\u3164", "\ufe0f\u2060"]
)
def test_a_text_without_a_visible_character_says_nothing(text: str):
    for type_ in READ:
        assert read(type_, text) == ([None], [None])


INTEGER, AMOUNT = "is not a whole number", "is not an amount (such as 10.50)"
DATE, YEARS = "is not a date (YYYY-MM-DD)", "is not in the years 1900 to 2260"
MOMENT = "is not a date and time (YYYY-MM-DD HH:MM:SS)"
COMMA = "has a comma: write a point before the decimals and nothing between thousands"
READ = tuple(type_ for type_ in SqlType if type_ is not SqlType.VECTOR)
REFUSED = [
    *((SqlType.INTEGER, text, INTEGER) for text in ("1.5", "1e3", "0x1F", "1,000", "\u0661", "x", "true")),
    *((SqlType.INTEGER, text, INTEGER) for text in ("1 2", "--1", "nan", ".0")),
    *((SqlType.INTEGER, text, "is beyond 64 bits") for text in ("9223372036854775808", "-9223372036854775809")),
    *((SqlType.INTEGER, text, "is beyond 64 bits") for text in ("9" * 38, "9" * 40)),
    *((SqlType.AMOUNT, text, AMOUNT) for text in ("1e2", "nan", "inf", "-", ".", "$5", "1.2.3")),
    *((SqlType.AMOUNT, text, "has more than two decimals") for text in ("1.005", "-.123", "1.5000000000000001")),
    *((SqlType.AMOUNT, text, COMMA) for text in ("10,50", "1,000.00")),
    *(
        (SqlType.AMOUNT, text, "is beyond 1,000,000,000")
        for text in ("1000000000.01", "-9e9".replace("e9", "0" * 9))
    ),
    (SqlType.AMOUNT, "9" * 40, "is beyond 1,000,000,000"),
    *((SqlType.FLOAT, text, "is not a finite number") for text in ("nan", "inf", "1e999", "1,5", ".", "e5")),
    *((SqlType.BOOLEAN, text, "is neither true nor false") for text in ("2", "t rue", "null")),
    *(
        (SqlType.DATE, text, DATE)
        for text in ("2020-02-30", "2019-02-29", "1900-02-29", "2020-13-01", "2020-00-10")
    ),
    *((SqlType.DATE, text, DATE) for text in ("2020-04-31", "2020-01-32", "2020-01-00", "20-1-1", "03.02.2020")),
    *((SqlType.DATE, text, DATE) for text in ("2020-02-03 00:01", "2020-02-03 00:00:00.001", "10000-01-01")),
    *((SqlType.DATE, text, DATE) for text in ("2020-02-03 01:00:00+01", "2020-02-03 UTC")),
    *(
        (SqlType.DATE, text, YEARS)
        for text in ("1899-12-31", "2261-01-01", "0001-01-01", "9999-12-31", "0000-01-01")
    ),
    *(
        (SqlType.TIMESTAMP, text, MOMENT)
        for text in ("2020-02-30 10:00", "2020-02-03 24:00:00", "2020-02-03 10:60")
    ),
    *(
        (SqlType.TIMESTAMP, text, MOMENT)
        for text in ("2020-02-03", "2020-02-03 10:00:60", "noon", "2020-02-03 10")
    ),
    *((SqlType.TIMESTAMP, text, MOMENT) for text in ("2020-02-03 10:00:00 CET", "2020-02-03 10:00:00.0000000001")),
    *((SqlType.TIMESTAMP, text, YEARS) for text in ("2260-12-31 23:30:00-01:00", "1900-01-01 00:30+01:00")),
    *((SqlType.TIMESTAMP, text, YEARS) for text in ("9999-12-31 23:59:00", "0000-01-01 00:00")),
]


@pytest.mark.parametrize(("type_", "text", "words"), REFUSED)
def test_a_text_that_states_no_value_is_refused_with_column_and_value(type_: SqlType, text: str, words: str):
    good = next(accepted for accepted in ACCEPTED if accepted[0] == type_)
    values, reasons, rules = read_as(Column("C", type_, "A column."), text, good[1], None)
    assert values == [None, good[2], None]
    assert reasons == [f"C '{text}' {words}", None, None]
    assert rules == {f"C {words}"}


def test_a_value_that_may_not_be_missing_is_named():
    values, reasons = read(SqlType.INTEGER, "1", None, "  ", "x", nullable=False)
    assert values == [1, None, None, None]
    assert reasons == [None, "C is missing", "C is missing", "C 'x' is not a whole number"]


def test_text_with_nul_or_longer_than_snowflake_holds_is_refused():
    longest = "é" * (8 * 1024 * 1024)
    values, reasons = read(SqlType.TEXT, "a\0b", longest, longest + "x", nullable=False)
    assert values == [None, longest, None]
    assert reasons == ["C 'a b' has a NUL character", None, f"C '{'é' * 39}…' is longer than 16 MiB"]


def test_ids_are_kept_as_they_come_but_for_blanks_around_them():
    ids = [
        "007",
        "7.0",
        "cus_9s6X",
        "CF-00105",
        " 5\u00a0",
        "1.2345678901e10",
        "18446744073709551616",
        "a b",
        "x" * 256,
    ]
    values, reasons, _ = read_as(identifier("ID", "An id."), *ids)
    assert values == [*ids[:4], "5", *ids[5:]]
    assert reasons == [None] * len(ids)


def test_ids_with_control_characters_or_of_more_than_256_characters_are_refused():
    values, reasons, rules = read_as(identifier("ID", "An id."), "a\tb", "a\x00", "a\u2028b", "x" * 257, "\u200b")
    assert values == [None] * 5
    assert reasons == [
        "ID 'a b' has control characters",
        "ID 'a ' has control characters",
        "ID 'a b' has control characters",
        f"ID '{'x' * 39}…' is longer than 256 characters",
        "ID is missing",
    ]
    assert rules == {"ID has control characters", "ID is longer than 256 characters", "ID is missing"}


def test_a_column_of_zeros_and_ones_takes_words_of_truth():
    column = Column("LABEL", SqlType.INTEGER, "A label.", accepted=(0, 1))
    values, reasons, _ = read_as(column, "t", "False", "1", "0.0", "2", None, "perhaps")
    assert values == [1, 0, 1, 0, 2, None, None]
    assert reasons == [None] * 6 + ["LABEL 'perhaps' is not a whole number"]


def test_values_in_reasons_are_on_one_line_and_at_most_40_visible_characters():
    _, reasons = read(SqlType.BOOLEAN, "a\nb\tc", "x" * 41, "y" * 40, "a\u202eb\u200bc\x1b[31md\u2028e")
    assert reasons == [
        "C 'a b c' is neither true nor false",
        f"C '{'x' * 39}…' is neither true nor false",
        f"C '{'y' * 40}' is neither true nor false",
        "C 'a b c [31md e' is neither true nor false",
    ]


@pytest.mark.parametrize("type_", READ)
def test_no_rows_and_nothing_but_nulls_are_fine(type_: SqlType):
    assert read(type_) == ([], [])
    assert read(type_, None, None) == ([None, None], [None, None])


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2260, 12, 31)), min_size=1))
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
