"""The tables CUSTOMERS and ORDERS."""

import datetime as dt
from collections.abc import Collection

from snowflake.snowpark import Column, DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables.customers import CUSTOMERS, ORDERS
from customer_analytics.tables.sources import PAYMENT_METHODS
from customer_analytics.transforms import reporting_day as events
from customer_analytics.transforms.columns import cast_to_table, normal_form, normalised

_CENTS = 100


def build_customers(
    stg_customers: DataFrame,
    stg_orders: DataFrame,
    stg_payments: DataFrame,
    as_of: dt.date,
    not_sales: Collection[str],
) -> DataFrame:
    """One row per customer of the shop (table CUSTOMERS).

    Args:
        stg_customers: The customers.
        stg_orders: The orders, of which those up to AS_OF count.
        stg_payments: The payments, of which those on such orders count.
        as_of: The day up to which orders count.
        not_sales: Statuses of orders that the net lifetime value leaves out.
    """
    counted = events.ORDERS.up_to(stg_orders, as_of)
    ordered = counted.group_by("CUSTOMER_ID").agg(
        f.min("ORDER_DATE").alias("FIRST_ORDER"),
        f.max("ORDER_DATE").alias("MOST_RECENT_ORDER"),
        f.count("ORDER_ID").alias("NUMBER_OF_ORDERS"),
    )
    is_sale = ~normal_form("STATUS").in_(*(normalised(status) for status in not_sales))
    is_coupon = f.coalesce(normal_form("PAYMENT_METHOD") == "coupon", f.lit(False))
    paid = (
        stg_payments.select("ORDER_ID", "PAYMENT_METHOD", "AMOUNT")
        .join(counted.select("ORDER_ID", "CUSTOMER_ID", "STATUS"), "ORDER_ID")
        .group_by("CUSTOMER_ID")
        .agg(
            (f.sum("AMOUNT") / _CENTS).alias("CUSTOMER_LIFETIME_VALUE"),
            (f.sum(f.when(is_sale & ~is_coupon, f.col("AMOUNT"))) / _CENTS).alias("NET_LIFETIME_VALUE"),
        )
    )
    rows = (
        stg_customers.join(ordered, "CUSTOMER_ID", "left")
        .join(paid, "CUSTOMER_ID", "left")
        .with_column("NUMBER_OF_ORDERS", f.coalesce(f.col("NUMBER_OF_ORDERS"), f.lit(0)))
    )
    return cast_to_table(rows, CUSTOMERS)


def build_orders(stg_orders: DataFrame, stg_payments: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per order up to AS_OF (table ORDERS); unknown payment methods count as OTHER."""
    of_method = {method: normal_form("PAYMENT_METHOD") == method for method in PAYMENT_METHODS}
    paid = stg_payments.group_by("ORDER_ID").agg(
        *(_sum_where(is_method).alias(f"{method.upper()}_AMOUNT") for method, is_method in of_method.items()),
        _sum_where(f.coalesce(~normal_form("PAYMENT_METHOD").in_(*of_method), f.lit(True))).alias("OTHER_AMOUNT"),
        f.sum("AMOUNT").alias("TOTAL_AMOUNT"),
    )
    amounts = [column for column in ORDERS.column_names if column.endswith("_AMOUNT")]
    rows = (
        events.ORDERS.up_to(stg_orders, as_of)
        .join(paid, "ORDER_ID", "left")
        .with_columns(amounts, [f.coalesce(f.col(amount), f.lit(0)) / _CENTS for amount in amounts])
    )
    return cast_to_table(rows, ORDERS)


def _sum_where(condition: Column) -> Column:
    return f.sum(f.when(condition, f.col("AMOUNT")))
