from datetime import date
from decimal import Decimal as D

import pytest

from customer_analytics.tables.sources import STG_SUBSCRIPTION_PERIODS
from customer_analytics.transforms.mrr import build_mrr


@pytest.fixture
def mrr(load):
    """Rows of MRR of some periods (customer, start, end, amount, all dates as text)."""

    def _mrr(as_of, *periods):
        rows = [
            (number, customer, date.fromisoformat(start), end and date.fromisoformat(end), amount)
            for number, (customer, start, end, amount) in enumerate(periods)
        ]
        periods_table = load(STG_SUBSCRIPTION_PERIODS, rows)
        return sorted(build_mrr(periods_table, date.fromisoformat(as_of)).collect())

    return _mrr


@pytest.fixture
def history(mrr):
    """Of MRR's rows: month, amount and category; with the customer in front where there are several."""

    def _history(as_of, *periods):
        several = len({customer for customer, *_ in periods}) > 1
        return [
            (row.CUSTOMER_ID,) * several + (f"{row.DATE_MONTH:%Y-%m}", float(row.MRR), row.CHANGE_CATEGORY)
            for row in mrr(as_of, *periods)
        ]

    return _history


def test_all_columns_of_a_subscription_that_pauses_and_ends(mrr):
    rows = mrr("2019-07-15", (7, "2019-01-01", "2019-02-01", "20.5"), (7, "2019-03-01", "2019-04-01", "30.5"))
    first, last, zero = date(2019, 1, 1), date(2019, 3, 1), D("0.00")
    january = ("7", first, D("20.50"), True, first, last, True, False)
    february = ("7", date(2019, 2, 1), zero, False, first, last, False, False)
    march = ("7", last, D("30.50"), True, first, last, False, True)
    april = ("7", date(2019, 4, 1), zero, False, first, last, False, False)
    assert rows == [
        (*january, False, zero, D("20.50"), "new", zero, "7-2019-01"),
        (*february, True, D("20.50"), D("-20.50"), "churn", zero, "7-2019-02"),
        (*march, False, zero, D("30.50"), "reactivation", zero, "7-2019-03"),
        (*april, True, D("30.50"), D("-30.50"), "churn", zero, "7-2019-04"),
    ]


def test_renewal_is_the_lesser_of_two_months(mrr):
    rows = mrr("2019-03-31", (1, "2019-01-01", "2019-02-01", 20), (1, "2019-02-01", "2019-03-01", 50))
    assert [row.RENEWAL_AMOUNT for row in rows] == [0, 20, 0]
    rows = mrr("2019-02-28", (1, "2019-01-01", "2019-02-01", 50), (1, "2019-02-01", None, 20))
    assert [row.RENEWAL_AMOUNT for row in rows] == [0, 20]


def test_upgrade_downgrade_and_renewal(history):
    assert history(
        "2019-05-31",
        (1, "2019-01-01", "2019-02-01", 50),
        (1, "2019-02-01", "2019-03-01", 75),
        (1, "2019-03-01", "2019-05-01", 25),
        (1, "2019-05-01", None, 25),
    ) == [
        ("2019-01", 50, "new"),
        ("2019-02", 75, "upgrade"),
        ("2019-03", 25, "downgrade"),
        ("2019-04", 25, None),
        ("2019-05", 25, None),
    ]


def test_months_of_a_gap_are_rows_without_revenue(history):
    assert history("2019-06-30", (1, "2018-12-01", "2019-01-01", 50), (1, "2019-04-01", None, 50)) == [
        ("2018-12", 50, "new"),
        ("2019-01", 0, "churn"),
        ("2019-02", 0, None),
        ("2019-03", 0, None),
        ("2019-04", 50, "reactivation"),
        ("2019-05", 50, None),
        ("2019-06", 50, None),
    ]


def test_overlapping_periods_add_up(history):
    assert history("2019-04-30", (1, "2019-01-01", "2019-03-01", 50), (1, "2019-02-01", None, "0.25")) == [
        ("2019-01", 50, "new"),
        ("2019-02", 50.25, "upgrade"),
        ("2019-03", 0.25, "downgrade"),
        ("2019-04", 0.25, None),
    ]


def test_equal_periods_add_up(history):
    assert history("2019-01-31", (1, "2019-01-01", None, 5), (1, "2019-01-01", None, 5)) == [
        ("2019-01", 10, "new")
    ]


def test_only_what_is_in_force_on_the_last_day_of_a_month_counts(history):
    # January's price changes on the 20th: the later one is in force on the 31st.
    assert history("2019-03-31", (1, "2019-01-10", "2019-01-20", 50), (1, "2019-01-20", "2019-02-15", 70)) == [
        ("2019-01", 70, "new"),
        ("2019-02", 0, "churn"),
    ]


def test_a_customer_whose_periods_reach_no_last_day_has_no_row(history):
    assert history("2019-03-31", (1, "2019-01-05", "2019-01-31", 50), (2, "2019-01-01", "2019-02-01", 50)) == [
        ("2", "2019-01", 50, "new"),
        ("2", "2019-02", 0, "churn"),
    ]


def test_the_end_of_a_period_is_exclusive(history):
    active_months = {
        ("2019-01-31", "2019-02-28"): ["2019-01"],  # starts on a last day, ends on the next
        ("2019-01-31", "2019-02-01"): ["2019-01"],  # one day long
        ("2019-01-30", "2019-01-31"): [],
        ("2019-02-01", "2019-03-01"): ["2019-02"],
        ("2019-02-01", "2019-03-02"): ["2019-02"],
        ("2019-02-28", "2019-02-28"): [],  # no day long
        ("2019-12-15", "2020-01-15"): ["2019-12"],
        ("2020-02-01", "2020-02-29"): [],  # 2020 is a leap year
        ("2020-02-01", "2020-03-01"): ["2020-02"],
    }
    rows = history("2021-01-31", *((n, start, end, 10) for n, (start, end) in enumerate(active_months)))
    for number, (period, months) in enumerate(active_months.items()):
        assert [month for customer, month, amount, _ in rows if customer == str(number) and amount] == months, (
            period
        )


@pytest.mark.parametrize(
    "as_of, months",
    [
        ("2020-02-17", ["2019-12", "2020-01"]),
        ("2020-02-28", ["2019-12", "2020-01"]),  # 2020 is a leap year
        ("2020-02-29", ["2019-12", "2020-01", "2020-02"]),
        ("2020-03-01", ["2019-12", "2020-01", "2020-02"]),
        ("2019-12-31", ["2019-12"]),
        ("2019-12-30", []),
        ("2018-01-01", []),
    ],
)
def test_only_months_complete_at_as_of_count(history, as_of, months):
    assert [month for month, *_ in history(as_of, (1, "2019-12-01", None, 10))] == months


def test_whoever_is_in_force_in_the_last_complete_month_has_not_churned(history):
    # Customer 1's end is known, but lies behind the last complete month; customer 2's churn month is not complete.
    assert history(
        "2020-02-17",
        (1, "2020-01-01", "2020-06-01", 10),
        (2, "2020-01-01", "2020-02-01", 10),
        (3, "2019-12-01", "2020-01-01", 10),
        (4, "2020-02-01", None, 10),
    ) == [
        ("1", "2020-01", 10, "new"),
        ("2", "2020-01", 10, "new"),
        ("3", "2019-12", 10, "new"),
        ("3", "2020-01", 0, "churn"),
    ]


def test_periods_long_before_2018_and_over_many_years(history):
    rows = history("2020-01-31", (1, "1969-12-15", "1970-02-01", 10), (2, "1899-12-31", None, 1))
    assert rows[:3] == [("1", "1969-12", 10, "new"), ("1", "1970-01", 10, None), ("1", "1970-02", 0, "churn")]
    assert (len(rows) - 3, rows[3], rows[-1]) == (
        1442,
        ("2", "1899-12", 1, "new"),
        ("2", "2020-01", 1, None),
    )


def test_a_free_month_is_inactive_and_starts_nothing(history):
    assert history("2019-03-31", (1, "2019-01-01", "2019-02-01", 0), (1, "2019-02-01", None, 10)) == [
        ("2019-02", 10, "new"),
        ("2019-03", 10, None),
    ]


def test_without_periods_there_is_no_row(history):
    assert history("2019-03-31") == []


def test_a_period_that_starts_after_as_of_changes_nothing(history):
    periods = [(1, "2019-01-01", "2019-02-01", 10), (2, "2019-01-01", None, 5)]
    assert history("2019-03-15", *periods, (1, "2031-01-01", None, 10)) == history("2019-03-15", *periods)


def test_a_period_of_amount_zero_is_not_active(history):
    assert history("2019-03-31", (1, "2019-01-01", None, 0), (1, "2019-02-01", "2019-03-01", 5)) == [
        ("2019-02", 5, "new"),
        ("2019-03", 0, "churn"),
    ]
