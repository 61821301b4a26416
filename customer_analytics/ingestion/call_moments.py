"""Moments of calls, as manifests and tags state them: a date and time, or a date alone."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.faults import Fault, faults_where
from customer_analytics.ingestion.rules import RowRule
from customer_analytics.ingestion.text_columns import read_column
from customer_analytics.tables import Column, SqlType

FIRST_YEAR, LAST_YEAR = 1900, 2260


def midnight(day: dt.date, time_zone: str) -> dt.datetime:
    """The moment, in UTC without a zone, at which a day begins in a time zone."""
    begin = dt.datetime.combine(day, dt.time(), ZoneInfo(time_zone))
    return begin.astimezone(dt.UTC).replace(tzinfo=None)


def stated_moments(texts: pa.ChunkedArray, time_zone: str = "UTC") -> pa.ChunkedArray:
    """The moments that texts state, in UTC; a date alone is its midnight in the time zone, all else null.

    Dates and times are read as those of the source files are. Only the years 1900 to 2260 count.
    """
    times, _ = read_column(Column("MOMENT", SqlType.TIMESTAMP, ""), texts)
    days, _ = read_column(Column("DAY", SqlType.DATE, ""), texts)
    begins = [day and midnight(day, time_zone) for day in days.to_pylist()]
    moments = pc.coalesce(times, pa.chunked_array([begins], times.type))
    years = pc.year(pc.coalesce(days, times.cast(pa.date32(), safe=False)))
    counts = pc.and_(pc.greater_equal(years, FIRST_YEAR), pc.less_equal(years, LAST_YEAR))
    return pc.if_else(counts, moments, pa.scalar(None, moments.type))


def states_a_moment(column: str) -> RowRule:
    """The column's text states a moment, or is blank."""
    expected = f" is not a date (YYYY-MM-DD), with or without a time, of the years {FIRST_YEAR} to {LAST_YEAR}"

    def faults(rows: pa.Table) -> list[Fault]:
        is_blank = pc.equal(pc.utf8_trim_whitespace(rows[column]), "")
        broken = pc.and_not(pc.is_null(stated_moments(rows[column])), pc.fill_null(is_blank, True))
        return faults_where(broken, f"{column} ", rows[column], expected)

    return faults
