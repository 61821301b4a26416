"""The figures that the reference data is known to give (see NOTICE.md there)."""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from customer_analytics.tables import TABLES, SqlType
from customer_analytics.transforms.attribution import build_attribution_touches
from customer_analytics.transforms.customers import build_customers, build_orders
from customer_analytics.transforms.mrr import build_mrr
from customer_analytics.transforms.presentation import build_pres_ad_spend, build_pres_churn, build_pres_clv
from customer_analytics.transforms.reporting_day import ALL_EVENTS, build_as_of
from customer_analytics_tests.reference import REFERENCE, needs_reference

pytestmark = needs_reference

DAY = date(2020, 2, 17)


@pytest.fixture
def staged(load):
    """Staging tables of the reference data by the names of their files."""

    def _staged(*names):
        return [
            load(table, _source_rows(name, table)) for name in names for table in [TABLES[f"STG_{name.upper()}"]]
        ]

    return _staged


def _source_rows(name, table):
    if name == "twitter_comments":
        rows = pd.read_parquet(REFERENCE / f"{name}.parquet")
        rows = rows.drop_duplicates("date").assign(review_text="", date=rows["date"].astype(str))
        rows = rows.assign(file_hash="00ff", line=range(1, len(rows) + 1))
    else:
        rows = pd.read_csv(REFERENCE / f"{name}.csv", dtype=str)
    rows.columns = rows.columns.str.upper()
    rows = rows[table.column_names].astype(object)
    for column in table.columns:
        if column.type is SqlType.TIMESTAMP:
            rows[column.name] = pd.to_datetime(rows[column.name]).dt.strftime("%Y-%m-%d %H:%M:%S")
    return rows.where(rows.notna(), None).to_numpy().tolist()


def test_lifetime_values(staged):
    rows = build_customers(*staged("customers", "orders", "payments"), DAY, ()).collect()
    values = {row.CUSTOMER_ID: row.CUSTOMER_LIFETIME_VALUE for row in rows}
    assert len(rows) == 100
    known = {customer: value for customer, value in values.items() if value is not None}
    assert (len(known), sum(known.values())) == (62, Decimal("1672.00"))
    assert Counter(known).most_common(3) == [("51", 99), ("3", 65), ("46", 64)]


def test_orders_hold_all_payments(staged):
    rows = build_orders(*staged("orders", "payments"), DAY).collect()
    assert (len(rows), sum(row.TOTAL_AMOUNT for row in rows)) == (99, Decimal("1672.00"))


def test_attribution(staged):
    rows = build_attribution_touches(*staged("sessions", "customer_conversions"), DAY).collect()
    assert len(rows) == 39
    for model in ("FIRST_TOUCH", "LAST_TOUCH", "FORTY_TWENTY_FORTY", "LINEAR"):
        assert sum(row[f"{model}_REVENUE"] for row in rows) == pytest.approx(275)
    linear = defaultdict(float)
    for row in rows:
        linear[row.UTM_SOURCE] += row.LINEAR_REVENUE
    assert {source: round(revenue, 2) for source, revenue in linear.items()} == {
        "direct": 141.43,
        "facebook_ads": 70.18,
        "google": 37.86,
        "adwords": 19.11,
        "bing": 6.43,
    }


def test_monthly_recurring_revenue_and_presentation(staged, load, session):
    sources = (
        "orders",
        "subscription_periods",
        "sessions",
        "customer_conversions",
        "ad_spend",
        "twitter_comments",
    )
    orders, periods, sessions, conversions, spend, _ = tables = staged(*sources)
    found = build_as_of(dict(zip(ALL_EVENTS, tables, strict=True)), date(2026, 1, 1))
    assert found.collect() == [(DAY, "STG_AD_SPEND")]

    build_mrr(periods, DAY).write.save_as_table("MRR")
    rows = session.table("MRR").collect()
    assert (len(rows), len({row.CUSTOMER_ID for row in rows})) == (413, 55)
    assert max(row.DATE_MONTH for row in rows) == date(2020, 1, 1)
    categories = Counter(row.CHANGE_CATEGORY for row in rows)
    del categories[None]
    assert categories == {"new": 55, "churn": 54, "reactivation": 3, "upgrade": 30, "downgrade": 27}
    assert sum(row.MRR_CHANGE for row in rows) == 175

    build_customers(*staged("customers"), orders, *staged("payments"), DAY, ()).write.save_as_table("CUSTOMERS")
    customers, nobody_heard = session.table("CUSTOMERS"), load(TABLES["PRES_SENTIMENT"], [])
    assert build_pres_churn(session.table("MRR"), customers, nobody_heard).count() == 51
    assert build_pres_clv(customers, nobody_heard).count() == 62

    build_attribution_touches(sessions, conversions, DAY).write.save_as_table("ATTRIBUTION_TOUCHES")
    returns = build_pres_ad_spend(session.table("ATTRIBUTION_TOUCHES"), spend, DAY).collect()
    spent = pd.read_csv(REFERENCE / "ad_spend.csv").groupby("utm_source")["spend"].sum().to_dict()
    assert {row.UTM_SOURCE: row.SPEND for row in returns if row.SPEND is not None} == spent
    assert sum(row.REVENUE_LINEAR for row in returns) == pytest.approx(275)
    assert all((row.ROAS_LINEAR is None) == (row.SPEND is None) for row in returns)
