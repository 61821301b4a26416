from datetime import date, datetime

import pytest

from customer_analytics.tables import sources
from customer_analytics.tables.reporting_day import AS_OF
from customer_analytics.transforms.reporting_day import ALL_EVENTS, build_as_of, day_of

INPUTS = {
    sources.STG_ORDERS: [(1, 1, date(2020, 1, 1), "placed"), (2, 1, date(2019, 1, 1), "placed")],
    sources.STG_SUBSCRIPTION_PERIODS: [(1, 1, date(2020, 1, 1), date(2030, 1, 1), 10)],
    sources.STG_SESSIONS: [(1, 1, datetime(2020, 1, 1, 23, 59), datetime(2030, 1, 1), "direct", None, None)],
    sources.STG_CUSTOMER_CONVERSIONS: [(1, datetime(2020, 1, 1, 12), 10)],
    sources.STG_AD_SPEND: [(date(2020, 1, 1), "google", "cpc", None, 5)],
    sources.STG_TWITTER_COMMENTS: [(1, date(2020, 1, 1), "nice", "00ff", 1)],
}
LATER = {
    sources.STG_ORDERS: (3, 1, date(2020, 2, 3), "placed"),
    sources.STG_SUBSCRIPTION_PERIODS: (2, 1, date(2020, 2, 3), None, 10),
    sources.STG_SESSIONS: (2, 1, datetime(2020, 2, 3, 4, 5), None, "direct", None, None),
    sources.STG_CUSTOMER_CONVERSIONS: (1, datetime(2020, 2, 3, 4, 5), 10),
    sources.STG_AD_SPEND: (date(2020, 2, 3), "google", "cpc", None, 5),
    sources.STG_TWITTER_COMMENTS: (1, date(2020, 2, 3), "nice", "00ff", 2),
}


TODAY = date(2020, 12, 31)


@pytest.fixture
def as_of(load):
    """AS_OF and ORIGIN of rows by table."""

    def _as_of(rows, today=TODAY, time_zone="UTC"):
        tables = {events: load(events.table, rows[events.table]) for events in ALL_EVENTS}
        result = build_as_of(tables, today, time_zone)
        assert result.columns == ["AS_OF", "ORIGIN"]
        return tuple(*result.collect())

    return _as_of


def test_ends_of_periods_and_sessions_do_not_count(as_of):
    assert as_of(INPUTS) == (date(2020, 1, 1), "STG_ORDERS")


@pytest.mark.parametrize("happened", LATER, ids=lambda table: table.name)
def test_the_latest_event_of_every_kind_counts_and_is_named(as_of, happened):
    inputs = {**INPUTS, happened: [*INPUTS[happened], LATER[happened]]}
    assert as_of(inputs) == (date(2020, 2, 3), happened.name)


@pytest.mark.parametrize("happened", LATER, ids=lambda table: table.name)
def test_an_event_after_today_does_not_count(as_of, happened):
    inputs = {**INPUTS, happened: [*INPUTS[happened], LATER[happened]]}
    assert as_of(inputs, today=date(2020, 2, 2)) == (date(2020, 1, 1), "STG_ORDERS")
    assert as_of(inputs, today=date(2020, 2, 3)) == (date(2020, 2, 3), happened.name)


def test_a_moment_is_on_the_day_of_the_time_zone(as_of):
    inputs = {**INPUTS, sources.STG_SESSIONS: [(1, 1, datetime(2020, 2, 3, 23, 30), None, "direct", None, None)]}
    assert as_of(inputs, time_zone="Europe/Berlin")[0] == date(2020, 2, 4)
    assert as_of(inputs, time_zone="America/New_York")[0] == date(2020, 2, 3)


def test_is_null_where_nothing_ever_happened(as_of):
    assert as_of({table: [] for table in INPUTS}) == (None, None)


def test_the_reporting_day_of_no_event_is_before_all_events():
    assert day_of(AS_OF.rows([])) < date(1900, 1, 1)
