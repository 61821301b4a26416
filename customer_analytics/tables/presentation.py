"""The tables behind the dashboard."""

from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.model import Column, SqlType, Table, identifier

_SCORE = Column(
    "SENTIMENT_SCORE",
    SqlType.FLOAT,
    "Mean sentiment of calls and comments, from 0 to 1; null if unknown.",
    between=(0, 1),
)

PRES_SENTIMENT = Table(
    "PRES_SENTIMENT",
    "One row per customer with a call or a comment: their sentiment.",
    (
        identifier("CUSTOMER_ID", "Identifies the customer."),
        Column("CALLS_SENTIMENT", SqlType.FLOAT, "Mean sentiment of the calls; null if none is scored."),
        Column("COMMENTS_SENTIMENT", SqlType.FLOAT, "Mean sentiment of the comments; null if none is scored."),
        Column("CALLS", SqlType.INTEGER, "Transcribed calls of the customer.", nullable=False),
        Column("COMMENTS", SqlType.INTEGER, "Comments of the customer.", nullable=False),
        Column(
            "SENTIMENT_SCORE",
            SqlType.FLOAT,
            "Mean of CALLS_SENTIMENT and COMMENTS_SENTIMENT, ignoring nulls; null if both are.",
            between=(0, 1),
        ),
        Column(
            "SENTIMENT_BUCKET",
            SqlType.INTEGER,
            "Tenth of the score's range, from 1 (unhappy) to 10 (happy); null without a score.",
            between=(1, 10),
        ),
    ),
    key=("CUSTOMER_ID",),
)

PRES_AD_SPEND = Table(
    "PRES_AD_SPEND",
    "One row per source and medium: advertising spend, attributed revenue and return on ad spend.",
    (
        Column("UTM_SOURCE", SqlType.TEXT, "Where the traffic came from."),
        Column("UTM_MEDIUM", SqlType.TEXT, "Kind of traffic; null for direct visits."),
        Column("SPEND", SqlType.AMOUNT, "Money spent, in currency units; null without spend."),
        *(
            Column(
                f"REVENUE_{model.name}",
                SqlType.FLOAT,
                f"Revenue by the {model.label.lower()} model, in currency units; 0 if none.",
                nullable=False,
            )
            for model in ATTRIBUTION_MODELS
        ),
        *(
            Column(
                f"ROAS_{model.name}", SqlType.FLOAT, f"REVENUE_{model.name} per unit of SPEND; null without spend."
            )
            for model in ATTRIBUTION_MODELS
        ),
    ),
)

PRES_CLV = Table(
    "PRES_CLV",
    "One row per customer with a lifetime value.",
    (
        identifier("CUSTOMER_ID", "Identifies the customer."),
        Column("NAME", SqlType.TEXT, "Given and family name."),
        Column("FIRST_ORDER", SqlType.DATE, "Day of the first order."),
        Column("MOST_RECENT_ORDER", SqlType.DATE, "Day of the latest order."),
        Column("NUMBER_OF_ORDERS", SqlType.INTEGER, "Orders of the customer.", nullable=False),
        Column("CLV", SqlType.AMOUNT, "Customer lifetime value, in currency units.", nullable=False),
        _SCORE,
    ),
    key=("CUSTOMER_ID",),
)

PRES_CHURN = Table(
    "PRES_CHURN",
    "One row per customer who has churned: whose last month in MRR is a churn.",
    (
        identifier("CUSTOMER_ID", "Identifies the customer."),
        Column("NAME", SqlType.TEXT, "Given and family name; null if the shop does not know the customer."),
        Column("CLV", SqlType.AMOUNT, "Customer lifetime value, in currency units; null without a payment."),
        Column("LAST_ACTIVE_MONTH", SqlType.DATE, "First day of the last active month.", nullable=False),
        _SCORE,
    ),
    key=("CUSTOMER_ID",),
)

TABLES = (PRES_SENTIMENT, PRES_AD_SPEND, PRES_CLV, PRES_CHURN)
