"""What customers bought, subscribed to and came through."""

import datetime as dt

import dagster as dg
from pydantic import Field
from snowflake.snowpark import DataFrame

from customer_analytics import transforms
from customer_analytics.assets.declaration import table_asset


class AsOf(dg.Config):
    """The day as of which months are complete."""

    as_of: str | None = Field(
        default=None,
        description="A day as YYYY-MM-DD; by default the latest on which something happened in the source data.",
    )


@table_asset("customers")
def customers(stg_customers: DataFrame, stg_orders: DataFrame, stg_payments: DataFrame) -> DataFrame:
    """Orders and payments summed up for each customer."""
    return transforms.customers(stg_customers, stg_orders, stg_payments)


@table_asset("customers")
def orders(stg_orders: DataFrame, stg_payments: DataFrame) -> DataFrame:
    """Payments of each order by method."""
    return transforms.orders(stg_orders, stg_payments)


@table_asset("customers")
def mrr(
    config: AsOf,
    stg_subscription_periods: DataFrame,
    stg_orders: DataFrame,
    stg_sessions: DataFrame,
    stg_customer_conversions: DataFrame,
    stg_ad_spend: DataFrame,
    stg_twitter_comments: DataFrame,
) -> DataFrame:
    """Subscription periods spread over the months that are complete."""
    if config.as_of:
        session = stg_subscription_periods.session
        day = session.create_dataframe([[dt.date.fromisoformat(config.as_of)]], schema=["AS_OF"])
    else:
        day = transforms.as_of(
            stg_orders,
            stg_subscription_periods,
            stg_sessions,
            stg_customer_conversions,
            stg_ad_spend,
            stg_twitter_comments,
        )
    return transforms.mrr(stg_subscription_periods, day)


@table_asset("customers")
def attribution_touches(stg_sessions: DataFrame, stg_customer_conversions: DataFrame) -> DataFrame:
    """Conversions with the sessions of the 30 days before them."""
    return transforms.attribution_touches(stg_sessions, stg_customer_conversions)
