"""The day up to which the data reaches."""

from functools import reduce

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f


def as_of(
    stg_orders: DataFrame,
    stg_subscription_periods: DataFrame,
    stg_sessions: DataFrame,
    stg_customer_conversions: DataFrame,
    stg_ad_spend: DataFrame,
    stg_twitter_comments: DataFrame,
) -> DataFrame:
    """One row with AS_OF (DATE): the latest day on which something happened; null where nothing ever did.

    Ends of periods do not count, since they may lie in the future.
    """
    happened = (
        (stg_orders, "ORDER_DATE"),
        (stg_subscription_periods, "START_DATE"),
        (stg_sessions, "STARTED_AT"),
        (stg_customer_conversions, "CONVERTED_AT"),
        (stg_ad_spend, "DATE_DAY"),
        (stg_twitter_comments, "DATE"),
    )
    latest = [rows.select(f.max(column).cast("DATE").alias("AS_OF")) for rows, column in happened]
    return reduce(DataFrame.union_all, latest).select(f.max("AS_OF").alias("AS_OF"))
