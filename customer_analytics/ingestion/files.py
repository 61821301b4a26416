"""The source files: which table each fills, and what must hold of its rows."""

from dataclasses import dataclass

from customer_analytics.ingestion.rules import RowRule, not_before, one_of
from customer_analytics.tables import Table, sources


@dataclass(frozen=True)
class SourceFile:
    """One file of the source: its name (`.csv` or `.parquet`), the table it fills, the rules of its rows.

    The table says which columns the file must have (in any case and order), their types, which may be empty, and
    the key; rules are for what a single row cannot be. `drops` is a folder of further files of the same kind,
    whose rows are appended.
    """

    name: str
    table: Table
    rules: tuple[RowRule, ...] = ()
    drops: str | None = None

    def is_source_of(self, path: str) -> bool:
        """Whether a path below the source is this file or one of its drops."""
        return path == self.name or (self.drops is not None and path.startswith(f"{self.drops}/"))


# One entry a source table. To add your own: declare its Table in tables/sources.py and add a line here.
SOURCE_FILES: tuple[SourceFile, ...] = (
    SourceFile("ad_spend.csv", sources.STG_AD_SPEND),
    SourceFile("sessions.csv", sources.STG_SESSIONS, (not_before("ENDED_AT", "STARTED_AT"),)),
    SourceFile("customers.csv", sources.STG_CUSTOMERS),
    SourceFile("payments.csv", sources.STG_PAYMENTS),
    SourceFile(
        "subscription_periods.csv", sources.STG_SUBSCRIPTION_PERIODS, (not_before("END_DATE", "START_DATE"),)
    ),
    SourceFile("customer_conversions.csv", sources.STG_CUSTOMER_CONVERSIONS),
    SourceFile("orders.csv", sources.STG_ORDERS),
    SourceFile("twitter_comments.parquet", sources.STG_TWITTER_COMMENTS, drops="comments"),
    SourceFile("comment_training.parquet", sources.STG_COMMENT_TRAINING, (one_of("LABEL", *sources.LABELS),)),
)
