"""What a transform returns has its table's columns: order, names and warehouse types."""

from datetime import date

import pytest

from customer_analytics.tables import Table, customers, presentation, sentiment, sources
from customer_analytics.transforms.attribution import build_attribution_touches
from customer_analytics.transforms.customers import build_customers, build_orders
from customer_analytics.transforms.mrr import build_mrr
from customer_analytics.transforms.presentation import (
    build_pres_ad_spend,
    build_pres_churn,
    build_pres_clv,
    build_pres_sentiment,
)

DAY = date(2020, 1, 31)
TRANSFORMS = {
    customers.CUSTOMERS: (
        build_customers,
        sources.STG_CUSTOMERS,
        sources.STG_ORDERS,
        sources.STG_PAYMENTS,
        DAY,
        (),
    ),
    customers.ORDERS: (build_orders, sources.STG_ORDERS, sources.STG_PAYMENTS, DAY),
    customers.MRR: (build_mrr, sources.STG_SUBSCRIPTION_PERIODS, DAY),
    customers.ATTRIBUTION_TOUCHES: (
        build_attribution_touches,
        sources.STG_SESSIONS,
        sources.STG_CUSTOMER_CONVERSIONS,
        DAY,
    ),
    presentation.PRES_SENTIMENT: (
        build_pres_sentiment,
        sentiment.PRED_TWITTER_COMMENTS,
        sentiment.PRED_CUSTOMER_CALLS,
        DAY,
    ),
    presentation.PRES_AD_SPEND: (build_pres_ad_spend, customers.ATTRIBUTION_TOUCHES, sources.STG_AD_SPEND, DAY),
    presentation.PRES_CLV: (build_pres_clv, customers.CUSTOMERS, presentation.PRES_SENTIMENT),
    presentation.PRES_CHURN: (
        build_pres_churn,
        customers.MRR,
        customers.CUSTOMERS,
        presentation.PRES_SENTIMENT,
    ),
}


@pytest.mark.parametrize("table", TRANSFORMS, ids=lambda table: table.name)
def test_a_written_result_has_the_columns_of_its_table(load, session, table):
    transform, *inputs = TRANSFORMS[table]
    result = transform(*(load(given, []) if isinstance(given, Table) else given for given in inputs))

    result.write.save_as_table("WRITTEN")
    columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
    session.sql(f"CREATE TABLE DECLARED ({columns})").collect()

    assert described(session, "WRITTEN") == described(session, "DECLARED")
    assert [name for name, _ in described(session, "WRITTEN")] == table.column_names


def described(session, table):
    return [(row["name"], row["type"]) for row in session.sql(f"DESCRIBE TABLE {table}").collect()]
