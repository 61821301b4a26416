"""MRR and attribution of many random customers against the rules in plain Python, and the identities.

Every example goes through the warehouse, hence few examples of many customers each.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from customer_analytics.tables.sources import STG_CUSTOMER_CONVERSIONS, STG_SESSIONS, STG_SUBSCRIPTION_PERIODS
from customer_analytics.transforms.attribution import build_attribution_touches
from customer_analytics.transforms.mrr import build_mrr
from customer_analytics_tests.transforms import plain_rules
from customer_analytics_tests.transforms.plain_rules import Conversion, Period, Visit

few_examples = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    # Without shrinking: it would try hundreds of examples.
    phases=[Phase.explicit, Phase.generate],
    # One schema serves all examples: `load` gives each its own tables.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
seeded = st.randoms(use_true_random=True)

# Days around the turns of months are where the rules decide.
TURNS = sorted(
    date(year, month, 1) + timedelta(days=days)
    for year in (2016, 2017, 2020)
    for month in (1, 2, 3, 4, 12)
    for days in (-2, -1, 0, 1, 14)
)
AMOUNTS = [Decimal("0.00"), Decimal("9.99"), Decimal("25.00"), Decimal("50.00")]


def some_period(random: Random) -> Period:
    start, end = sorted(random.choices(TURNS, k=2))
    return Period(str(random.randrange(40)), start, random.choice([end, end, end, None]), random.choice(AMOUNTS))


@few_examples
@given(seeded)
def test_mrr_follows_the_rules_and_its_changes_add_up(load, random):
    subscriptions = [some_period(random) for _ in range(100)]
    as_of = random.choice(TURNS[TURNS.index(date(2017, 1, 31)) :])
    expected = plain_rules.mrr(subscriptions, as_of)
    rows = build_mrr(
        load(
            STG_SUBSCRIPTION_PERIODS,
            [(n, p.customer, p.start, p.end, p.amount) for n, p in enumerate(subscriptions)],
        ),
        as_of,
    ).collect()
    rows.sort(key=lambda row: (row.CUSTOMER_ID, row.DATE_MONTH))

    assert [
        (row.CUSTOMER_ID, row.DATE_MONTH, row.MRR, row.PREVIOUS_MONTH_MRR, row.CHANGE_CATEGORY) for row in rows
    ] == [(m.customer, m.first_day, m.mrr, m.previous_mrr, m.category) for m in expected]

    of_customer = defaultdict(list)
    for row in rows:
        of_customer[row.CUSTOMER_ID].append(row)
        assert row.MRR_CHANGE == row.MRR - row.PREVIOUS_MONTH_MRR
        assert min(row.MRR, row.PREVIOUS_MONTH_MRR) == row.RENEWAL_AMOUNT
        assert (row.MRR > 0, row.PREVIOUS_MONTH_MRR > 0) == (row.IS_ACTIVE, row.PREVIOUS_MONTH_IS_ACTIVE)
        assert f"{row.CUSTOMER_ID}-{row.DATE_MONTH:%Y-%m}" == row.ID
    for months in of_customer.values():
        active = [row.DATE_MONTH for row in months if row.IS_ACTIVE]
        assert {(row.FIRST_ACTIVE_MONTH, row.LAST_ACTIVE_MONTH) for row in months} == {(active[0], active[-1])}
        assert [row.DATE_MONTH for row in months if row.IS_FIRST_MONTH] == active[:1]
        assert [row.DATE_MONTH for row in months if row.IS_LAST_MONTH] == active[-1:]
        assert sum(row.MRR_CHANGE for row in months) == months[-1].MRR
    complete = plain_rules.complete_months(subscriptions, as_of)
    assert sum(row.MRR_CHANGE for row in rows) == sum(row.MRR for row in rows if complete[-1] == row.DATE_MONTH)


NOON = datetime(2020, 1, 31, 12)
# Around a conversion at NOON: both ends of the 30 days, a moment beyond each, and ties between.
MOMENTS = [
    NOON - timedelta(days=30, microseconds=1),
    NOON - timedelta(days=30),
    NOON - timedelta(days=10),
    NOON - timedelta(days=1),
    NOON,
    NOON + timedelta(microseconds=1),
    NOON + timedelta(days=20),
]
REVENUES = [Decimal("0.00"), Decimal("10.00"), Decimal("99.99")]


@few_examples
@given(seeded)
def test_attribution_follows_the_rules_and_every_model_adds_up_to_the_revenue(load, random):
    visits = [Visit(str(id), str(random.randrange(40)), random.choice(MOMENTS)) for id in range(120)]
    conversions = [
        Conversion(str(random.randrange(40)), random.choice(MOMENTS), random.choice(REVENUES)) for _ in range(60)
    ]
    rows = build_attribution_touches(
        load(STG_SESSIONS, [(v.id, v.customer, v.started, None, "google", "cpc", None) for v in visits]),
        load(STG_CUSTOMER_CONVERSIONS, [(c.customer, c.at, c.revenue) for c in conversions]),
        date(2020, 12, 31),
    ).collect()

    models = ("FIRST_TOUCH", "LAST_TOUCH", "FORTY_TWENTY_FORTY", "LINEAR")
    shared = ("CUSTOMER_ID", "CONVERTED_AT", "REVENUE", "TOTAL_SESSIONS", "SESSION_INDEX", "SESSION_ID")
    columns = (*shared, *(f"{model}_POINTS" for model in models))
    found = [tuple(row[column] for column in columns) for row in rows]
    expected = [
        (t.conversion.customer, t.conversion.at, t.conversion.revenue, t.total, t.index, t.session, *t.points)
        for t in plain_rules.touches(visits, conversions)
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)

    revenue = float(sum(conversion.revenue for conversion in conversions))
    for model in models:
        assert sum(row[f"{model}_REVENUE"] for row in rows) == pytest.approx(revenue, abs=1e-9)
        assert sum(row[f"{model}_POINTS"] for row in rows) == pytest.approx(len(conversions), abs=1e-9)
