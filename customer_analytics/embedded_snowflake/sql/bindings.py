"""Bound values: from the protocol's texts to literals in the statement."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.state.errors import SnowflakeError

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Bound:
    """The values of `?` in order, or rows of them if the client has sent many."""

    values: Sequence[Any] = ()
    rows: Sequence[Sequence[Any]] | None = None


def read(sent: Any) -> Bound:
    """Decode the bindings of a request; raises SnowflakeError on a value that is not of its type."""
    if not sent:
        return Bound()
    if not isinstance(sent, dict):
        raise _invalid("Bindings", "not an object of numbered values")
    columns = [_column(sent, position) for position in range(1, len(sent) + 1)]
    many = [column for column in columns if isinstance(column, list)]
    if not many:
        return Bound(columns)
    if len(many) < len(columns) or len({len(column) for column in many}) > 1 or not many[0]:
        raise _invalid("Bindings", "not all of the same number of rows")
    return Bound(rows=list(zip(*many, strict=True)))


def _column(sent: dict[str, Any], position: int) -> Any:
    """The value of one `?`, or a list of the values of its rows."""
    bound = sent.get(str(position))
    name = f"Bind variable {position}"
    if not isinstance(bound, dict) or not isinstance(bound.get("type"), str):
        raise _invalid(name, "missing, or without a type")
    kind, value = bound["type"], bound.get("value")
    texts = value if isinstance(value, list) else [value]
    try:
        found = [_value(kind, text) for text in texts]
    except (ValueError, ArithmeticError, TypeError, AttributeError) as error:
        raise _invalid(name, f"not a value of type {kind}") from error
    return found if isinstance(value, list) else found[0]


def _invalid(what: str, why: str) -> SnowflakeError:
    # Without the value, which may be personal data.
    return SnowflakeError(2034, "22023", f"SQL compilation error:\n{what}: {why}.")


def bind(tree: Expr, bound: Sequence[Any]) -> None:
    """Replace `?` and `:n` by literals of the bound values.

    Not by DuckDB's parameters: Snowflake converts bound text to the type that an expression needs, and DuckDB does
    so for literals only.
    """
    # Depth first is the order in the text.
    placeholders = [
        node for node in tree.walk(bfs=False) if isinstance(node, exp.Placeholder) or _is_bound_stage(node)
    ]
    for index, placeholder in enumerate(placeholders):
        position = int(placeholder.name) - 1 if placeholder.name.isdecimal() else index
        if not 0 <= position < len(bound):
            raise SnowflakeError(2049, "42601", "SQL compilation error: error: Bind variable not set.")
        if isinstance(placeholder, exp.Var):
            placeholder.set("this", str(bound[position]))
        else:
            placeholder.replace(literal(bound[position]))


def _is_bound_stage(node: Expr) -> bool:
    return isinstance(node, exp.Var) and node.name == "?"


def literal(value: Any) -> Expr:
    """The SQL literal of a value."""
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    if isinstance(value, int | Decimal):
        number = exp.Literal.number(abs(value))
        return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
    if isinstance(value, bytes):
        return exp.func("from_hex", exp.Literal.string(value.hex()))
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime):
        kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ")), kind)
    return exp.cast(exp.Literal.string(value.isoformat()), "TIME" if isinstance(value, time) else "DATE")


def _value(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError
    convert = _CONVERSIONS.get(kind)
    if convert is None:
        text.encode()  # raises on half a surrogate pair
        return text
    return convert(text)


_NUMBER = re.compile(r"[+-]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})([eE][+-]?\d{1,3})?", re.ASCII)
_DIGITS = 38
"""Digits of a NUMBER; up to as many again may follow the decimal point."""


def _number(text: str) -> int | Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    number = Decimal(text)
    if number and (number.adjusted() >= _DIGITS or number.adjusted() < -_DIGITS):
        raise ValueError
    return int(number) if number == number.to_integral_value() and "." not in text else number


def _real(text: str) -> float:
    if len(text) > 400 or "_" in text:
        raise ValueError
    return float(text)


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,30}", text, re.ASCII):
        raise ValueError
    return int(text)


def _date(text: str) -> date:
    return (_EPOCH + timedelta(milliseconds=_integer(text))).date()


def _time(text: str) -> time:
    return (_EPOCH + timedelta(microseconds=_integer(text) // 1000)).time()


def _timestamp(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=_integer(text) // 1000)


def _timestamp_ltz(text: str) -> datetime:
    return _timestamp(text).replace(tzinfo=UTC)


def _timestamp_tz(text: str) -> datetime:
    """`<nanoseconds since the epoch> <minutes east of UTC, plus 1440>`."""
    nanoseconds, _, offset = text.partition(" ")
    moment = _timestamp_ltz(nanoseconds)
    return moment.astimezone(timezone(timedelta(minutes=_integer(offset) - 1440))) if offset else moment


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "FIXED": _number,
    "REAL": _real,
    "BOOLEAN": lambda text: text.lower() == "true",
    "BINARY": bytes.fromhex,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": _timestamp,
    "TIMESTAMP_LTZ": _timestamp_ltz,
    "TIMESTAMP_TZ": _timestamp_tz,
}
