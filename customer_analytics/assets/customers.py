"""What customers bought, subscribed to and came through."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field
from snowflake.snowpark import DataFrame

from customer_analytics import transforms
from customer_analytics.assets.conditions import FOLLOWS
from customer_analytics.assets.declaration import table_asset
from customer_analytics.checks import customers as checks
from customer_analytics.checks.audit import audited
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES, CUSTOMERS, MRR, ORDERS


class AsOf(dg.Config):
    """The day as of which months are complete."""

    as_of: str | None = Field(
        default=None,
        description="A day as YYYY-MM-DD; by default the latest on which something happened in the source data.",
    )


@table_asset("customers", automation_condition=FOLLOWS, audits=checks.CUSTOMERS)
def customers(
    warehouse: Warehouse, stg_customers: DataFrame, stg_orders: DataFrame, stg_payments: DataFrame
) -> Iterator[Any]:
    """Orders and payments summed up for each customer."""
    rows = transforms.customers(stg_customers, stg_orders, stg_payments)
    yield from audited(CUSTOMERS, rows, warehouse, checks.CUSTOMERS, customers=stg_customers)


@table_asset("customers", automation_condition=FOLLOWS, audits=checks.ORDERS)
def orders(warehouse: Warehouse, stg_orders: DataFrame, stg_payments: DataFrame) -> Iterator[Any]:
    """Payments of each order by method."""
    rows = transforms.orders(stg_orders, stg_payments)
    yield from audited(ORDERS, rows, warehouse, checks.ORDERS, orders=stg_orders)


@table_asset("customers", automation_condition=FOLLOWS, audits=checks.MRR)
def mrr(
    config: AsOf,
    warehouse: Warehouse,
    stg_subscription_periods: DataFrame,
    stg_orders: DataFrame,
    stg_sessions: DataFrame,
    stg_customer_conversions: DataFrame,
    stg_ad_spend: DataFrame,
    stg_twitter_comments: DataFrame,
) -> Iterator[Any]:
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
    rows = transforms.mrr(stg_subscription_periods, day)
    yield from audited(MRR, rows, warehouse, checks.MRR, periods=stg_subscription_periods)


@table_asset("customers", automation_condition=FOLLOWS, audits=checks.ATTRIBUTION_TOUCHES)
def attribution_touches(
    warehouse: Warehouse, stg_sessions: DataFrame, stg_customer_conversions: DataFrame
) -> Iterator[Any]:
    """Conversions with the sessions of the 30 days before them."""
    rows = transforms.attribution_touches(stg_sessions, stg_customer_conversions)
    converted = {"conversions": stg_customer_conversions}
    yield from audited(ATTRIBUTION_TOUCHES, rows, warehouse, checks.ATTRIBUTION_TOUCHES, **converted)
