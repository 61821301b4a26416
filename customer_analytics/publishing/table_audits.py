"""The audits of each table: those that new rows pass before they are published, and those that only warn."""

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.publishing.audits import (
    Audit,
    Inputs,
    among,
    as_many_rows_as,
    identifying,
    key_audits,
    open_value_audits,
    scalar,
    table_audits,
    total,
    unequal,
    unique,
    value_audits,
)
from customer_analytics.tables import Reference, Table
from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES, CUSTOMERS, MRR, ORDERS
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS
from customer_analytics.tables.sources import STG_SUPPORT_CALLS, STG_TWITTER_COMMENTS

_MODELS = [model.name for model in ATTRIBUTION_MODELS]


def _changes_of_a_customer(rows: DataFrame, _: Inputs) -> DataFrame:
    sums = rows.group_by("CUSTOMER_ID").agg(
        f.sum("MRR_CHANGE").alias("CHANGES"), f.max_by("MRR", "DATE_MONTH").alias("LAST_MRR")
    )
    return sums.filter(f.col("CHANGES") != f.col("LAST_MRR"))


def _changes_in_total(rows: DataFrame, inputs: Inputs) -> DataFrame:
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


def _predictions(rows: DataFrame, inputs: Inputs) -> DataFrame:
    return unequal(rows.agg(f.count("*").alias("ROWS")), inputs["objects"], ("ROWS", "OBJECTS"))


def _counted_texts(rows: DataFrame, inputs: Inputs) -> DataFrame:
    calls, comments = (inputs[name].filter(f.col("CUSTOMER_ID").is_not_null()) for name in ("calls", "comments"))
    counted = rows.agg(total("CALLS", "CALLS"), total("COMMENTS", "COMMENTS"))
    scored = calls.agg(
        f.count("*").alias("SCORED_CALLS"), scalar(comments.agg(f.count("*"))).alias("SCORED_COMMENTS")
    )
    return unequal(counted, scored, ("CALLS", "SCORED_CALLS"), ("COMMENTS", "SCORED_COMMENTS"))


def _spend_and_revenue(rows: DataFrame, inputs: Inputs) -> DataFrame:
    shown = rows.agg(total("SPEND", "SPEND"), *(total(f"REVENUE_{model}", model) for model in _MODELS))
    revenue = {model: total(f"{model}_REVENUE", f"{model}_EARNED") for model in _MODELS}
    spent = scalar(inputs["spend"].agg(total("SPEND", "SPENT"))).alias("SPENT")
    pairs = ((model, f"{model}_EARNED") for model in _MODELS)
    return unequal(shown, inputs["touches"].agg(*revenue.values(), spent), ("SPEND", "SPENT"), *pairs)


_EVERY_OBJECT = Audit("every_object_is_scored", "As many predictions as objects in the collection.", _predictions)

AUDITS: dict[Table, tuple[Audit, ...]] = {
    STG_SUPPORT_CALLS: key_audits(STG_SUPPORT_CALLS),
    STG_TWITTER_COMMENTS: key_audits(STG_TWITTER_COMMENTS),
    CUSTOMERS: (
        *table_audits(CUSTOMERS),
        as_many_rows_as("customers", "every_customer_is_there", "As many rows as STG_CUSTOMERS."),
    ),
    ORDERS: (
        *table_audits(ORDERS),
        as_many_rows_as("orders", "every_order_is_there", "As many rows as STG_ORDERS."),
    ),
    MRR: (
        *table_audits(MRR),
        Audit(
            "changes_sum_to_the_last_month",
            "Each customer's changes sum to the MRR of the customer's last row.",
            _changes_of_a_customer,
        ),
        Audit(
            "changes_sum_to_the_periods_in_force",
            "All changes sum to the monthly amounts of the periods in force on the last day of the last month.",
            _changes_in_total,
        ),
    ),
    ATTRIBUTION_TOUCHES: (
        *table_audits(ATTRIBUTION_TOUCHES),
        Audit(
            "revenue_sums_to_that_of_the_conversions",
            "Each attribution model's revenue sums to that of STG_CUSTOMER_CONVERSIONS.",
            _attributed_revenue,
        ),
    ),
    PRED_TWITTER_COMMENTS: (*table_audits(PRED_TWITTER_COMMENTS), _EVERY_OBJECT),
    PRED_CUSTOMER_CALLS: (*table_audits(PRED_CUSTOMER_CALLS), _EVERY_OBJECT),
    PRES_SENTIMENT: (
        *table_audits(PRES_SENTIMENT),
        Audit(
            "every_prediction_counts",
            "Calls and comments sum to the predictions for known customers.",
            _counted_texts,
        ),
    ),
    PRES_AD_SPEND: (
        *table_audits(PRES_AD_SPEND),
        unique(("UTM_SOURCE", "UTM_MEDIUM"), "source_and_medium_are_unique", "No source and medium repeats."),
        Audit(
            "spend_and_revenue_are_complete",
            "Spend sums to that of STG_AD_SPEND, each model's revenue to that of ATTRIBUTION_TOUCHES.",
            _spend_and_revenue,
        ),
    ),
    PRES_CLV: (
        *table_audits(PRES_CLV),
        as_many_rows_as(
            "valued", "every_lifetime_value_is_there", "As many rows as customers with a lifetime value."
        ),
    ),
    PRES_CHURN: table_audits(PRES_CHURN),
}
"""By table, what its new rows are audited for before they are published."""

_DATED = Audit(
    "calls_are_dated",
    "Counts calls without a date in the manifest, the file name or the recording's tags. Figures over time leave "
    "them out.",
    lambda rows, _: rows.filter(f.col("CALLED_AT").is_null()).select(identifying(STG_SUPPORT_CALLS)),
)


def warning_audits(table: Table) -> tuple[Audit, ...]:
    """What is unexpected in a source table but stops nothing."""
    return (
        *value_audits(table),
        *open_value_audits(table),
        *(_reference_audit(table, reference) for reference in table.references),
        *((_DATED,) if table is STG_SUPPORT_CALLS else ()),
    )


def _reference_audit(table: Table, reference: Reference) -> Audit:
    """A reference names a row that exists; null does not."""
    column, referenced = reference.column, reference.table

    def violations(rows: DataFrame, inputs: Inputs) -> DataFrame:
        keys = inputs[referenced].filter(f.col(column).is_not_null()).select(column)
        return rows.filter(f.col(column).is_null() | ~among(column, keys)).select(identifying(table))

    description = f"Counts rows whose {column} is null or not in {referenced}."
    if reference.optional:
        description += " Any number passes."
    return Audit(f"{column.removesuffix('_ID').lower()}s_are_known", description, violations, reference.optional)
