"""The source files: the table that each fills, and the rules of its rows."""

from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from customer_analytics.ingestion.rules import (
    FileRule,
    RowRule,
    at_most,
    consistent,
    not_before,
    not_negative,
    one_of,
)
from customer_analytics.tables import Table, sources

EXTENSIONS = (".csv", ".parquet")


@dataclass(frozen=True)
class SourceFile:
    """One file of the source: its name, the table it fills, the rules of its rows, and whether it may be absent.

    Any file may be CSV or Parquet; `name` is the usual name, and `names` are both. The table declares the
    columns that the file must have (in any case and order), their types, which may be null, and the key. `rules`
    apply to single rows, `file_rules` to the rows of the file together. In a table that several files fill, the
    columns of `sources.ORIGIN` say which file a row comes from. With `needs_rows`, the file must have a row that
    can be loaded.
    """

    name: str
    table: Table
    rules: tuple[RowRule, ...] = ()
    file_rules: tuple[FileRule, ...] = ()
    needs_rows: bool = False
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the file may have, the usual one first."""
        usual = PurePosixPath(self.name)
        return tuple(dict.fromkeys((self.name, *(str(usual.with_suffix(suffix)) for suffix in EXTENSIONS))))

    @property
    def record(self) -> Table:
        """The table as the file has it, without the columns of `sources.ORIGIN`."""
        origin = {column.name for column in sources.ORIGIN}
        if not origin <= set(self.table.column_names):
            return self.table
        columns = tuple(column for column in self.table.columns if column.name not in origin)
        return replace(self.table, columns=columns, key=())


COMMENTS = SourceFile("twitter_comments.parquet", sources.STG_TWITTER_COMMENTS, optional=True)
FURTHER_COMMENTS = "comments"  # the folder of further files like the first

# One entry per source table. To add a table, declare it in tables/sources.py and add a line here.
SOURCE_FILES: tuple[SourceFile, ...] = (
    SourceFile("ad_spend.csv", sources.STG_AD_SPEND),
    SourceFile("sessions.csv", sources.STG_SESSIONS, (not_before("ENDED_AT", "STARTED_AT"),)),
    SourceFile("customers.csv", sources.STG_CUSTOMERS, needs_rows=True),
    SourceFile("payments.csv", sources.STG_PAYMENTS, (at_most("AMOUNT", 100 * sources.LARGEST_AMOUNT),)),
    SourceFile(
        "subscription_periods.csv",
        sources.STG_SUBSCRIPTION_PERIODS,
        (not_before("END_DATE", "START_DATE"), not_negative("MONTHLY_AMOUNT")),
    ),
    SourceFile("customer_conversions.csv", sources.STG_CUSTOMER_CONVERSIONS),
    SourceFile("orders.csv", sources.STG_ORDERS),
    COMMENTS,
    SourceFile(
        "comment_training.parquet",
        sources.STG_COMMENT_TRAINING,
        (one_of("LABEL", *sources.LABELS),),
        (consistent("LABEL", per="REVIEW_TEXT"),),
        optional=True,
    ),
)


def whole_files() -> tuple[SourceFile, ...]:
    """The source files that are alone in filling their table."""
    return tuple(file for file in SOURCE_FILES if file is not COMMENTS)
