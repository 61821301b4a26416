"""The reporting day (table AS_OF), and the events up to it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from snowflake.snowpark import Column, DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables import SqlType, Table, sources
from customer_analytics.tables.reporting_day import AS_OF
from customer_analytics.transforms.columns import cast_to_table

UTC = "UTC"
_BEFORE_ALL_DATES = dt.date(1899, 12, 31)


@dataclass(frozen=True)
class Events:
    """A source table of events, and the column with their time."""

    table: Table
    column: str

    @property
    def is_moment(self) -> bool:
        """Whether the column is a timestamp, which is in UTC."""
        return any(c.name == self.column and c.type is SqlType.TIMESTAMP for c in self.table.columns)

    def day(self, time_zone: str = UTC) -> Column:
        """Expression for the day of an event in a time zone."""
        if not self.is_moment:
            return f.col(self.column)
        return f.convert_timezone(f.lit(time_zone), f.col(self.column), f.lit(UTC)).cast("DATE")

    def up_to(self, rows: DataFrame, as_of: dt.date, time_zone: str = UTC) -> DataFrame:
        """The events up to the end of a day."""
        return rows.filter(self.day(time_zone) <= f.lit(as_of))


ORDERS = Events(sources.STG_ORDERS, "ORDER_DATE")
# Ends of periods do not count, because they may be in the future.
PERIODS = Events(sources.STG_SUBSCRIPTION_PERIODS, "START_DATE")
SESSIONS = Events(sources.STG_SESSIONS, "STARTED_AT")
CONVERSIONS = Events(sources.STG_CUSTOMER_CONVERSIONS, "CONVERTED_AT")
AD_SPEND = Events(sources.STG_AD_SPEND, "DATE_DAY")
COMMENTS = Events(sources.STG_TWITTER_COMMENTS, "DATE")

ALL_EVENTS = (ORDERS, PERIODS, SESSIONS, CONVERSIONS, AD_SPEND, COMMENTS)


def build_as_of(rows: Mapping[Events, DataFrame], today: dt.date, time_zone: str = UTC) -> DataFrame:
    """The latest day with an event, up to today, and the table of the event (table AS_OF).

    If several tables have an event on that day, the first of `rows` is named.
    """
    latest = [
        events.up_to(of_table, today, time_zone).select(
            f.max(events.day(time_zone)).alias("AS_OF"),
            f.lit(events.table.name).alias("ORIGIN"),
            f.lit(number).alias("NUMBER"),
        )
        for number, (events, of_table) in enumerate(rows.items())
    ]
    first = (
        reduce(DataFrame.union_all, latest)
        .order_by(f.col("AS_OF").desc_nulls_last(), f.col("NUMBER"))
        .limit(1)
        .with_column("ORIGIN", f.when(f.col("AS_OF").is_not_null(), f.col("ORIGIN")))
    )
    return cast_to_table(first, AS_OF)


def day_of(as_of: pa.Table) -> dt.date:
    """The day in the table AS_OF; without any event, a day before all valid dates."""
    days = as_of["AS_OF"].to_pylist()
    return days[0] if days and days[0] else _BEFORE_ALL_DATES
