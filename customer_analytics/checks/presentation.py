"""What must hold of presentation tables before they are published."""

from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks.audit import (
    Audit,
    Inputs,
    as_many_rows_as,
    declared,
    scalar,
    total,
    unequal,
    unique,
)
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT

_MODELS = ("FIRST_TOUCH", "LAST_TOUCH", "FORTY_TWENTY_FORTY", "LINEAR")


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


SENTIMENT = (
    *declared(PRES_SENTIMENT),
    Audit(
        "every_prediction_counts",
        "Calls and comments sum to the predictions for customers who are known.",
        _counted_texts,
    ),
)

AD_SPEND = (
    *declared(PRES_AD_SPEND),
    unique(("UTM_SOURCE", "UTM_MEDIUM"), "source_and_medium_are_unique", "No source and medium repeats."),
    Audit(
        "spend_and_revenue_are_complete",
        "Spend sums to that of STG_AD_SPEND, each model's revenue to that of ATTRIBUTION_TOUCHES.",
        _spend_and_revenue,
    ),
)

CLV = (
    *declared(PRES_CLV),
    as_many_rows_as("valued", "every_lifetime_value_is_there", "As many rows as customers with a lifetime value."),
)

CHURN = declared(PRES_CHURN)
