"""What audits find, on rows that are easy to follow."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pytest
from snowflake.snowpark import DataFrame

from customer_analytics.checks.texts import CALLS_ARE_STAGED
from customer_analytics.publishing.audits import Audit, result, table_audits
from customer_analytics.publishing.table_audits import AUDITS, warning_audits
from customer_analytics.tables import TABLES, Column, SqlType, Table, customers, presentation, sentiment, sources
from customer_analytics_tests.transforms.conftest import Load, load  # noqa: F401

TOYS = Table(
    "TOYS",
    "One row per toy.",
    (
        Column("TOY_ID", SqlType.INTEGER, "Identifies the toy.", nullable=False),
        Column("NAME", SqlType.TEXT, "What it is called.", nullable=False),
        Column("COLOUR", SqlType.TEXT, "red or blue.", accepted=("red", "blue")),
        Column("RATING", SqlType.FLOAT, "From 0 to 1.", between=(0, 1)),
    ),
    key=("TOY_ID",),
)
JANUARY, FEBRUARY = date(2020, 1, 1), date(2020, 2, 1)


def found(audits: Sequence[Audit], rows: DataFrame, **inputs: DataFrame) -> dict[str, int]:
    """The audits that find something, and how much."""
    counts = {audit.name: audit.violations(rows, inputs).count() for audit in audits}
    return {name: count for name, count in counts.items() if count}


def test_rows_as_declared_pass(load: Load) -> None:  # noqa: F811
    assert found(table_audits(TOYS), load(TOYS, [(1, "bear", "red", 0.0), (2, "bear", None, None)])) == {}


def test_what_is_not_as_declared_is_counted(load: Load) -> None:  # noqa: F811
    rows = [(1, "bear", "green", 0.5), (1, "car", "red", 1.5), (2, None, "blue", -0.1), (None, "doll", "red", 1.0)]
    assert found(table_audits(TOYS), load(TOYS, rows)) == {
        "required_columns_are_set": 2,
        "key_is_unique": 1,
        "values_are_accepted": 3,
    }


def test_calls_without_a_date_are_counted(load: Load) -> None:  # noqa: F811
    calls = sources.STG_SUPPORT_CALLS
    moment = datetime(2020, 1, 31, 14, 5)
    rows = [
        ("1-01.mp3", "1", moment, "manifest", None, 5, "00ff", moment),
        ("2-01.mp3", "2", None, None, None, 5, "01ff", moment),
        ("x.mp3", None, moment, "clock", None, 5, "02ff", moment),
    ]
    assert found(
        warning_audits(calls), load(calls, rows), STG_CUSTOMERS=load(sources.STG_CUSTOMERS, [("1", "A", "B")])
    ) == {
        "calls_are_dated": 1,
        "customers_are_known": 2,
        "values_are_accepted": 1,
    }


def test_calls_whose_audio_is_not_staged_are_counted(load: Load) -> None:  # noqa: F811
    calls, moment = sources.STG_SUPPORT_CALLS, datetime(2020, 1, 31)
    rows = [(f"{number}-01.mp3", None, None, None, None, 5, f"0{number}ff", moment) for number in range(3)]
    staged = load(calls, rows[:2]).select("AUDIO_HASH")
    assert found([CALLS_ARE_STAGED], load(calls, rows), staged=staged) == {"every_call_is_staged": 1}


def test_no_value_of_the_table_is_told(load: Load) -> None:  # noqa: F811
    rows = load(TOYS, [(number, "a secret", "green", None) for number in range(9)])
    (audit,) = [audit for audit in table_audits(TOYS) if audit.name == "values_are_accepted"]
    told = result(TOYS, audit, 9, audit.violations(rows, {}))
    assert (told.places, told.text) == ((), "9 rows")
    keyless = [table for table in TABLES.values() if not table.key]
    assert keyless
    for table in keyless:
        (audit, *_) = table_audits(table)
        shown = audit.violations(load(table, []), {}).columns
        assert {column.type for column in table.columns if column.name in shown}.isdisjoint({SqlType.TEXT})


INPUTS = {
    customers.CUSTOMERS: {"customers": sources.STG_CUSTOMERS},
    customers.ORDERS: {"orders": sources.STG_ORDERS},
    customers.MRR: {"periods": sources.STG_SUBSCRIPTION_PERIODS},
    customers.ATTRIBUTION_TOUCHES: {"conversions": sources.STG_CUSTOMER_CONVERSIONS},
    presentation.PRES_SENTIMENT: {
        "comments": sentiment.PRED_TWITTER_COMMENTS,
        "calls": sentiment.PRED_CUSTOMER_CALLS,
    },
    presentation.PRES_AD_SPEND: {"spend": sources.STG_AD_SPEND, "touches": customers.ATTRIBUTION_TOUCHES},
    presentation.PRES_CLV: {"valued": customers.CUSTOMERS},
    presentation.PRES_CHURN: {},
}


@pytest.mark.parametrize("table", INPUTS, ids=lambda table: table.name)
def test_empty_tables_pass(load: Load, table: Table) -> None:  # noqa: F811
    inputs = {name: load(of, []) for name, of in INPUTS[table].items()}
    assert found(AUDITS[table], load(table, []), **inputs) == {}


def test_a_row_that_got_lost_is_found(load: Load) -> None:  # noqa: F811
    there = load(sources.STG_CUSTOMERS, [(1, "Ada", None), (2, "Ben", None)])
    rows = load(customers.CUSTOMERS, [(1, "Ada", None, None, None, 0, None, None)])
    assert found(AUDITS[customers.CUSTOMERS], rows, customers=there) == {"every_customer_is_there": 1}


def month(customer: int, first_day: date, mrr: int, change: int) -> tuple[Any, ...]:
    row = {column: None for column in customers.MRR.column_names}
    row |= {"CUSTOMER_ID": customer, "DATE_MONTH": first_day, "MRR": mrr, "MRR_CHANGE": change}
    return tuple(row.values())


@pytest.mark.parametrize(
    ("change_in_february", "finds"),
    [
        (20, {}),
        (15, {"changes_sum_to_the_last_month": 1, "changes_sum_to_the_periods_in_force": 1}),
    ],
)
def test_changes_sum_to_the_monthly_revenue(load: Load, change_in_february: int, finds: dict[str, int]) -> None:  # noqa: F811
    periods = [(1, 1, JANUARY, None, 10), (2, 1, FEBRUARY, None, 20), (3, 2, JANUARY, FEBRUARY, 5)]
    rows = [
        month(1, JANUARY, 10, 10),
        month(1, FEBRUARY, 30, change_in_february),
        month(2, JANUARY, 5, 5),
        month(2, FEBRUARY, 0, -5),
    ]
    identities = [audit for audit in AUDITS[customers.MRR] if audit.name.startswith("changes")]
    assert (
        found(identities, load(customers.MRR, rows), periods=load(sources.STG_SUBSCRIPTION_PERIODS, periods))
        == finds
    )


@pytest.mark.parametrize(("share", "finds"), [(0.5, {}), (0.49, {"revenue_sums_to_that_of_the_conversions": 1})])
def test_every_model_attributes_all_revenue(load: Load, share: float, finds: dict[str, int]) -> None:  # noqa: F811
    moment = datetime(2020, 3, 1, 12)

    def touch(number: int, linear: float) -> tuple[Any, ...]:
        first = 1.0 if number == 1 else 0.0
        points = (first, 1 - first, 0.5, linear)
        visit = (number, moment, "google", "cpc", None, 2, number)
        return (7, moment, 40, *visit, *points, *(40 * point for point in points))

    rows = load(customers.ATTRIBUTION_TOUCHES, [touch(1, 0.5), touch(2, share)])
    conversions = load(sources.STG_CUSTOMER_CONVERSIONS, [(7, moment, 40)])
    assert found(AUDITS[customers.ATTRIBUTION_TOUCHES], rows, conversions=conversions) == finds
