"""The day up to which the data reaches, and the events up to it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from snowflake.snowpark import Column, DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables import SqlType, Table, sources
from customer_analytics.tables.reporting import AS_OF
from customer_analytics.transforms.declared import as_declared

UTC = "UTC"
_BEFORE_ALL_DATES = dt.date(1899, 12, 31)


@dataclass(frozen=True)
class Events:
    """A source table whose rows are events, and the column that says when each happened."""

    table: Table
    column: str

    @property
    def is_moment(self) -> bool:
        """Whether events have a time of day, which is in UTC."""
        return any(c.name == self.column and c.type is SqlType.TIMESTAMP for c in self.table.columns)

    def day(self, time_zone: str = UTC) -> Column:
        """The day of an event in a time zone, as an expression."""
        if not self.is_moment:
            return f.col(self.column)
        return f.convert_timezone(f.lit(time_zone), f.col(self.column), f.lit(UTC)).cast("DATE")

    def up_to(self, rows: DataFrame, as_of: dt.date, time_zone: str = UTC) -> DataFrame:
        """The events that have happened by the end of a day."""
        return rows.filter(self.day(time_zone) <= f.lit(as_of))


ORDERS = Events(sources.STG_ORDERS, "ORDER_DATE")
# Ends of periods do not count, since they may lie in the future.
PERIODS = Events(sources.STG_SUBSCRIPTION_PERIODS, "START_DATE")
SESSIONS = Events(sources.STG_SESSIONS, "STARTED_AT")
CONVERSIONS = Events(sources.STG_CUSTOMER_CONVERSIONS, "CONVERTED_AT")
AD_SPEND = Events(sources.STG_AD_SPEND, "DATE_DAY")
COMMENTS = Events(sources.STG_TWITTER_COMMENTS, "DATE")

ALL_EVENTS = (ORDERS, PERIODS, SESSIONS, CONVERSIONS, AD_SPEND, COMMENTS)


def as_of(rows: Mapping[Events, DataFrame], today: dt.date, time_zone: str = UTC) -> DataFrame:
    """The latest day with an event that is not later than today, and the table it is in (table AS_OF).

    Of several tables with an event on that day, the first of `rows` is named.
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
    return as_declared(first, AS_OF)


def reporting_day(as_of: pa.Table) -> dt.date:
    """The day that the table AS_OF holds; without any event, a day before all dates that are accepted."""
    days = as_of["AS_OF"].to_pylist()
    return days[0] if days and days[0] else _BEFORE_ALL_DATES
