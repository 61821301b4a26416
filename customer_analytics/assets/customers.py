"""Orders, subscriptions and marketing touches of customers."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.assets.conditions import FOLLOWS_EVENTS
from customer_analytics.assets.table_assets import table_asset
from customer_analytics.checks.audit_checks import write_audit_publish
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.parameters import Reporting
from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES, CUSTOMERS, MRR, ORDERS
from customer_analytics.transforms import reporting_day as events
from customer_analytics.transforms.attribution import build_attribution_touches
from customer_analytics.transforms.customers import build_customers, build_orders
from customer_analytics.transforms.mrr import build_mrr
from customer_analytics.transforms.reporting_day import day_of


@table_asset("customers", automation_condition=FOLLOWS_EVENTS)
def customers(
    warehouse: dg.ResourceParam[Warehouse],
    reporting: Reporting,
    stg_customers: DataFrame,
    stg_orders: DataFrame,
    stg_payments: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Orders and payments summed up for each customer."""
    day = day_of(as_of)
    rows = build_customers(stg_customers, stg_orders, stg_payments, day, reporting.statuses_not_sales)
    yield from write_audit_publish(CUSTOMERS, rows, warehouse, customers=stg_customers)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS)
def orders(
    warehouse: dg.ResourceParam[Warehouse], stg_orders: DataFrame, stg_payments: DataFrame, as_of: pa.Table
) -> Iterator[Any]:
    """Payments of each order by method."""
    day = day_of(as_of)
    rows = build_orders(stg_orders, stg_payments, day)
    counted = {"orders": events.ORDERS.up_to(stg_orders, day)}
    yield from write_audit_publish(ORDERS, rows, warehouse, **counted)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS)
def mrr(
    warehouse: dg.ResourceParam[Warehouse], stg_subscription_periods: DataFrame, as_of: pa.Table
) -> Iterator[Any]:
    """Subscription periods spread over the months that are complete."""
    rows = build_mrr(stg_subscription_periods, day_of(as_of))
    yield from write_audit_publish(MRR, rows, warehouse, periods=stg_subscription_periods)


@table_asset("customers", automation_condition=FOLLOWS_EVENTS)
def attribution_touches(
    warehouse: dg.ResourceParam[Warehouse],
    reporting: Reporting,
    stg_sessions: DataFrame,
    stg_customer_conversions: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Conversions with the sessions of the 30 days before them."""
    day, time_zone = day_of(as_of), reporting.time_zone
    rows = build_attribution_touches(stg_sessions, stg_customer_conversions, day, time_zone)
    converted = {"conversions": events.CONVERSIONS.up_to(stg_customer_conversions, day, time_zone)}
    yield from write_audit_publish(ATTRIBUTION_TOUCHES, rows, warehouse, **converted)
