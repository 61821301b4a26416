"""Staging tables: the source rows, typed explicitly, one table per source file."""

from customer_analytics.tables.model import Column, Reference, SqlType, Table, identifier

PAYMENT_METHODS = ("credit_card", "coupon", "bank_transfer", "gift_card")
ORDER_STATUSES = ("placed", "shipped", "completed", "return_pending", "returned", "cancelled", "refunded")
LABELS = (0, 1)
LARGEST_AMOUNT = 10**9
"""Limit of amounts, positive or negative, in currency units: sums of millions of them fit NUMBER(18,2)."""
CALL_DATE_SOURCES = ("manifest", "name", "tags")

_CUSTOMER = identifier("CUSTOMER_ID", "Customer that the row belongs to.")
_OPTIONAL_CUSTOMER = identifier(
    "CUSTOMER_ID", "Customer that the row belongs to; null if the source names none.", nullable=True
)
# Visitors of the web shop who convert there need not be customers.
_REFERS_TO_VISITORS = (Reference("CUSTOMER_ID", "STG_CUSTOMERS", optional=True),)
_REFERS_TO_CUSTOMERS = (Reference("CUSTOMER_ID", "STG_CUSTOMERS"),)
_UTM = (
    Column("UTM_SOURCE", SqlType.TEXT, "Where the visit came from, e.g. google; direct without a referrer."),
    Column("UTM_MEDIUM", SqlType.TEXT, "Kind of traffic, e.g. cpc; null for direct visits."),
    Column("UTM_CAMPAIGN", SqlType.TEXT, "Campaign of the visit; null if there was none."),
)

ORIGIN = (
    Column("FILE_HASH", SqlType.TEXT, "SHA-256 of the file with the row, in hexadecimal.", nullable=False),
    Column(
        "LINE",
        SqlType.INTEGER,
        "Line of the file where the row begins; row number, from 1, in Parquet files.",
        nullable=False,
    ),
)
"""Origin of a row, for tables that are loaded from several files."""

STG_AD_SPEND = Table(
    "STG_AD_SPEND",
    "One row per day, source, medium and campaign with money spent on advertising.",
    (
        Column("DATE_DAY", SqlType.DATE, "Day of the spend.", nullable=False),
        Column("UTM_SOURCE", SqlType.TEXT, "Where the advertisement ran.", nullable=False),
        Column("UTM_MEDIUM", SqlType.TEXT, "Kind of traffic bought."),
        Column("UTM_CAMPAIGN", SqlType.TEXT, "Campaign that the money was spent on."),
        Column("SPEND", SqlType.AMOUNT, "Money spent, in currency units.", nullable=False),
    ),
)

STG_SESSIONS = Table(
    "STG_SESSIONS",
    "One row per visit to the web shop.",
    (
        identifier("SESSION_ID", "Identifies the visit."),
        _OPTIONAL_CUSTOMER,
        Column("STARTED_AT", SqlType.TIMESTAMP, "Start of the visit.", nullable=False),
        Column("ENDED_AT", SqlType.TIMESTAMP, "End of the visit; null if unknown."),
        *_UTM,
    ),
    key=("SESSION_ID",),
    references=_REFERS_TO_VISITORS,
)

STG_CUSTOMERS = Table(
    "STG_CUSTOMERS",
    "One row per customer of the shop.",
    (
        identifier("CUSTOMER_ID", "Identifies the customer."),
        Column("FIRST_NAME", SqlType.TEXT, "Given name."),
        Column("LAST_NAME", SqlType.TEXT, "Family name, possibly shortened."),
    ),
    key=("CUSTOMER_ID",),
)

STG_PAYMENTS = Table(
    "STG_PAYMENTS",
    "One row per payment on an order.",
    (
        identifier("PAYMENT_ID", "Identifies the payment."),
        identifier("ORDER_ID", "Order that was paid."),
        Column(
            "PAYMENT_METHOD",
            SqlType.TEXT,
            f"One of {', '.join(PAYMENT_METHODS)}; any other, and null, counts as another method.",
            accepted=PAYMENT_METHODS,
            is_open=True,
        ),
        Column("AMOUNT", SqlType.INTEGER, "Money paid, in cents; negative for a credit.", nullable=False),
    ),
    key=("PAYMENT_ID",),
    references=(Reference("ORDER_ID", "STG_ORDERS"),),
)

STG_SUBSCRIPTION_PERIODS = Table(
    "STG_SUBSCRIPTION_PERIODS",
    "One row per period in which a customer pays a monthly amount.",
    (
        identifier("SUBSCRIPTION_ID", "Identifies the period."),
        _CUSTOMER,
        Column("START_DATE", SqlType.DATE, "First day of the period.", nullable=False),
        Column("END_DATE", SqlType.DATE, "First day after the period; null while it is open-ended."),
        Column(
            "MONTHLY_AMOUNT",
            SqlType.AMOUNT,
            "Price of a month, in currency units; 0 for a free plan.",
            nullable=False,
        ),
    ),
    key=("SUBSCRIPTION_ID",),
    references=_REFERS_TO_CUSTOMERS,
)

STG_CUSTOMER_CONVERSIONS = Table(
    "STG_CUSTOMER_CONVERSIONS",
    "One row per conversion; a customer may convert more than once.",
    (
        _OPTIONAL_CUSTOMER,
        Column("CONVERTED_AT", SqlType.TIMESTAMP, "Moment of the conversion.", nullable=False),
        Column("REVENUE", SqlType.AMOUNT, "Revenue of the conversion, in currency units.", nullable=False),
    ),
    references=_REFERS_TO_VISITORS,
)

STG_ORDERS = Table(
    "STG_ORDERS",
    "One row per order in the shop.",
    (
        identifier("ORDER_ID", "Identifies the order."),
        _OPTIONAL_CUSTOMER,
        Column("ORDER_DATE", SqlType.DATE, "Day of the order.", nullable=False),
        Column(
            "STATUS",
            SqlType.TEXT,
            f"Usually one of {', '.join(ORDER_STATUSES)}.",
            nullable=False,
            accepted=ORDER_STATUSES,
            is_open=True,
        ),
    ),
    key=("ORDER_ID",),
    references=_REFERS_TO_CUSTOMERS,
)

STG_TWITTER_COMMENTS = Table(
    "STG_TWITTER_COMMENTS",
    "One row per comment of a customer on social media; comments have no key and may repeat.",
    (
        _OPTIONAL_CUSTOMER,
        Column("DATE", SqlType.DATE, "Day of the comment.", nullable=False),
        Column("REVIEW_TEXT", SqlType.TEXT, "What the customer wrote.", nullable=False),
        *ORIGIN,
    ),
    key=("FILE_HASH", "LINE"),
    references=_REFERS_TO_CUSTOMERS,
)

STG_COMMENT_FILES = Table(
    "STG_COMMENT_FILES",
    "One row per comment file; files with the same content share their comments.",
    (
        Column("RELATIVE_PATH", SqlType.TEXT, "Path of the file below the source.", nullable=False),
        Column("SIZE", SqlType.INTEGER, "Size of the file in bytes.", nullable=False),
        Column("FILE_HASH", SqlType.TEXT, "SHA-256 of the file, in hexadecimal.", nullable=False),
        Column("LAST_MODIFIED", SqlType.TIMESTAMP, "When the file was last changed, in UTC.", nullable=False),
        Column("LINES", SqlType.INTEGER, "Rows of the file, loaded or rejected.", nullable=False),
        Column("LOADED", SqlType.INTEGER, "Rows of the file that were loaded.", nullable=False),
    ),
    key=("RELATIVE_PATH",),
)

STG_COMMENT_TRAINING = Table(
    "STG_COMMENT_TRAINING",
    "One row per comment that a person has labelled or may label.",
    (
        Column("REVIEW_TEXT", SqlType.TEXT, "What the customer wrote.", nullable=False),
        Column(
            "LABEL",
            SqlType.INTEGER,
            "1 for a positive comment, 0 for a negative one; null until the comment is labelled.",
            accepted=LABELS,
        ),
    ),
)

STG_REJECTED_ROWS = Table(
    "STG_REJECTED_ROWS",
    "One row per source row that was not loaded, with the reason.",
    (
        Column("SOURCE", SqlType.TEXT, "Name of the source file.", nullable=False),
        ORIGIN[1],
        Column("REASON", SqlType.TEXT, "Why the row was not loaded.", nullable=False),
        Column("RULE", SqlType.TEXT, "The reason without the row's values.", nullable=False),
        Column("RAW", SqlType.TEXT, "The row as it is in the file.", nullable=False),
    ),
    key=("SOURCE", "LINE"),
)

CALL_STAGE = "CALL_STAGE"

STG_SUPPORT_CALLS = Table(
    "STG_SUPPORT_CALLS",
    "One row per audio file of a support call, held in CALL_STAGE as <hash of the audio><extension>.",
    (
        Column(
            "RELATIVE_PATH",
            SqlType.TEXT,
            "Path of the file below the source's calls folder.",
            nullable=False,
        ),
        identifier(
            "CUSTOMER_ID",
            "Customer who called, from the manifest or from <customer_id>-<nn>.<ext>; null where neither does.",
            nullable=True,
        ),
        Column(
            "CALLED_AT",
            SqlType.TIMESTAMP,
            "When the call happened, in UTC; where only its day is known, the begin of that day in the reporting "
            "time zone; null where not even that is.",
        ),
        Column(
            "CALLED_AT_SOURCE",
            SqlType.TEXT,
            "Source of CALLED_AT: the manifest, the file's name, or the recording's tags.",
            accepted=CALL_DATE_SOURCES,
        ),
        Column(
            "PROPERTIES",
            SqlType.TEXT,
            "JSON object of the manifest's further columns, e.g. agent and channel; null if there are none.",
        ),
        Column("SIZE", SqlType.INTEGER, "Size of the file in bytes.", nullable=False),
        Column("AUDIO_HASH", SqlType.TEXT, "SHA-256 of the file, in hexadecimal.", nullable=False),
        Column("LAST_MODIFIED", SqlType.TIMESTAMP, "When the file was last changed, in UTC.", nullable=False),
    ),
    key=("RELATIVE_PATH",),
    references=_REFERS_TO_CUSTOMERS,
)

TABLES = (
    STG_AD_SPEND,
    STG_SESSIONS,
    STG_CUSTOMERS,
    STG_PAYMENTS,
    STG_SUBSCRIPTION_PERIODS,
    STG_CUSTOMER_CONVERSIONS,
    STG_ORDERS,
    STG_TWITTER_COMMENTS,
    STG_COMMENT_FILES,
    STG_COMMENT_TRAINING,
    STG_REJECTED_ROWS,
    STG_SUPPORT_CALLS,
)
