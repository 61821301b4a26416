"""The reporting day."""

from customer_analytics.tables.model import Column, SqlType, Table

RUN_CONFIGURATION = "run configuration"

AS_OF = Table(
    "AS_OF",
    "One row: the day up to which all dated tables count events, and where it comes from.",
    (
        Column(
            "AS_OF",
            SqlType.DATE,
            "Latest day with an order, the start of a subscription period, a session, a conversion, ad spend or a "
            "comment that is not later than the UTC day on which the run started; null without any.",
        ),
        Column(
            "ORIGIN",
            SqlType.TEXT,
            f"Table with an event on that day, or '{RUN_CONFIGURATION}'; null without an event.",
        ),
    ),
)

TABLES = (AS_OF,)
