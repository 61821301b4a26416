"""The table ATTRIBUTION_TOUCHES: sessions before a conversion, and their shares of its revenue."""

import datetime as dt

from snowflake.snowpark import DataFrame, Window
from snowflake.snowpark import functions as f

from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES
from customer_analytics.transforms.columns import cast_to_table
from customer_analytics.transforms.reporting_day import CONVERSIONS, SESSIONS, UTC

_LOOKBACK_DAYS = 30
_CONVERSION = ("CUSTOMER_ID", "CONVERSION_NUMBER")


def build_attribution_touches(
    stg_sessions: DataFrame, stg_customer_conversions: DataFrame, as_of: dt.date, time_zone: str = UTC
) -> DataFrame:
    """One row per conversion and touch, or per conversion without a touch (table ATTRIBUTION_TOUCHES).

    Sessions and conversions count up to the day `as_of` in the time zone.
    """
    # Conversions have no key. The order of equal conversions is arbitrary, which no result shows.
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
    points = {
        # A conversion without a touch has one row with all points.
        model.name: f.sql_expr(f"CAST(CASE WHEN TOTAL_SESSIONS = 0 THEN 1 ELSE {model.points} END AS FLOAT)")
        for model in ATTRIBUTION_MODELS
    }
    rows = touches.select(
        "*",
        *(share.alias(f"{model}_POINTS") for model, share in points.items()),
        *((f.col("REVENUE").cast("FLOAT") * share).alias(f"{model}_REVENUE") for model, share in points.items()),
    )
    return cast_to_table(rows, ATTRIBUTION_TOUCHES)
