"""Columns of text read as columns of Snowflake types, whole columns at a time.

Whatever the file held (text in CSV, any type in Parquet) is read from its text, so that one set of rules says what
is accepted. Nothing is rounded, guessed or cut: a text that does not state a value of the type exactly is refused.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.tables import Column, SqlType

# Length of Snowflake's VARCHAR where none is declared, in bytes.
_LONGEST_TEXT = 16 * 1024 * 1024
_SHOWN_CHARACTERS = 60
_DAY = r"(?P<date>[0-9]{4}-(?:0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01]))"
_DATE = rf"^{_DAY}(?:[ T]0{{1,2}}:00(?::00(?:\.0+)?)?)?$"
_TIMESTAMP = (
    rf"^{_DAY}[ T](?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
    r"(?::(?P<second>[0-5][0-9])(?:\.(?P<fraction>[0-9]{1,6})0*)?)?"
    r" ?(?:[Zz]|(?P<sign>[+-])(?P<offset_hour>[01][0-9]|2[0-3]):?(?P<offset_minute>[0-5][0-9]))?$"
)


def read_column(column: Column, texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """The column's values, and why rows cannot be loaded for it.

    Args:
        column: What is expected.
        texts: What the file says, null where it says nothing.

    Returns:
        Values of the column's Arrow type, null where nothing or nothing readable is there; and one text a row,
        null where the row is fine, or None where all rows are.
    """
    read, expected = _READERS[column.type]
    if column.type is not SqlType.TEXT:
        texts = pc.utf8_trim_whitespace(texts)
        texts = _where(pc.not_equal(texts, ""), texts)
    values = read(texts)
    unreadable = pc.and_(pc.is_valid(texts), pc.is_null(values))
    reasons = reasons_where(unreadable, f"{column.name} is ", texts, f", expected {expected}")
    if column.nullable or texts.null_count == 0:
        return values, reasons
    others = pa.scalar(None, pa.string()) if reasons is None else reasons
    return values, pc.if_else(pc.is_null(texts), f"{column.name} is missing", others)


def reasons_where(broken: pa.ChunkedArray, *parts: str | pa.ChunkedArray) -> pa.ChunkedArray | None:
    """One text a row, null where nothing is broken; None where nothing is broken at all.

    The text is made of the parts: plain words, and the row's values, which must not be null in a broken row.
    """
    if not pc.any(broken).as_py():
        return None
    shown = [part if isinstance(part, str) else quoted(_where(broken, part)) for part in parts]
    return pc.binary_join_element_wise(*shown, "")


def quoted(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as they are shown in a reason: shortened, on one line, in quotes; null stays null."""
    start = pc.utf8_slice_codeunits(values.cast(pa.string()), 0, _SHOWN_CHARACTERS + 1)
    line = pc.replace_substring_regex(start, r"[[:cntrl:]]", " ")
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(line, 0, _SHOWN_CHARACTERS), "…", "")
    return pc.binary_join_element_wise(
        "'", pc.if_else(pc.greater(pc.utf8_length(line), _SHOWN_CHARACTERS), cut, line), "'", ""
    )


def _where(condition: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values where the condition holds, else null."""
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _text(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    storable = pc.less_equal(pc.binary_length(texts), _LONGEST_TEXT)
    return _where(pc.and_not(storable, pc.match_substring(texts, "\0")), texts)


def _integer(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    # Text to int64 fails as a whole on a single number out of range; 38 digits always fit a decimal.
    numbers = _matching(texts, r"^[+-]?[0-9]{1,38}$").cast(pa.decimal128(38, 0))
    return _within(numbers, f"-{2**63}", f"{2**63 - 1}").cast(pa.int64())


def _amount(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = r"^[+-]?(?:[0-9]{1,24}(?:\.(?:[0-9]{1,2}0{0,10})?)?|\.[0-9]{1,2}0{0,10})$"
    numbers = _matching(texts, plain).cast(pa.decimal128(38, 2))
    return _within(numbers, "-9999999999999999.99", "9999999999999999.99").cast(pa.decimal128(18, 2))


def _float(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    plain = _matching(texts, r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?$")
    numbers = pc.replace_substring_regex(plain, r"^\+", "").cast(pa.float64())
    return _where(pc.is_finite(numbers), numbers)


def _boolean(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    words = pc.utf8_lower(texts)
    true = pc.is_in(words, pa.array(["true", "yes", "1"]))
    return _where(pc.or_(true, pc.is_in(words, pa.array(["false", "no", "0"]))), true)


def _date(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return _midnight(pc.extract_regex(texts, _DATE)).cast(pa.date32())


def _timestamp(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    parts = pc.extract_regex(texts, _TIMESTAMP)

    def number(name: str, digits: int = 2) -> pa.ChunkedArray:
        padded = pc.utf8_rpad if name == "fraction" else pc.utf8_lpad
        return padded(pc.struct_field(parts, name), digits, "0").cast(pa.int64())

    offset = pc.add(pc.multiply(number("offset_hour"), 60), number("offset_minute"))
    east = pc.equal(pc.struct_field(parts, "sign"), "+")
    minutes = pc.add(pc.multiply(number("hour"), 60), number("minute"))
    minutes = pc.add(minutes, pc.if_else(east, pc.negate(offset), offset))
    seconds = pc.add(pc.multiply(minutes, 60), number("second"))
    microseconds = pc.add(pc.multiply(seconds, 1_000_000), number("fraction", 6))
    moments = pc.add(_midnight(parts), microseconds.cast(pa.duration("us")))
    return _where(_in_calendar(moments), moments)


def _midnight(parts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Begin of the days of the parts `date` and `day`; null where the calendar has no such day."""
    days = pc.strptime(pc.struct_field(parts, "date"), format="%Y-%m-%d", unit="us", error_is_null=True)
    # strptime takes 30 February for 1 March.
    same_day = pc.equal(pc.day(days), pc.struct_field(parts, "day").cast(pa.int64()))
    return _where(pc.and_(same_day, _in_calendar(days)), days)


def _in_calendar(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether the moments are in the years 1 to 9999, which Snowflake and Python share."""
    years = pc.year(moments)
    return pc.and_(pc.greater_equal(years, 1), pc.less_equal(years, 9999))


def _matching(texts: pa.ChunkedArray, pattern: str) -> pa.ChunkedArray:
    return _where(pc.match_substring_regex(texts, pattern), texts)


def _within(numbers: pa.ChunkedArray, lowest: str, highest: str) -> pa.ChunkedArray:
    low, high = (pa.scalar(bound).cast(numbers.type) for bound in (lowest, highest))
    return _where(pc.and_(pc.greater_equal(numbers, low), pc.less_equal(numbers, high)), numbers)


_READERS: dict[SqlType, tuple[Callable[[pa.ChunkedArray], pa.ChunkedArray], str]] = {
    SqlType.TEXT: (_text, "text of at most 16 MiB without NUL characters"),
    SqlType.INTEGER: (_integer, "a whole number of at most 64 bits"),
    SqlType.AMOUNT: (_amount, "an amount with at most two decimals, a point before them and no other separators"),
    SqlType.FLOAT: (_float, "a finite number"),
    SqlType.BOOLEAN: (_boolean, "true or false"),
    SqlType.DATE: (_date, "a date of the calendar as YYYY-MM-DD"),
    SqlType.TIMESTAMP: (_timestamp, "a date and time of the calendar as YYYY-MM-DD HH:MM:SS"),
}
