"""Rows dated later than AS_OF: kept, not counted yet, and reported."""

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import reduce

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.tables.reporting_day import AS_OF
from customer_analytics.transforms.reporting_day import ALL_EVENTS, Events


def _name(events: Events) -> str:
    return f"no_row_of_{events.table.name.lower()}_is_later"


SPECS = [
    dg.AssetCheckSpec(
        _name(events),
        asset=AS_OF.name.lower(),
        description=f"No {events.column} of {events.table.name} is later than AS_OF. Later rows are kept; a "
        "nightly job counts them when their day comes.",
    )
    for events in ALL_EVENTS
]


def results(rows: Mapping[Events, DataFrame], as_of: dt.date, time_zone: str) -> Iterator[dg.AssetCheckResult]:
    """The number of later rows of each table, and the latest day among them, found in one statement."""
    days = [
        of_table.select(f.lit(events.table.name).alias("TABLE_NAME"), events.day(time_zone).alias("DAY"))
        for events, of_table in rows.items()
    ]
    later = reduce(DataFrame.union_all, days).filter(f.col("DAY") > f.lit(as_of))
    counted = later.group_by("TABLE_NAME").agg(f.count("*").alias("ROWS"), f.max("DAY").alias("LATEST")).collect()
    found = {row["TABLE_NAME"]: row for row in counted}
    for events in rows:
        row = found.get(events.table.name)
        yield dg.AssetCheckResult(
            passed=row is None,
            asset_key=AS_OF.name.lower(),
            check_name=_name(events),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"rows": int(row["ROWS"]), "latest": str(row["LATEST"])} if row else {"rows": 0},
            description=_words(int(row["ROWS"]), row["LATEST"], as_of) if row else None,
        )


def _words(rows: int, latest: dt.date, as_of: dt.date) -> str:
    return f"{rows:,} row{'s' * (rows != 1)} after {as_of}, the latest on {latest}; kept, and not counted yet"
