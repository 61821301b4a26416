"""Bound values: from the protocol's texts to literals in the statement."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.errors import SnowflakeError

_EPOCH = datetime(1970, 1, 1)


def values(bindings: dict[str, dict[str, Any]]) -> list[Any] | list[list[Any]]:
    """The values of `?` in order; a list for each of them where the client has sent many rows."""
    columns = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    return [
        [_value(column["type"], item) for item in column["value"]]
        if isinstance(column["value"], list)
        else _value(column["type"], column["value"])
        for column in columns
    ]


def bind(tree: Expr, bound: Sequence[Any]) -> None:
    """Put bound values in the place of `?` and `:n`, as literals of their type.

    A literal rather than a parameter, because Snowflake converts a bound text to whatever type it meets, which
    DuckDB does for literals only.
    """
    # Depth first is the order in which they are written.
    placeholders = [
        node for node in tree.walk(bfs=False) if isinstance(node, exp.Placeholder) or _is_bound_stage(node)
    ]
    for index, placeholder in enumerate(placeholders):
        position = int(placeholder.name) - 1 if placeholder.name.isdigit() else index
        if position >= len(bound):
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
    convert = _CONVERSIONS.get(kind)
    return convert(text) if convert else text


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() and "." not in text else number


def _date(text: str) -> date:
    return (_EPOCH + timedelta(milliseconds=int(text))).date()


def _time(text: str) -> time:
    return (_EPOCH + timedelta(microseconds=int(text) // 1000)).time()


def _timestamp(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text) // 1000)


def _timestamp_ltz(text: str) -> datetime:
    return _timestamp(text).replace(tzinfo=UTC)


def _timestamp_tz(text: str) -> datetime:
    """`<nanoseconds since the epoch> <minutes east of UTC, plus 1440>`."""
    nanoseconds, _, offset = text.partition(" ")
    moment = _timestamp_ltz(nanoseconds)
    return moment.astimezone(timezone(timedelta(minutes=int(offset) - 1440))) if offset else moment


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "FIXED": _number,
    "REAL": float,
    "BOOLEAN": lambda text: text.lower() == "true",
    "BINARY": bytes.fromhex,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": _timestamp,
    "TIMESTAMP_LTZ": _timestamp_ltz,
    "TIMESTAMP_TZ": _timestamp_tz,
}
