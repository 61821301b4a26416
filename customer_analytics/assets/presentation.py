"""What the dashboard shows. New rows are checked before they replace the old ones."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics import transforms
from customer_analytics.assets.conditions import DAILY, FOLLOWS_EVENTS, follows_but_for
from customer_analytics.assets.declaration import table_asset
from customer_analytics.checks import presentation as checks
from customer_analytics.checks.audit import audited
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT
from customer_analytics.transforms import reporting_date


@table_asset("presentation", part_by="CUSTOMER_ID", freshness_policy=DAILY, audits=checks.SENTIMENT)
def pres_sentiment(
    warehouse: Warehouse, pred_twitter_comments: DataFrame, pred_customer_calls: DataFrame, as_of: pa.Table
) -> Iterator[Any]:
    """Sentiment of calls and comments, averaged for each customer."""
    day = transforms.reporting_day(as_of)
    rows = transforms.sentiment(pred_twitter_comments, pred_customer_calls, day)
    scored = {
        "comments": reporting_date.COMMENTS.up_to(pred_twitter_comments, day),
        "calls": pred_customer_calls,
    }
    yield from audited(PRES_SENTIMENT, rows, warehouse, checks.SENTIMENT, **scored)


@table_asset("presentation", automation_condition=FOLLOWS_EVENTS, audits=checks.AD_SPEND)
def pres_ad_spend(
    warehouse: Warehouse, attribution_touches: DataFrame, stg_ad_spend: DataFrame, as_of: pa.Table
) -> Iterator[Any]:
    """Spend and attributed revenue, side by side for each source and medium."""
    day = transforms.reporting_day(as_of)
    rows = transforms.ad_spend(attribution_touches, stg_ad_spend, day)
    summed = {"spend": reporting_date.AD_SPEND.up_to(stg_ad_spend, day), "touches": attribution_touches}
    yield from audited(PRES_AD_SPEND, rows, warehouse, checks.AD_SPEND, **summed)


@table_asset(
    "presentation",
    part_by="CUSTOMER_ID",
    automation_condition=follows_but_for("pres_sentiment"),
    freshness_policy=DAILY,
    audits=checks.CLV,
)
def pres_clv(warehouse: Warehouse, customers: DataFrame, pres_sentiment: DataFrame) -> Iterator[Any]:
    """Lifetime values with how the customers feel."""
    valued = customers.filter(f.col("CUSTOMER_LIFETIME_VALUE").is_not_null())
    yield from audited(PRES_CLV, transforms.clv(customers, pres_sentiment), warehouse, checks.CLV, valued=valued)


@table_asset(
    "presentation",
    part_by="CUSTOMER_ID",
    automation_condition=follows_but_for("pres_sentiment"),
    freshness_policy=DAILY,
    audits=checks.CHURN,
)
def pres_churn(
    warehouse: Warehouse, mrr: DataFrame, customers: DataFrame, pres_sentiment: DataFrame
) -> Iterator[Any]:
    """Customers who have churned, with what they were worth and how they felt."""
    yield from audited(PRES_CHURN, transforms.churn(mrr, customers, pres_sentiment), warehouse, checks.CHURN)


dashboard = dg.AssetSpec(
    "dashboard",
    deps=[pres_sentiment, pres_ad_spend, pres_clv, pres_churn],
    group_name="presentation",
    kinds={"streamlit", "dashboard"},
    description="The Streamlit app, which reads the presentation tables when somebody looks at it.",
)
