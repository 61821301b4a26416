"""What must hold of customers, orders, subscriptions and touches before they are published."""

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks.audit import Audit, Inputs, as_many_rows_as, declared, scalar, total, unequal
from customer_analytics.tables import customers

_MODELS = ("FIRST_TOUCH", "LAST_TOUCH", "FORTY_TWENTY_FORTY", "LINEAR")


def _changes_of_a_customer(rows: DataFrame, _: Inputs) -> DataFrame:
    sums = rows.group_by("CUSTOMER_ID").agg(
        f.sum("MRR_CHANGE").alias("CHANGES"), f.max_by("MRR", "DATE_MONTH").alias("LAST_MRR")
    )
    return sums.filter(f.col("CHANGES") != f.col("LAST_MRR"))


def _changes_of_all(rows: DataFrame, inputs: Inputs) -> DataFrame:
    changes = rows.agg(total("MRR_CHANGE", "CHANGES"))
    last_day = scalar(rows.agg(f.last_day(f.max("DATE_MONTH"))))
    is_in_force = (f.col("START_DATE") <= last_day) & (
        f.col("END_DATE").is_null() | (f.col("END_DATE") > last_day)
    )
    in_force = inputs["periods"].filter(is_in_force).agg(total("MONTHLY_AMOUNT", "IN_FORCE"))
    return unequal(changes, in_force, ("CHANGES", "IN_FORCE"))


def _attributed_revenue(rows: DataFrame, inputs: Inputs) -> DataFrame:
    attributed = rows.agg(*(total(f"{model}_REVENUE", model) for model in _MODELS))
    converted = inputs["conversions"].agg(total("REVENUE", "CONVERTED"))
    return unequal(attributed, converted, *((model, "CONVERTED") for model in _MODELS))


CUSTOMERS = (
    *declared(customers.CUSTOMERS),
    as_many_rows_as("customers", "every_customer_is_there", "As many rows as STG_CUSTOMERS."),
)

ORDERS = (
    *declared(customers.ORDERS),
    as_many_rows_as("orders", "every_order_is_there", "As many rows as STG_ORDERS."),
)

MRR = (
    *declared(customers.MRR),
    Audit(
        "changes_sum_to_the_last_month",
        "Each customer's changes sum to the MRR of the customer's last row.",
        _changes_of_a_customer,
    ),
    Audit(
        "changes_sum_to_the_periods_in_force",
        "All changes sum to the monthly amounts of the periods in force on the last day of the last month.",
        _changes_of_all,
    ),
)

ATTRIBUTION_TOUCHES = (
    *declared(customers.ATTRIBUTION_TOUCHES),
    Audit(
        "revenue_sums_to_that_of_the_conversions",
        "Each attribution model's revenue sums to that of STG_CUSTOMER_CONVERSIONS.",
        _attributed_revenue,
    ),
)
