"""The table MRR."""

import datetime as dt

from snowflake.snowpark import Column, DataFrame, Window
from snowflake.snowpark import functions as f

from customer_analytics.tables.customers import MRR
from customer_analytics.transforms import reporting_day as events
from customer_analytics.transforms.columns import cast_to_table


def build_mrr(stg_subscription_periods: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per customer and month (table MRR).

    Args:
        stg_subscription_periods: The periods; monthly amounts are not negative.
        as_of: A period counts if it starts up to this day, a month if its last day is not after it.
    """
    periods = events.PERIODS.up_to(stg_subscription_periods, as_of)
    months = _complete_months(periods, as_of)
    in_force = _in_force(periods, months)
    active = (
        in_force.filter(f.col("MRR") > 0)
        .group_by("CUSTOMER_ID")
        .agg(f.min("DATE_MONTH").alias("FIRST_ACTIVE_MONTH"), f.max("DATE_MONTH").alias("LAST_ACTIVE_MONTH"))
    )
    month_after = f.add_months(f.col("LAST_ACTIVE_MONTH"), 1)
    calendar = active.join(
        months.select("DATE_MONTH"), f.col("DATE_MONTH").between(f.col("FIRST_ACTIVE_MONTH"), month_after)
    )
    monthly = calendar.join(in_force, ["CUSTOMER_ID", "DATE_MONTH"], "left").select(
        "CUSTOMER_ID",
        "DATE_MONTH",
        "FIRST_ACTIVE_MONTH",
        "LAST_ACTIVE_MONTH",
        f.coalesce(f.col("MRR"), f.lit(0)).alias("MRR"),
    )
    # The months of a customer have no gaps, so the previous row is the previous month.
    before = Window.partition_by("CUSTOMER_ID").order_by("DATE_MONTH")
    changed = (
        monthly.with_column("PREVIOUS_MONTH_MRR", f.coalesce(f.lag("MRR").over(before), f.lit(0)))
        .with_column("MRR_CHANGE", f.col("MRR") - f.col("PREVIOUS_MONTH_MRR"))
        .with_column("IS_ACTIVE", f.col("MRR") > 0)
        .with_column("PREVIOUS_MONTH_IS_ACTIVE", f.col("PREVIOUS_MONTH_MRR") > 0)
        .with_column("IS_FIRST_MONTH", f.col("DATE_MONTH") == f.col("FIRST_ACTIVE_MONTH"))
        .with_column("IS_LAST_MONTH", f.col("DATE_MONTH") == f.col("LAST_ACTIVE_MONTH"))
    )
    rows = changed.select(
        "*",
        _change_category().alias("CHANGE_CATEGORY"),
        f.least("MRR", "PREVIOUS_MONTH_MRR").alias("RENEWAL_AMOUNT"),
        f.concat("CUSTOMER_ID", f.lit("-"), f.to_varchar("DATE_MONTH", "YYYY-MM")).alias("ID"),
    )
    return cast_to_table(rows, MRR)


def _complete_months(periods: DataFrame, as_of: dt.date) -> DataFrame:
    """DATE_MONTH and its LAST_DAY, from the month of the first start to the last month complete at AS_OF."""
    first = periods.select(f.min(f.date_trunc("month", "START_DATE")).alias("FIRST_MONTH"))
    # The month of AS_OF is complete only if the next day is in the next month.
    number = f.datediff("month", f.col("FIRST_MONTH"), f.lit(as_of + dt.timedelta(days=1)))
    return (
        first.select("FIRST_MONTH", number.alias("NUMBER_OF_MONTHS"))
        .join_table_function("flatten", input=f.array_generate_range(f.lit(0), f.col("NUMBER_OF_MONTHS")))
        .select(f.add_months("FIRST_MONTH", f.col("INDEX")).cast("DATE").alias("DATE_MONTH"))
        .with_column("LAST_DAY", f.last_day("DATE_MONTH"))
    )


def _in_force(periods: DataFrame, months: DataFrame) -> DataFrame:
    """CUSTOMER_ID, DATE_MONTH and the MRR of the periods in force on the month's last day."""
    started = f.col("START_DATE") <= f.col("LAST_DAY")
    not_ended = f.col("END_DATE").is_null() | (f.col("END_DATE") > f.col("LAST_DAY"))
    return (
        periods.join(months, started & not_ended)
        .group_by("CUSTOMER_ID", "DATE_MONTH")
        .agg(f.sum("MONTHLY_AMOUNT").alias("MRR"))
    )


def _change_category() -> Column:
    is_active, was_active, change = f.col("IS_ACTIVE"), f.col("PREVIOUS_MONTH_IS_ACTIVE"), f.col("MRR_CHANGE")
    return (
        f.when(f.col("IS_FIRST_MONTH"), "new")
        .when(~is_active & was_active, "churn")
        .when(is_active & ~was_active, "reactivation")
        .when(change > 0, "upgrade")
        .when(change < 0, "downgrade")
    )
