"""The tables of the dashboard."""

import datetime as dt

from snowflake.snowpark import Column, DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT
from customer_analytics.transforms.columns import cast_to_table
from customer_analytics.transforms.reporting_day import AD_SPEND, COMMENTS

_MODELS = [model.name for model in ATTRIBUTION_MODELS]
_BUCKETS = 10


def build_pres_sentiment(
    pred_twitter_comments: DataFrame, pred_customer_calls: DataFrame, as_of: dt.date
) -> DataFrame:
    """One row per customer with a call or a comment (table PRES_SENTIMENT).

    Calls and comments of unknown customers and comments after AS_OF are left out. Those without a sentiment are
    counted, but do not affect the means.
    """
    known_calls = pred_customer_calls.filter(f.col("CUSTOMER_ID").is_not_null())
    calls = known_calls.select("CUSTOMER_ID", f.col("VECTOR_ID").alias("CALLED"), f.col("SENTIMENT").alias("CALL"))
    known_comments = COMMENTS.up_to(pred_twitter_comments, as_of).filter(f.col("CUSTOMER_ID").is_not_null())
    comments = known_comments.select(
        "CUSTOMER_ID", f.col("VECTOR_ID").alias("WRITTEN"), f.col("SENTIMENT").alias("COMMENT")
    )
    heard = (
        calls.union_all_by_name(comments, allow_missing_columns=True)
        .group_by("CUSTOMER_ID")
        .agg(
            _mean("CALL").alias("CALLS_SENTIMENT"),
            _mean("COMMENT").alias("COMMENTS_SENTIMENT"),
            f.count("CALLED").alias("CALLS"),
            f.count("WRITTEN").alias("COMMENTS"),
        )
    )
    of_calls, of_comments = f.col("CALLS_SENTIMENT"), f.col("COMMENTS_SENTIMENT")
    scored = heard.with_column("SENTIMENT_SCORE", f.coalesce((of_calls + of_comments) / 2, of_calls, of_comments))
    # WIDTH_BUCKET excludes its upper bound, so a score of 1 is beyond the last bucket. LEAST gets no nulls,
    # because the embedded endpoint ignores them and Snowflake does not.
    bucket = f.when(
        f.col("SENTIMENT_SCORE").is_not_null(),
        f.least(f.lit(_BUCKETS), f.width_bucket("SENTIMENT_SCORE", f.lit(0), f.lit(1), f.lit(_BUCKETS))),
    )
    return cast_to_table(scored.with_column("SENTIMENT_BUCKET", bucket), PRES_SENTIMENT)


def build_pres_ad_spend(attribution_touches: DataFrame, stg_ad_spend: DataFrame, as_of: dt.date) -> DataFrame:
    """One row per source and medium with spend up to AS_OF or attributed revenue (table PRES_AD_SPEND)."""
    origin = ("UTM_SOURCE", "UTM_MEDIUM")
    spent = AD_SPEND.up_to(stg_ad_spend, as_of).select(*origin, "SPEND")
    earned = attribution_touches.select(*origin, *(f"{model}_REVENUE" for model in _MODELS))
    # Grouped instead of joined, so that null mediums match.
    sums = (
        spent.union_all_by_name(earned, allow_missing_columns=True)
        .group_by(*origin)
        .agg(
            f.sum("SPEND").alias("SPEND"),
            *(f.coalesce(_revenue(model), f.lit(0.0)).alias(f"REVENUE_{model}") for model in _MODELS),
        )
    )
    is_paid = f.col("SPEND") != 0
    roas = {f"ROAS_{model}": f.when(is_paid, f.col(f"REVENUE_{model}") / f.col("SPEND")) for model in _MODELS}
    return cast_to_table(sums.with_columns(list(roas), list(roas.values())), PRES_AD_SPEND)


def build_pres_clv(customers: DataFrame, pres_sentiment: DataFrame) -> DataFrame:
    """One row per customer with a lifetime value (table PRES_CLV)."""
    valued = _named(customers).filter(f.col("CLV").is_not_null())
    return cast_to_table(_scored(valued, pres_sentiment), PRES_CLV)


def build_pres_churn(mrr: DataFrame, customers: DataFrame, pres_sentiment: DataFrame) -> DataFrame:
    """One row per customer whose last row in MRR is a churn (table PRES_CHURN)."""
    is_last_row = f.col("DATE_MONTH") > f.col("LAST_ACTIVE_MONTH")
    churned = mrr.filter(is_last_row & (f.col("CHANGE_CATEGORY") == "churn"))
    known = churned.select("CUSTOMER_ID", "LAST_ACTIVE_MONTH").join(_named(customers), "CUSTOMER_ID", "left")
    return cast_to_table(_scored(known, pres_sentiment), PRES_CHURN)


def _named(customers: DataFrame) -> DataFrame:
    """All columns of CUSTOMERS, with NAME (null if neither name is known) and CLV."""
    given, family = (f.coalesce(f.col(column), f.lit("")) for column in ("FIRST_NAME", "LAST_NAME"))
    name = f.trim(f.concat(given, f.lit(" "), family))
    return customers.select(
        "*", f.when(name != "", name).alias("NAME"), f.col("CUSTOMER_LIFETIME_VALUE").alias("CLV")
    )


def _scored(rows: DataFrame, pres_sentiment: DataFrame) -> DataFrame:
    return rows.join(pres_sentiment.select("CUSTOMER_ID", "SENTIMENT_SCORE"), "CUSTOMER_ID", "left")


# The sum of floats depends on their order, which differs between parallel workers; the sum of decimals does not.


def _mean(column: str) -> Column:
    total = f.sum(f.col(column).cast("NUMBER(38,12)")).cast("FLOAT")
    return f.when(f.count(column) > 0, total / f.count(column))


def _revenue(model: str) -> Column:
    """Sum of a model's revenue; with three decimals fewer than its terms, three thirds of 10 add up to 10."""
    terms = f.col(f"{model}_REVENUE").cast("NUMBER(38,12)")
    return f.sum(terms).cast("NUMBER(38,9)").cast("FLOAT")
