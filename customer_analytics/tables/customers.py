"""Orders, subscriptions and attribution of customers."""

from customer_analytics.tables.attribution import ATTRIBUTION_MODELS
from customer_analytics.tables.model import Column, SqlType, Table, identifier
from customer_analytics.tables.sources import ORDER_STATUSES

CHANGE_CATEGORIES = ("new", "churn", "reactivation", "upgrade", "downgrade")

CUSTOMERS = Table(
    "CUSTOMERS",
    "One row per customer: first and latest order, order count and lifetime value up to AS_OF.",
    (
        identifier("CUSTOMER_ID", "Identifies the customer."),
        Column("FIRST_NAME", SqlType.TEXT, "Given name."),
        Column("LAST_NAME", SqlType.TEXT, "Family name, possibly shortened."),
        Column("FIRST_ORDER", SqlType.DATE, "Day of the first order; null without an order."),
        Column("MOST_RECENT_ORDER", SqlType.DATE, "Day of the latest order; null without an order."),
        Column("NUMBER_OF_ORDERS", SqlType.INTEGER, "Orders of the customer; 0 without one.", nullable=False),
        Column(
            "CUSTOMER_LIFETIME_VALUE",
            SqlType.AMOUNT,
            "All payments on the customer's orders, in currency units; null without a payment.",
        ),
        Column(
            "NET_LIFETIME_VALUE",
            SqlType.AMOUNT,
            "The lifetime value without coupon payments and without orders whose status is not a sale (see "
            "CUSTOMER_ANALYTICS_STATUSES_NOT_SALES), in currency units; null without such a payment.",
        ),
    ),
    key=("CUSTOMER_ID",),
)


def _amount(method: str, wording: str) -> Column:
    return Column(
        f"{method}_AMOUNT", SqlType.AMOUNT, f"Paid {wording}, in currency units; 0 if none.", nullable=False
    )


ORDERS = Table(
    "ORDERS",
    "One row per order up to AS_OF: what was paid on it by each payment method.",
    (
        identifier("ORDER_ID", "Identifies the order."),
        identifier("CUSTOMER_ID", "Customer who ordered; null if the source names none.", nullable=True),
        Column("ORDER_DATE", SqlType.DATE, "Day of the order.", nullable=False),
        Column(
            "STATUS",
            SqlType.TEXT,
            f"As in the source, usually one of {', '.join(ORDER_STATUSES)}.",
            nullable=False,
        ),
        _amount("CREDIT_CARD", "by credit card"),
        _amount("COUPON", "by coupon"),
        _amount("BANK_TRANSFER", "by bank transfer"),
        _amount("GIFT_CARD", "by gift card"),
        _amount("OTHER", "by another or an unknown method"),
        _amount("TOTAL", "by any method"),
    ),
    key=("ORDER_ID",),
)

MRR = Table(
    "MRR",
    "One row per customer and month: monthly recurring revenue on the month's last day and how it changed, "
    "from the first active month to the month after the last active one.",
    (
        identifier("CUSTOMER_ID", "Customer with a subscription."),
        Column("DATE_MONTH", SqlType.DATE, "First day of the month.", nullable=False),
        Column(
            "MRR",
            SqlType.AMOUNT,
            "Sum of the monthly amounts of the periods in force on the month's last day, in currency units.",
            nullable=False,
        ),
        Column("IS_ACTIVE", SqlType.BOOLEAN, "Whether MRR is above 0.", nullable=False),
        Column("FIRST_ACTIVE_MONTH", SqlType.DATE, "The customer's first active month.", nullable=False),
        Column("LAST_ACTIVE_MONTH", SqlType.DATE, "The customer's last active month.", nullable=False),
        Column("IS_FIRST_MONTH", SqlType.BOOLEAN, "Whether this is the first active month.", nullable=False),
        Column("IS_LAST_MONTH", SqlType.BOOLEAN, "Whether this is the last active month.", nullable=False),
        Column(
            "PREVIOUS_MONTH_IS_ACTIVE",
            SqlType.BOOLEAN,
            "Whether the customer was active a month before.",
            nullable=False,
        ),
        Column("PREVIOUS_MONTH_MRR", SqlType.AMOUNT, "MRR a month before; 0 if none.", nullable=False),
        Column("MRR_CHANGE", SqlType.AMOUNT, "MRR minus the previous month's.", nullable=False),
        Column(
            "CHANGE_CATEGORY",
            SqlType.TEXT,
            f"One of {', '.join(CHANGE_CATEGORIES)}; null when nothing changed.",
            accepted=CHANGE_CATEGORIES,
        ),
        Column("RENEWAL_AMOUNT", SqlType.AMOUNT, "The smaller of MRR and the previous month's.", nullable=False),
        Column("ID", SqlType.TEXT, "Identifies the row: <customer id>-<YYYY-MM>.", nullable=False),
    ),
    key=("ID",),
)

ATTRIBUTION_TOUCHES = Table(
    "ATTRIBUTION_TOUCHES",
    "One row per conversion and touch, a touch being a session of the customer in the 30 days before the "
    "conversion; a conversion without a touch is one row with source and medium 'unattributed'.",
    (
        identifier("CUSTOMER_ID", "Customer who converted; null if the source names none.", nullable=True),
        Column("CONVERTED_AT", SqlType.TIMESTAMP, "Moment of the conversion.", nullable=False),
        Column("REVENUE", SqlType.AMOUNT, "Revenue of the conversion, in currency units.", nullable=False),
        identifier("SESSION_ID", "The touch; null if the conversion has none.", nullable=True),
        Column("STARTED_AT", SqlType.TIMESTAMP, "Start of the touch."),
        Column("UTM_SOURCE", SqlType.TEXT, "Where the touch came from."),
        Column("UTM_MEDIUM", SqlType.TEXT, "Kind of traffic of the touch; null for direct visits."),
        Column("UTM_CAMPAIGN", SqlType.TEXT, "Campaign of the touch."),
        Column("TOTAL_SESSIONS", SqlType.INTEGER, "Touches of the conversion; 0 if none.", nullable=False),
        Column("SESSION_INDEX", SqlType.INTEGER, "Position of the touch, from 1, by time and session id."),
        *(
            Column(
                f"{model.name}_POINTS",
                SqlType.FLOAT,
                f"Share of the conversion: {model.rule}.",
                nullable=False,
                between=(0, 1),
            )
            for model in ATTRIBUTION_MODELS
        ),
        *(
            Column(
                f"{model.name}_REVENUE",
                SqlType.FLOAT,
                f"Revenue of the touch, in currency units: {model.rule}.",
                nullable=False,
            )
            for model in ATTRIBUTION_MODELS
        ),
    ),
)

TABLES = (CUSTOMERS, ORDERS, MRR, ATTRIBUTION_TOUCHES)
