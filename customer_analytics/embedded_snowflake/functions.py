"""Snowflake functions that DuckDB lacks, or has with another meaning or type."""

from fakesnow import macros
from sqlglot import Expr, exp
from sqlglot.dialects.snowflake import Snowflake

from customer_analytics.embedded_snowflake.errors import unsupported

# DuckDB widens DATE to TIMESTAMP in date arithmetic, Snowflake keeps the type; so these macros are typed.
_INTERVALS = {
    "YEAR": "to_years",
    "QUARTER": "to_quarters",
    "MONTH": "to_months",
    "WEEK": "to_weeks",
    "DAY": "to_days",
}


def _shift_macro(unit: str, interval: str) -> str:
    return f"""
    CREATE MACRO sf_shift_{unit.lower()}
        (d DATE, n BIGINT) AS CAST(d + {interval}(CAST(n AS INTEGER)) AS DATE),
        (d TIMESTAMP, n BIGINT) AS d + {interval}(CAST(n AS INTEGER)),
        (d TIMESTAMPTZ, n BIGINT) AS d + {interval}(CAST(n AS INTEGER)),
        (d VARCHAR, n BIGINT) AS CAST(d AS TIMESTAMP) + {interval}(CAST(n AS INTEGER));
    """


MACROS = (
    macros.creation_sql("memory.main")
    + "".join(_shift_macro(unit, interval) for unit, interval in _INTERVALS.items())
    + """
    CREATE MACRO sf_date_trunc
        (part VARCHAR, d DATE) AS CAST(date_trunc(part, d) AS DATE),
        (part VARCHAR, d TIMESTAMP) AS date_trunc(part, d),
        (part VARCHAR, d TIMESTAMPTZ) AS date_trunc(part, d),
        (part VARCHAR, d VARCHAR) AS date_trunc(part, CAST(d AS TIMESTAMP));

    CREATE MACRO sf_add_months
        (d DATE, n BIGINT) AS CASE WHEN d = last_day(d)
            THEN last_day(CAST(d + to_months(CAST(n AS INTEGER)) AS DATE))
            ELSE CAST(d + to_months(CAST(n AS INTEGER)) AS DATE) END,
        (d TIMESTAMP, n BIGINT) AS CASE WHEN CAST(d AS DATE) = last_day(d)
            THEN last_day(d + to_months(CAST(n AS INTEGER))) + (d - date_trunc('day', d))
            ELSE d + to_months(CAST(n AS INTEGER)) END,
        (d VARCHAR, n BIGINT) AS CAST(d AS TIMESTAMP) + to_months(CAST(n AS INTEGER));

    CREATE MACRO sf_months_between(a, b) AS CASE
        WHEN day(a) = day(b)
            OR (CAST(a AS DATE) = last_day(CAST(a AS DATE)) AND CAST(b AS DATE) = last_day(CAST(b AS DATE)))
        THEN CAST((year(a) - year(b)) * 12 + month(a) - month(b) AS DOUBLE)
        ELSE round((year(a) - year(b)) * 12 + month(a) - month(b) + (day(a) - day(b)) / 31.0, 6) END;

    CREATE MACRO sf_width_bucket(x, low, high, n) AS CASE
        WHEN x IS NULL OR low IS NULL OR high IS NULL OR n IS NULL THEN NULL
        WHEN x < low THEN 0
        WHEN x >= high THEN CAST(n + 1 AS BIGINT)
        ELSE CAST(floor((CAST(x AS DOUBLE) - low) * n / (CAST(high AS DOUBLE) - low)) + 1 AS BIGINT) END;

    CREATE MACRO sf_to_timestamp
        (x BIGINT) AS make_timestamp(x * 1000000),
        (x DATE) AS CAST(x AS TIMESTAMP),
        (x TIMESTAMP) AS x,
        (x TIMESTAMPTZ) AS CAST(x AS TIMESTAMP),
        (x VARCHAR) AS CASE WHEN regexp_full_match(x, '-?[0-9]+')
            THEN make_timestamp(CAST(x AS BIGINT) * 1000000) ELSE CAST(x AS TIMESTAMP) END;

    CREATE MACRO sf_hash(x) AS CAST(hash(x) >> 1 AS BIGINT);
    """
)


def rewrite(node: Expr) -> Expr:
    """The node with DuckDB's functions."""
    # As functions, because DuckDB takes the bare words for columns where one is so named.
    if isinstance(node, exp.CurrentDate):
        return exp.func("today")
    if isinstance(node, exp.CurrentTimestamp):
        return exp.func("now")
    if isinstance(node, exp.DateAdd | exp.TsOrDsAdd | exp.TimestampAdd) and node.args.get("unit") is not None:
        unit = node.args["unit"].name.upper()
        return exp.func(f"sf_shift_{unit.lower()}", node.this, node.expression) if unit in _INTERVALS else node
    if isinstance(node, exp.DateTrunc | exp.TimestampTrunc):
        return exp.func("sf_date_trunc", exp.Literal.string(node.args["unit"].name.lower()), node.this)
    if isinstance(node, exp.AddMonths):
        return exp.func("sf_add_months", node.this, node.expression)
    if isinstance(node, exp.MonthsBetween):
        return exp.func("sf_months_between", node.this, node.expression)
    if isinstance(node, exp.WidthBucket):
        parts = ("this", "min_value", "max_value", "num_buckets")
        return exp.func("sf_width_bucket", *[node.args[part] for part in parts])
    if isinstance(node, exp.UnixToTime) and node.args.get("scale") is None:
        return exp.func("sf_to_timestamp", node.this)
    if isinstance(node, exp.ToChar) and node.args.get("format") is not None:
        return _formatted(node.this, node.args["format"])
    if isinstance(node, exp.Anonymous):
        return _anonymous(node)
    return node


def _formatted(value: Expr, form: Expr) -> Expr:
    """TO_CHAR of a date or time by a constant format of its elements."""
    converted = Snowflake.format_time(form)
    if converted is None or "%" not in converted.name:
        raise unsupported(f"TO_CHAR with the format {form.sql(dialect='snowflake')}")
    return exp.func("strftime", value, converted)


def _anonymous(node: exp.Anonymous) -> Expr:
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
