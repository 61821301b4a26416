from datetime import date, datetime, timedelta
from decimal import Decimal as D

import pytest

from customer_analytics.tables.sources import STG_CUSTOMER_CONVERSIONS, STG_SESSIONS
from customer_analytics.transforms.attribution import build_attribution_touches

NOON = datetime(2020, 2, 1, 12)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def touches(load):
    """Rows of ATTRIBUTION_TOUCHES of sessions (id, customer, begin) or whole rows, and conversions."""

    def _touches(sessions, conversions):
        whole = [row if len(row) == 7 else (*row, None, "google", "cpc", None) for row in sessions]
        rows = build_attribution_touches(
            load(STG_SESSIONS, whole), load(STG_CUSTOMER_CONVERSIONS, conversions), date(2020, 12, 31)
        ).collect()
        return sorted(
            rows, key=lambda row: (row.CUSTOMER_ID or "", row.CONVERTED_AT, row.REVENUE, row.SESSION_INDEX or 0)
        )

    return _touches


def before(hours):
    return NOON - timedelta(hours=hours)


def test_all_columns_of_two_touches(touches):
    sessions = [
        (8, 1, before(1), NOON, "direct", None, None),
        (9, 1, before(2), None, "google", "cpc", "spring"),
    ]
    assert touches(sessions, [(1, NOON, 30)]) == [
        ("1", NOON, D(30), "9", before(2), "google", "cpc", "spring", 2, 1, 1, 0, 0.5, 0.5, 30, 0, 15, 15),
        ("1", NOON, D(30), "8", before(1), "direct", None, None, 2, 2, 0, 1, 0.5, 0.5, 0, 30, 15, 15),
    ]


def test_a_conversion_without_a_touch_is_one_unattributed_row(touches):
    sessions = [(1, 2, before(1)), (2, 1, NOON + timedelta(hours=1))]
    assert touches(sessions, [(1, NOON, "12.5")]) == [
        ("1", NOON, D("12.50"), None, None, *["unattributed"] * 2, None, 0, None, *[1] * 4, *[12.5] * 4)
    ]


@pytest.mark.parametrize(
    "number, first, last, forty_twenty_forty, linear",
    [
        (1, [1], [1], [1], [1]),
        (2, [1, 0], [0, 1], [0.5, 0.5], [1 / 2] * 2),
        (3, [1, 0, 0], [0, 0, 1], [0.4, 0.2, 0.4], [1 / 3] * 3),
        (4, [1, 0, 0, 0], [0, 0, 0, 1], [0.4, 0.1, 0.1, 0.4], [1 / 4] * 4),
        (5, [1, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3, 0.4], [1 / 5] * 5),
    ],
)
def test_points_of_the_four_models(touches, number, first, last, forty_twenty_forty, linear):
    rows = touches([(id, 1, before(10 - id)) for id in range(number)], [(1, NOON, 10)])
    assert [row.SESSION_ID for row in rows] == [str(id) for id in range(number)]
    assert [row.FIRST_TOUCH_POINTS for row in rows] == first
    assert [row.LAST_TOUCH_POINTS for row in rows] == last
    assert [row.FORTY_TWENTY_FORTY_POINTS for row in rows] == forty_twenty_forty
    assert [row.LINEAR_POINTS for row in rows] == linear
    assert [row.FORTY_TWENTY_FORTY_REVENUE for row in rows] == [10 * points for points in forty_twenty_forty]


def test_thirty_days_count_with_both_ends(touches):
    start = NOON - timedelta(days=30)
    sessions = [(1, 1, start - MICROSECOND), (2, 1, start), (3, 1, NOON), (4, 1, NOON + MICROSECOND)]
    rows = touches(sessions, [(1, NOON, 10)])
    assert [(row.SESSION_ID, row.SESSION_INDEX, row.TOTAL_SESSIONS) for row in rows] == [("2", 1, 2), ("3", 2, 2)]


def test_ties_in_time_are_broken_by_session_id(touches):
    sessions = [(30, 1, before(1)), (4, 1, before(1)), (100, 1, before(2)), (5, 1, before(1))]
    assert [row.SESSION_ID for row in touches(sessions, [(1, NOON, 10)])] == ["100", "30", "4", "5"]


def test_every_conversion_of_a_customer_has_its_own_touches(touches):
    later = NOON + timedelta(days=29)
    sessions = [(1, 1, before(48)), (2, 1, before(1)), (3, 1, later), (4, 2, before(1))]
    rows = touches(sessions, [(1, NOON, 10), (1, later, 20), (2, NOON, 5)])
    assert [
        (row.CUSTOMER_ID, row.REVENUE, row.SESSION_ID, row.SESSION_INDEX, row.TOTAL_SESSIONS) for row in rows
    ] == [
        ("1", 10, "1", 1, 2),
        ("1", 10, "2", 2, 2),
        ("1", 20, "2", 1, 2),
        ("1", 20, "3", 2, 2),
        ("2", 5, "4", 1, 1),
    ]


def test_conversions_at_the_same_moment_stay_apart(touches):
    sessions = [(1, 1, before(2)), (2, 1, before(1))]
    rows = touches(sessions, [(1, NOON, 10), (1, NOON, 10), (1, NOON, 20)])
    assert sorted((row.REVENUE, row.SESSION_ID, row.TOTAL_SESSIONS, row.LINEAR_REVENUE) for row in rows) == [
        (10, "1", 2, 5),
        (10, "1", 2, 5),
        (10, "2", 2, 5),
        (10, "2", 2, 5),
        (20, "1", 2, 10),
        (20, "2", 2, 10),
    ]


def test_equal_conversions_without_a_touch_stay_apart(touches):
    assert len(touches([], [(1, NOON, 10), (1, NOON, 10)])) == 2


def test_direct_sessions_are_touches_like_any_other(touches):
    sessions = [(n, 1, before(9 - n), None, "direct", None, None) for n in (1, 2)]
    rows = touches([*sessions, (3, 1, before(1))], [(1, NOON, 30)])
    assert [(row.UTM_SOURCE, row.UTM_MEDIUM, row.LINEAR_REVENUE) for row in rows] == [
        ("direct", None, 10),
        ("direct", None, 10),
        ("google", "cpc", 10),
    ]


def test_sessions_and_conversions_of_nobody_meet_nobody(touches):
    rows = touches([(1, None, before(1))], [(None, NOON, 10), (None, NOON, 10)])
    assert [(row.CUSTOMER_ID, row.UTM_SOURCE, row.LINEAR_REVENUE) for row in rows] == [
        (None, "unattributed", 10)
    ] * 2


def test_a_conversion_counts_from_its_day_in_the_time_zone_on(load):
    night = datetime(2020, 2, 1, 23, 30)
    conversions = load(STG_CUSTOMER_CONVERSIONS, [(1, night, 10)])
    sessions = load(STG_SESSIONS, [(1, 1, night, None, "google", "cpc", None)])
    days = date(2020, 2, 1), date(2020, 2, 2)
    for time_zone, counts in (("UTC", [1, 1]), ("Europe/Berlin", [0, 1])):
        found = [build_attribution_touches(sessions, conversions, day, time_zone).count() for day in days]
        assert found == counts


def test_without_conversions_there_is_no_row(touches):
    assert touches([(1, 1, NOON)], []) == []
