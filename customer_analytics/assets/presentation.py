"""The tables that the dashboard shows."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.assets.conditions import FOLLOWS_EVENTS, follows_but_for
from customer_analytics.assets.table_assets import table_asset
from customer_analytics.checks.audit_checks import write_audit_publish
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables.presentation import PRES_AD_SPEND, PRES_CHURN, PRES_CLV, PRES_SENTIMENT
from customer_analytics.transforms import reporting_day as events
from customer_analytics.transforms.presentation import (
    build_pres_ad_spend,
    build_pres_churn,
    build_pres_clv,
    build_pres_sentiment,
)
from customer_analytics.transforms.reporting_day import day_of


@table_asset("presentation", part_by="CUSTOMER_ID")
def pres_sentiment(
    warehouse: dg.ResourceParam[Warehouse],
    pred_twitter_comments: DataFrame,
    pred_customer_calls: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Sentiment of calls and comments, averaged for each customer."""
    day = day_of(as_of)
    rows = build_pres_sentiment(pred_twitter_comments, pred_customer_calls, day)
    scored = {
        "comments": events.COMMENTS.up_to(pred_twitter_comments, day),
        "calls": pred_customer_calls,
    }
    yield from write_audit_publish(PRES_SENTIMENT, rows, warehouse, **scored)


@table_asset("presentation", automation_condition=FOLLOWS_EVENTS)
def pres_ad_spend(
    warehouse: dg.ResourceParam[Warehouse],
    attribution_touches: DataFrame,
    stg_ad_spend: DataFrame,
    as_of: pa.Table,
) -> Iterator[Any]:
    """Spend and attributed revenue, side by side for each source and medium."""
    day = day_of(as_of)
    rows = build_pres_ad_spend(attribution_touches, stg_ad_spend, day)
    summed = {"spend": events.AD_SPEND.up_to(stg_ad_spend, day), "touches": attribution_touches}
    yield from write_audit_publish(PRES_AD_SPEND, rows, warehouse, **summed)


@table_asset(
    "presentation",
    part_by="CUSTOMER_ID",
    automation_condition=follows_but_for("pres_sentiment"),
)
def pres_clv(
    warehouse: dg.ResourceParam[Warehouse], customers: DataFrame, pres_sentiment: DataFrame
) -> Iterator[Any]:
    """Lifetime value and sentiment of each customer."""
    valued = customers.filter(f.col("CUSTOMER_LIFETIME_VALUE").is_not_null())
    yield from write_audit_publish(PRES_CLV, build_pres_clv(customers, pres_sentiment), warehouse, valued=valued)


@table_asset(
    "presentation",
    part_by="CUSTOMER_ID",
    automation_condition=follows_but_for("pres_sentiment"),
)
def pres_churn(
    warehouse: dg.ResourceParam[Warehouse], mrr: DataFrame, customers: DataFrame, pres_sentiment: DataFrame
) -> Iterator[Any]:
    """Customers who have churned, with their lifetime value and sentiment."""
    yield from write_audit_publish(PRES_CHURN, build_pres_churn(mrr, customers, pres_sentiment), warehouse)


dashboard = dg.AssetSpec(
    "dashboard",
    deps=[pres_sentiment, pres_ad_spend, pres_clv, pres_churn],
    group_name="presentation",
    kinds={"streamlit", "dashboard"},
    description="The Streamlit app, which reads the presentation tables when a page is opened.",
)
