from datetime import date, datetime

import pytest

from customer_analytics import transforms
from customer_analytics.tables import sources

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


def test_ends_of_periods_and_sessions_do_not_count(load):
    assert transforms.as_of(*(load(table, rows) for table, rows in INPUTS.items())).collect() == [
        (date(2020, 1, 1),)
    ]


@pytest.mark.parametrize("happened", LATER, ids=lambda table: table.name)
def test_the_latest_event_of_every_kind_counts(load, happened):
    inputs = {**INPUTS, happened: [*INPUTS[happened], LATER[happened]]}
    latest = transforms.as_of(*(load(table, rows) for table, rows in inputs.items()))
    assert latest.columns == ["AS_OF"]
    assert latest.collect() == [(date(2020, 2, 3),)]


def test_is_null_where_nothing_ever_happened(load):
    assert transforms.as_of(*(load(table, []) for table in INPUTS)).collect() == [(None,)]
