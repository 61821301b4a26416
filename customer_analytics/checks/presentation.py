"""What must hold for presentation tables before they are published."""

from snowflake.snowpark import functions as f

from customer_analytics.checks.audit import audits_of, outside
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT

SENTIMENT = audits_of(
    PRES_SENTIMENT,
    scores_are_probabilities=lambda rows: outside(rows, "SENTIMENT_SCORE", 0, 1),
    buckets_are_tenths=lambda rows: outside(rows, "SENTIMENT_BUCKET", 1, 10),
)

AD_SPEND = audits_of(
    PRES_AD_SPEND,
    source_and_medium_are_unique=lambda rows: (
        rows.group_by("UTM_SOURCE", "UTM_MEDIUM").count().filter(f.col("COUNT") > 1).count()
    ),
)

CLV = audits_of(PRES_CLV)

CHURN = audits_of(PRES_CHURN)
