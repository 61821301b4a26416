"""The source files: which table each fills, and what must hold of its rows."""

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

    Any file may be CSV or Parquet; `name` is the usual one, and `names` are both.
    The table says which columns the file must have (in any case and order), their types, which may be empty, and
    the key; `rules` are for what a single row cannot be, `file_rules` for what rows cannot be together. Where
    several files fill one table, the columns of `sources.ORIGIN` tell their rows apart. `needs_rows` says that
    without a row of this file there is nothing to analyse.
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
        """The table as the file has it, without the columns that say where a row comes from."""
        origin = {column.name for column in sources.ORIGIN}
        if not origin <= set(self.table.column_names):
            return self.table
        columns = tuple(column for column in self.table.columns if column.name not in origin)
        return replace(self.table, columns=columns, key=())


COMMENTS = SourceFile("twitter_comments.parquet", sources.STG_TWITTER_COMMENTS, optional=True)
FURTHER_COMMENTS = "comments"  # the folder of further files like the first

# One entry a source table. To add your own: declare its Table in tables/sources.py and add a line here.
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
    """The source files that fill their table alone."""
    return tuple(file for file in SOURCE_FILES if file is not COMMENTS)
