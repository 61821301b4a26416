"""What is computed in the warehouse: pure functions from Snowpark DataFrames to a Snowpark DataFrame.

Each returns exactly the columns that `customer_analytics.tables` declares (the table's meaning stands there), in
order and cast to the declared types. Nothing is computed until a result is written; no row reaches the client.
"""

from customer_analytics.transforms.attribution import attribution_touches
from customer_analytics.transforms.presentation import ad_spend, churn, clv, sentiment
from customer_analytics.transforms.reporting_date import as_of, reporting_day
from customer_analytics.transforms.shop import customers, orders
from customer_analytics.transforms.subscriptions import mrr

__all__ = [
    "ad_spend",
    "as_of",
    "attribution_touches",
    "churn",
    "clv",
    "customers",
    "mrr",
    "orders",
    "reporting_day",
    "sentiment",
]
