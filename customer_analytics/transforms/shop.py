"""What customers ordered and paid."""

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables.customers import CUSTOMERS, ORDERS
from customer_analytics.tables.sources import PAYMENT_METHODS
from customer_analytics.transforms.declared import as_declared

_CENTS = 100


def customers(stg_customers: DataFrame, stg_orders: DataFrame, stg_payments: DataFrame) -> DataFrame:
    """One row per customer of the shop (table CUSTOMERS)."""
    ordered = stg_orders.group_by("CUSTOMER_ID").agg(
        f.min("ORDER_DATE").alias("FIRST_ORDER"),
        f.max("ORDER_DATE").alias("MOST_RECENT_ORDER"),
        f.count("ORDER_ID").alias("NUMBER_OF_ORDERS"),
    )
    is_net = (f.col("STATUS") != "returned") & (f.col("PAYMENT_METHOD") != "coupon")
    paid = (
        stg_payments.select("ORDER_ID", "PAYMENT_METHOD", "AMOUNT")
        .join(stg_orders.select("ORDER_ID", "CUSTOMER_ID", "STATUS"), "ORDER_ID")
        .group_by("CUSTOMER_ID")
        .agg(
            (f.sum("AMOUNT") / _CENTS).alias("CUSTOMER_LIFETIME_VALUE"),
            (f.sum(f.when(is_net, f.col("AMOUNT"))) / _CENTS).alias("NET_LIFETIME_VALUE"),
        )
    )
    rows = (
        stg_customers.join(ordered, "CUSTOMER_ID", "left")
        .join(paid, "CUSTOMER_ID", "left")
        .with_column("NUMBER_OF_ORDERS", f.coalesce(f.col("NUMBER_OF_ORDERS"), f.lit(0)))
    )
    return as_declared(rows, CUSTOMERS)


def orders(stg_orders: DataFrame, stg_payments: DataFrame) -> DataFrame:
    """One row per order (table ORDERS)."""
    paid = stg_payments.group_by("ORDER_ID").agg(
        *(
            f.sum(f.when(f.col("PAYMENT_METHOD") == method, f.col("AMOUNT"))).alias(f"{method.upper()}_AMOUNT")
            for method in PAYMENT_METHODS
        ),
        f.sum("AMOUNT").alias("TOTAL_AMOUNT"),
    )
    amounts = [column for column in ORDERS.column_names if column.endswith("_AMOUNT")]
    rows = stg_orders.join(paid, "ORDER_ID", "left").with_columns(
        amounts, [f.coalesce(f.col(amount), f.lit(0)) / _CENTS for amount in amounts]
    )
    return as_declared(rows, ORDERS)
