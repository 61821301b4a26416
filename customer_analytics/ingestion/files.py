"""The source files: which table each fills, and what must hold of its rows."""

from dataclasses import dataclass, replace

from customer_analytics.ingestion.rules import RowRule, not_before, one_of
from customer_analytics.tables import Table, sources


@dataclass(frozen=True)
class SourceFile:
    """One file of the source: its name (`.csv` or `.parquet`), the table it fills, the rules of its rows.

    The table says which columns the file must have (in any case and order), their types, which may be empty, and
    the key; rules are for what a single row cannot be. Where several files fill one table, the columns of
    `sources.ORIGIN` tell their rows apart.
    """

    name: str
    table: Table
    rules: tuple[RowRule, ...] = ()

    @property
    def record(self) -> Table:
        """The table as the file has it, without the columns that say where a row comes from."""
        origin = {column.name for column in sources.ORIGIN}
        if not origin <= set(self.table.column_names):
            return self.table
        columns = tuple(column for column in self.table.columns if column.name not in origin)
        return replace(self.table, columns=columns, key=())


COMMENTS = SourceFile("twitter_comments.parquet", sources.STG_TWITTER_COMMENTS)
FURTHER_COMMENTS = "comments"  # the folder of further files like the first

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
    COMMENTS,
    SourceFile("comment_training.parquet", sources.STG_COMMENT_TRAINING, (one_of("LABEL", *sources.LABELS),)),
)


def whole_files() -> tuple[SourceFile, ...]:
    """The source files that fill their table alone."""
    return tuple(file for file in SOURCE_FILES if file is not COMMENTS)
