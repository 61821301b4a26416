"""Columns of text parsed as columns of Snowflake types, whole columns at a time.

Values of CSV and of Parquet files are both parsed from text, so that one set of rules applies. White space and
invisible characters are trimmed from both ends, and a value without other characters is null. Fractions of a
second are cut to microseconds. Nothing else is rounded, guessed or cut: a text that is not exactly a value of
the type is rejected.
"""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.moments import FIRST_YEAR, LAST_YEAR, dates, midnight, moments, outside_years
from customer_analytics.ingestion.rules import Fault, faults_where
from customer_analytics.ingestion.text import BLANKS
from customer_analytics.tables import Column, SqlType
from customer_analytics.tables.sources import LARGEST_AMOUNT

_LONGEST_ID = 256
# Length of Snowflake's VARCHAR where none is declared, in bytes.
_LONGEST_TEXT = 16 * 1024 * 1024
# Soft hyphens, marks of direction and invisible operators, beside blanks.
_UNSEEN = (
    BLANKS + "\xad\u061c\u180e\u200e\u200f" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2060, 0x2070))))
)
# Fillers, and characters that only change the one before them, such as an emoji.
_MODIFIERS = (*range(0xFE00, 0xFE10), *range(0xE0001, 0xE0080), *range(0xE0100, 0xE01F0))
_UNSEEN_FIRST = _UNSEEN + "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, _MODIFIERS))


class _Parser(NamedTuple):
    """How a type is parsed.

    `otherwise` says what is wrong with a text that is no value: patterns, and the words for texts that match. The
    first pattern that matches counts.
    """

    parse: Callable[[pa.ChunkedArray], pa.ChunkedArray]
    otherwise: tuple[tuple[str, str], ...]


def parse_column(column: Column, texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[Fault]]:
    """The column's values, null where they are missing or invalid, and the faults of the rows that are rejected.

    Args:
        column: The column to parse.
        texts: The file's values, null where it has none.
    """
    texts = _trimmed(texts)
    parser = _IDENTIFIER if column.identifier else _PARSERS[column.type]
    values = parser.parse(_truth_as_number(texts) if set(column.accepted) == {0, 1} else texts)
    faults = _unreadable(column, texts, values, parser)
    if column.type in (SqlType.DATE, SqlType.TIMESTAMP):
        outside = outside_years(values)
        faults += faults_where(
            outside, f"{column.name} ", texts, f" is not in the years {FIRST_YEAR} to {LAST_YEAR}"
        )
        values = _where(pc.invert(outside), values)
    if not column.nullable and texts.null_count:
        faults += faults_where(pc.is_null(texts), f"{column.name} is missing")
    return values, faults


def stated_moments(texts: pa.ChunkedArray, time_zone: str = "UTC") -> pa.ChunkedArray:
    """The moments of texts, in UTC; a date alone is its midnight in the time zone, anything else is null."""
    times, _ = parse_column(Column("MOMENT", SqlType.TIMESTAMP, ""), texts)
    days, _ = parse_column(Column("DAY", SqlType.DATE, ""), texts)
    midnights = [day and midnight(day, time_zone) for day in days.to_pylist()]
    return pc.coalesce(times, pa.chunked_array([midnights], times.type))


def _trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts without invisible characters at their ends; null where nothing is left."""
    left = pc.utf8_ltrim(pc.utf8_trim(texts, characters=_UNSEEN), characters=_UNSEEN_FIRST)
    return _where(pc.not_equal(left, ""), left)


def _unreadable(column: Column, texts: pa.ChunkedArray, values: pa.ChunkedArray, parser: _Parser) -> list[Fault]:
    faults: list[Fault] = []
    rest = pc.and_(pc.is_valid(texts), pc.is_null(values))
    for pattern, words in parser.otherwise:
        if not pc.any(rest).as_py():
            break
        these = pc.and_(rest, pc.fill_null(pc.match_substring_regex(texts, pattern), False))
        faults += faults_where(these, f"{column.name} ", texts, f" {words}")
        rest = pc.and_not(rest, these)
    return faults


def _where(condition: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values where the condition holds, else null."""
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _text(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    storable = pc.less_equal(pc.binary_length(texts), _LONGEST_TEXT)
    return _where(pc.and_not(storable, pc.match_substring(texts, "\0")), texts)


def _identifier(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    short = pc.less_equal(pc.utf8_length(texts), _LONGEST_ID)
    return _where(pc.and_not(short, pc.match_substring_regex(texts, _CONTROL)), texts)


def _truth_as_number(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The texts with 1 for true and yes and 0 for false and no, in any case, also abbreviated to a letter."""
    return pc.coalesce(_boolean(texts).cast(pa.int8()).cast(pa.string()), texts)


def _integer(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    # Text to int64 fails as a whole on a single number out of range; 38 digits always fit a decimal.
    numbers = _matching(texts, r"^[+-]?[0-9]{1,24}(?:\.0{0,14})?$").cast(pa.decimal128(38, 0))
    return _within(numbers, f"-{2**63}", f"{2**63 - 1}").cast(pa.int64())


def _amount(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = r"^[+-]?(?:[0-9]{1,24}(?:\.(?:[0-9]{1,2}0{0,10})?)?|\.[0-9]{1,2}0{0,10})$"
    numbers = _matching(texts, plain).cast(pa.decimal128(38, 2))
    return _within(numbers, f"-{LARGEST_AMOUNT}", f"{LARGEST_AMOUNT}").cast(pa.decimal128(18, 2))


def _float(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = _matching(texts, r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?$")
    numbers = pc.replace_substring_regex(plain, r"^\+", "").cast(pa.float64())
    return _where(pc.is_finite(numbers), numbers)


def _boolean(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    words = pc.utf8_lower(texts)
    true = pc.is_in(words, pa.array(["true", "t", "yes", "y", "1"]))
    return _where(pc.or_(true, pc.is_in(words, pa.array(["false", "f", "no", "n", "0"]))), true)


def _matching(texts: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return _where(pc.match_substring_regex(texts, pattern), texts)


def _within(numbers: pa.ChunkedArray, lowest: str, highest: str) -> pa.ChunkedArray:
    low, high = (pa.scalar(bound).cast(numbers.type) for bound in (lowest, highest))
    return _where(pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high)), numbers)


_ANY = ""
_CONTROL = r"[\p{Cc}\p{Zl}\p{Zp}]"
_IDENTIFIER = _Parser(
    _identifier, ((_CONTROL, "has control characters"), (_ANY, f"is longer than {_LONGEST_ID} characters"))
)
_PARSERS: dict[SqlType, _Parser] = {
    SqlType.TEXT: _Parser(_text, ((r"\x00", "has a NUL character"), (_ANY, "is longer than 16 MiB"))),
    SqlType.INTEGER: _Parser(
        _integer, ((r"^[+-]?[0-9]+(?:\.0*)?$", "is beyond 64 bits"), (_ANY, "is not a whole number"))
    ),
    SqlType.AMOUNT: _Parser(
        _amount,
        (
            (r"^[+-]?[0-9]+(?:\.[0-9]{0,2}0*)?$", f"is beyond {LARGEST_AMOUNT:,}"),
            (r"^[+-]?[0-9]*\.[0-9]+$", "has more than two decimals"),
            (r"^[^,]*[0-9],[0-9]", "has a comma: write a point before the decimals and nothing between thousands"),
            (_ANY, "is not an amount (such as 10.50)"),
        ),
    ),
    SqlType.FLOAT: _Parser(_float, ((_ANY, "is not a finite number"),)),
    SqlType.BOOLEAN: _Parser(_boolean, ((_ANY, "is neither true nor false"),)),
    SqlType.DATE: _Parser(dates, ((_ANY, "is not a date (YYYY-MM-DD)"),)),
    SqlType.TIMESTAMP: _Parser(moments, ((_ANY, "is not a date and time (YYYY-MM-DD HH:MM:SS)"),)),
}
