"""Which sessions led to a conversion, and how they share its revenue."""

import datetime as dt

from snowflake.snowpark import Column, DataFrame, Window
from snowflake.snowpark import functions as f

from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES
from customer_analytics.transforms.declared import as_declared
from customer_analytics.transforms.reporting_date import CONVERSIONS, SESSIONS, UTC

_LOOKBACK_DAYS = 30
_CONVERSION = ("CUSTOMER_ID", "CONVERSION_NUMBER")


def attribution_touches(
    stg_sessions: DataFrame, stg_customer_conversions: DataFrame, as_of: dt.date, time_zone: str = UTC
) -> DataFrame:
    """One row per conversion and touch, or per conversion without a touch (table ATTRIBUTION_TOUCHES).

    Sessions and conversions count up to the day `as_of` in the time zone.
    """
    # Conversions have no key. Those that are equal in all columns are numbered in any order, which nothing shows.
    in_order = Window.partition_by("CUSTOMER_ID").order_by("CONVERTED_AT", "REVENUE")
    conversions = CONVERSIONS.up_to(stg_customer_conversions, as_of, time_zone).select(
        "CUSTOMER_ID", "CONVERTED_AT", "REVENUE", f.row_number().over(in_order).alias("CONVERSION_NUMBER")
    )
    sessions = SESSIONS.up_to(stg_sessions, as_of, time_zone).select(
        f.col("CUSTOMER_ID").alias("VISITOR_ID"),
        "SESSION_ID",
        "STARTED_AT",
        "UTM_SOURCE",
        "UTM_MEDIUM",
        "UTM_CAMPAIGN",
    )
    lookback_start = f.dateadd("day", f.lit(-_LOOKBACK_DAYS), f.col("CONVERTED_AT"))
    is_touch = (f.col("CUSTOMER_ID") == f.col("VISITOR_ID")) & f.col("STARTED_AT").between(
        lookback_start, f.col("CONVERTED_AT")
    )
    has_touch = f.col("SESSION_ID").is_not_null()
    by_time = Window.partition_by(*_CONVERSION).order_by("STARTED_AT", "SESSION_ID")
    touches = (
        conversions.join(sessions, is_touch, "left")
        .with_columns(
            ["TOTAL_SESSIONS", "SESSION_INDEX"],
            [
                f.count("SESSION_ID").over(Window.partition_by(*_CONVERSION)),
                f.when(has_touch, f.row_number().over(by_time)),
            ],
        )
        .with_columns(
            ["UTM_SOURCE", "UTM_MEDIUM"],
            [
                f.when(has_touch, f.col(column)).otherwise("unattributed")
                for column in ("UTM_SOURCE", "UTM_MEDIUM")
            ],
        )
    )
    points = _points()
    rows = touches.select(
        "*",
        *(share.alias(f"{model}_POINTS") for model, share in points.items()),
        *((f.col("REVENUE").cast("FLOAT") * share).alias(f"{model}_REVENUE") for model, share in points.items()),
    )
    return as_declared(rows, ATTRIBUTION_TOUCHES)


def _points() -> dict[str, Column]:
    """Share of a touch (FLOAT) by attribution model; over a conversion's rows each model's shares sum to 1."""
    index, total = f.col("SESSION_INDEX"), f.col("TOTAL_SESSIONS")
    is_first, is_last = index == 1, index == total
    # Divisions start from a FLOAT: NUMBER divided by NUMBER keeps only six decimals more in Snowflake.
    between = f.lit(0.2) / (total - 2)
    shares = {
        "FIRST_TOUCH": f.when(is_first, 1.0).otherwise(0.0),
        "LAST_TOUCH": f.when(is_last, 1.0).otherwise(0.0),
        "FORTY_TWENTY_FORTY": (
            f.when(total == 1, 1.0).when(total == 2, 0.5).when(is_first | is_last, 0.4).otherwise(between)
        ),
        "LINEAR": f.lit(1.0) / total,
    }
    return {model: f.when(total == 0, 1.0).otherwise(share) for model, share in shares.items()}
