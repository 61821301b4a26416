"""Snowflake functions that DuckDB lacks or defines differently."""

from collections.abc import Callable

from sqlglot import Expr, exp
from sqlglot.dialects.snowflake import Snowflake

from customer_analytics.embedded_snowflake.state.errors import unsupported
from customer_analytics.embedded_snowflake.state.macros import INTERVALS


def rewrite(node: Expr) -> Expr:
    """Replace a Snowflake function by DuckDB's."""
    rewritten = _REWRITES.get(type(node))
    return node if rewritten is None else rewritten(node)


def _shifted(node: Expr) -> Expr:
    unit = node.args.get("unit")
    if unit is None or unit.name.upper() not in INTERVALS:
        return node
    return exp.func(f"sf_shift_{unit.name.lower()}", node.this, node.expression)


def _truncated(node: Expr) -> Expr:
    return exp.func("sf_date_trunc", exp.Literal.string(node.args["unit"].name.lower()), node.this)


def _width_bucket(node: Expr) -> Expr:
    return exp.func(
        "sf_width_bucket", *(node.args[part] for part in ("this", "min_value", "max_value", "num_buckets"))
    )


def _from_epoch(node: Expr) -> Expr:
    return exp.func("sf_to_timestamp", node.this) if node.args.get("scale") is None else node


def _formatted(node: Expr) -> Expr:
    """TO_CHAR of a date or time with a constant format."""
    form = node.args.get("format")
    if form is None:
        return node
    converted = Snowflake.format_time(form)
    if converted is None or "%" not in converted.name:
        raise unsupported(f"TO_CHAR with the format {form.sql(dialect='snowflake')}")
    return exp.func("strftime", node.this, converted)


def _anonymous(node: Expr) -> Expr:
    """Functions that sqlglot does not know."""
    name, values = node.name.upper(), node.expressions
    if name in ("TO_TIMESTAMP", "TO_TIMESTAMP_NTZ"):
        return exp.func("sf_to_timestamp", *values)
    if name in ("TO_TIMESTAMP_TZ", "TO_TIMESTAMP_LTZ"):
        return exp.cast(values[0], "TIMESTAMPTZ")
    if name in ("TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ"):
        return exp.TryCast(this=values[0], to=exp.DataType.build("TIMESTAMP"))
    if name == "HASH":
        return exp.func("sf_hash", values[0] if len(values) == 1 else exp.func("row", *values))
    return node


_REWRITES: dict[type[Expr], Callable[[Expr], Expr]] = {
    # As functions, because DuckDB reads the bare words as columns where columns have these names.
    exp.CurrentDate: lambda _: exp.func("today"),
    exp.CurrentTimestamp: lambda _: exp.func("now"),
    exp.DateAdd: _shifted,
    exp.TsOrDsAdd: _shifted,
    exp.TimestampAdd: _shifted,
    exp.DateTrunc: _truncated,
    exp.TimestampTrunc: _truncated,
    exp.AddMonths: lambda node: exp.func("sf_add_months", node.this, node.expression),
    exp.MonthsBetween: lambda node: exp.func("sf_months_between", node.this, node.expression),
    exp.WidthBucket: _width_bucket,
    exp.UnixToTime: _from_epoch,
    exp.ToChar: _formatted,
    exp.Anonymous: _anonymous,
}
