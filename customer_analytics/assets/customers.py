"""What customers bought, subscribed to and came through."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics import transforms
from customer_analytics.assets.conditions import FOLLOWS_EVENTS
from customer_analytics.assets.declaration import table_asset
from customer_analytics.checks import customers as checks
from customer_analytics.checks.audit import audited
from customer_analytics.resources.reporting import Reporting
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES, CUSTOMERS, MRR, ORDERS
from customer_analytics.transforms import reporting_date


@table_asset("customers", automation_condition=FOLLOWS_EVENTS, audits=checks.CUSTOMERS)
def customers(
    warehouse: Warehouse,
    reporting: Reporting,
    stg_customers: DataFrame,
    stg_orders: DataFrame,
    stg_payments: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Orders and payments summed up for each customer."""
    day = transforms.reporting_day(as_of)
    rows = transforms.customers(stg_customers, stg_orders, stg_payments, day, reporting.statuses_not_sales)
    yield from audited(CUSTOMERS, rows, warehouse, checks.CUSTOMERS, customers=stg_customers)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS, audits=checks.ORDERS)
def orders(warehouse: Warehouse, stg_orders: DataFrame, stg_payments: DataFrame, as_of: pa.Table) -> Iterator[Any]:
    """Payments of each order by method."""
    day = transforms.reporting_day(as_of)
    rows = transforms.orders(stg_orders, stg_payments, day)
    counted = {"orders": reporting_date.ORDERS.up_to(stg_orders, day)}
    yield from audited(ORDERS, rows, warehouse, checks.ORDERS, **counted)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS, audits=checks.MRR)
def mrr(warehouse: Warehouse, stg_subscription_periods: DataFrame, as_of: pa.Table) -> Iterator[Any]:
    """Subscription periods spread over the months that are complete."""
    rows = transforms.mrr(stg_subscription_periods, transforms.reporting_day(as_of))
    yield from audited(MRR, rows, warehouse, checks.MRR, periods=stg_subscription_periods)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS, audits=checks.ATTRIBUTION_TOUCHES)
def attribution_touches(
    warehouse: Warehouse,
    reporting: Reporting,
    stg_sessions: DataFrame,
    stg_customer_conversions: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Conversions with the sessions of the 30 days before them."""
    day, time_zone = transforms.reporting_day(as_of), reporting.time_zone
    rows = transforms.attribution_touches(stg_sessions, stg_customer_conversions, day, time_zone)
    converted = {"conversions": reporting_date.CONVERSIONS.up_to(stg_customer_conversions, day, time_zone)}
    yield from audited(ATTRIBUTION_TOUCHES, rows, warehouse, checks.ATTRIBUTION_TOUCHES, **converted)
