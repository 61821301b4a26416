from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal as D

import pytest

from customer_analytics.tables.customers import ATTRIBUTION_TOUCHES, CUSTOMERS, MRR
from customer_analytics.tables.presentation import PRES_CLV, PRES_SENTIMENT
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS
from customer_analytics.tables.sources import STG_AD_SPEND, STG_SUBSCRIPTION_PERIODS
from customer_analytics.transforms.mrr import build_mrr
from customer_analytics.transforms.presentation import (
    build_pres_ad_spend,
    build_pres_churn,
    build_pres_clv,
    build_pres_sentiment,
)

DAY = date(2020, 1, 1)


@pytest.fixture
def sentiment(load):
    """Rows of PRES_SENTIMENT of comments and calls (customer, sentiment)."""

    def _sentiment(comments, calls):
        return sorted(
            build_pres_sentiment(
                load(
                    PRED_TWITTER_COMMENTS,
                    [
                        (customer, DAY, "text", score, False, "v1", str(n))
                        for n, (customer, score) in enumerate(comments)
                    ],
                ),
                load(
                    PRED_CUSTOMER_CALLS,
                    [
                        (customer, "1-01.mp3", "text", score, "v1", str(n))
                        for n, (customer, score) in enumerate(calls)
                    ],
                ),
                DAY,
            ).collect()
        )

    return _sentiment


def test_sentiment_is_the_mean_of_calls_and_of_comments_of_those_that_are_there(sentiment):
    assert sentiment(
        comments=[("1", 0.25), ("1", 0.75), ("1", 0.5), ("2", 0.125)], calls=[("1", 0.75), ("3", 0.5), ("3", 1.0)]
    ) == [
        ("1", 0.75, 0.5, 1, 3, 0.625, 7),
        ("2", None, 0.125, 0, 1, 0.125, 2),
        ("3", 0.75, None, 2, 0, 0.75, 8),
    ]


def test_a_score_of_zero_is_not_a_missing_one(sentiment):
    assert sentiment(comments=[(1, 0.0), (2, 1.0)], calls=[(1, 1.0), (2, 0.0)]) == [
        ("1", 1.0, 0.0, 1, 1, 0.5, 6),
        ("2", 0.0, 1.0, 1, 1, 0.5, 6),
    ]


def test_calls_and_comments_of_nobody_known_count_for_nobody(sentiment):
    of_nobody = [(None, 1.0)]
    assert sentiment(comments=[(1, 0.5), *of_nobody], calls=[*of_nobody, (1, 0.25)]) == [
        ("1", 0.25, 0.5, 1, 1, 0.375, 4)
    ]


def test_a_comment_counts_from_its_day_on(load):
    comments = [
        ("1", date(2020, 1, day), "text", score, False, "v1", str(day)) for day, score in ((1, 0.5), (2, 1.0))
    ]
    frames = load(PRED_TWITTER_COMMENTS, comments), load(PRED_CUSTOMER_CALLS, [])
    scores = [build_pres_sentiment(*frames, date(2020, 1, day)).collect()[0].SENTIMENT_SCORE for day in (1, 2)]
    assert scores == [0.5, 0.75]


def test_without_a_classifier_calls_and_comments_count_and_have_no_score(sentiment):
    assert sentiment(comments=[("1", None), ("1", None), ("2", None)], calls=[("1", None), ("2", 0.75)]) == [
        ("1", None, None, 1, 2, None, None),
        ("2", 0.75, None, 1, 1, 0.75, 8),
    ]


def test_buckets_are_tenths_of_the_score_and_the_highest_score_is_in_the_tenth(sentiment):
    scores = [0.0, 0.05, 0.1, 0.15, 0.5, 0.85, 0.9, 0.95, 1.0]
    rows = sentiment(comments=[(str(n), score) for n, score in enumerate(scores)], calls=[])
    assert [row.SENTIMENT_SCORE for row in rows] == scores
    assert [row.SENTIMENT_BUCKET for row in rows] == [1, 1, 2, 2, 6, 9, 10, 10, 10]


def test_means_do_not_depend_on_the_order_of_rows(sentiment):
    # As floats, 1e-9 + … + 1 gives other last bits from the other end.
    scores = [("1", 1e-9), ("1", 0.1), ("1", 0.2), ("1", 0.3), ("1", 0.7), ("1", 1.0)]
    assert sentiment(scores, scores[::-1]) == sentiment(scores[::-1], scores)


def touch(source, medium, revenue):
    points = (1.0, 0.0, 0.5, 0.25)
    session = (1, datetime(2020, 1, 1), source, medium, None, 2, 1)
    return (1, datetime(2020, 1, 1), revenue, *session, *points, *(revenue * share for share in points))


def by_origin(rows):
    return sorted(rows, key=lambda row: (row.UTM_SOURCE, row.UTM_MEDIUM or ""))


def test_ad_spend_joins_spend_and_revenue_of_a_source_and_medium(load):
    touches = [
        touch("google", "cpc", 10),
        touch("google", "cpc", 30),
        touch("google", None, 8),
        touch("direct", None, 4),
        touch("direct", None, 4),
        touch("unattributed", "unattributed", 1),
    ]
    spend = [
        (DAY, "google", "cpc", "spring", "12.50"),
        (DAY, "google", "cpc", "autumn", "7.50"),
        (DAY, "google", None, None, 4),
        (DAY, "bing", "cpc", None, 3),
    ]
    rows = build_pres_ad_spend(load(ATTRIBUTION_TOUCHES, touches), load(STG_AD_SPEND, spend), DAY).collect()
    assert by_origin(rows) == [
        ("bing", "cpc", D(3), 0, 0, 0, 0, 0, 0, 0, 0),
        ("direct", None, None, 8, 0, 4, 2, None, None, None, None),
        ("google", None, D(4), 8, 0, 4, 2, 2, 0, 1, 0.5),
        ("google", "cpc", D(20), 40, 0, 20, 10, 2, 0, 1, 0.5),
        ("unattributed", "unattributed", None, 1, 0, 0.5, 0.25, None, None, None, None),
    ]


def test_spend_of_zero_has_no_return(load):
    touches, spend = [touch("google", "cpc", 10)], [(DAY, "google", "cpc", None, 0)]
    rows = build_pres_ad_spend(load(ATTRIBUTION_TOUCHES, touches), load(STG_AD_SPEND, spend), DAY).collect()
    assert rows == [("google", "cpc", D(0), 10, 0, 5, 2.5, None, None, None, None)]


def test_shares_of_a_conversion_add_up_again(load):
    thirds = [touch("google", "cpc", 10 / 3 / 0.25)] * 3
    [row] = build_pres_ad_spend(load(ATTRIBUTION_TOUCHES, thirds), load(STG_AD_SPEND, []), DAY).collect()
    assert row.REVENUE_LINEAR == 10.0


CUSTOMER_ROWS = [
    ("1", "Ann", "A.", date(2019, 1, 1), date(2019, 2, 1), 2, "12.50", "10.00"),
    ("2", "Bo", None, date(2019, 1, 1), date(2019, 1, 1), 1, 0, None),
    ("3", None, None, date(2019, 1, 1), date(2019, 1, 1), 1, 7, 7),
    ("4", "Di", "D.", date(2019, 1, 1), date(2019, 1, 1), 1, None, None),
    ("5", "Ed", "E.", None, None, 0, None, None),
]
SENTIMENT_ROWS = [
    ("1", None, 0.75, 0, 1, 0.75, 8),
    ("5", 0.0, None, 1, 0, 0.0, 1),
    ("99", None, 0.5, 0, 1, 0.5, 6),
]


def test_clv_has_one_row_per_customer_with_a_lifetime_value(load):
    rows = build_pres_clv(load(CUSTOMERS, CUSTOMER_ROWS), load(PRES_SENTIMENT, SENTIMENT_ROWS)).collect()
    assert sorted(rows) == [
        ("1", "Ann A.", date(2019, 1, 1), date(2019, 2, 1), 2, D("12.50"), 0.75),
        ("2", "Bo", date(2019, 1, 1), date(2019, 1, 1), 1, D(0), None),
        ("3", None, date(2019, 1, 1), date(2019, 1, 1), 1, D(7), None),
    ]


def test_a_column_of_customers_is_in_pres_clv_once_it_is_declared(load, monkeypatch):
    (net,) = (column for column in CUSTOMERS.columns if column.name == "NET_LIFETIME_VALUE")
    with_net = replace(PRES_CLV, columns=(*PRES_CLV.columns, net))
    monkeypatch.setattr("customer_analytics.transforms.presentation.PRES_CLV", with_net)
    rows = build_pres_clv(load(CUSTOMERS, CUSTOMER_ROWS), load(PRES_SENTIMENT, SENTIMENT_ROWS)).collect()
    assert {row.CUSTOMER_ID: row.NET_LIFETIME_VALUE for row in rows} == {"1": D(10), "2": None, "3": D(7)}


def test_churn_has_one_row_per_customer_whose_last_month_is_a_churn(load, session):
    periods = [
        ("1", "1", date(2019, 1, 1), date(2019, 2, 1), 10),  # churned in February
        ("2", "2", date(2019, 1, 1), None, 10),  # active
        ("3", "3", date(2019, 1, 1), date(2019, 2, 1), 10),  # came back and stayed
        ("4", "3", date(2019, 3, 1), None, 10),
        ("5", "5", date(2019, 1, 1), date(2019, 2, 1), 10),  # came back and left again
        ("6", "5", date(2019, 3, 1), date(2019, 4, 1), 10),
        ("7", "98", date(2019, 2, 1), date(2019, 3, 1), 10),  # not known to the shop
    ]
    # Written first, as the pipeline does.
    build_mrr(load(STG_SUBSCRIPTION_PERIODS, periods), date(2019, 6, 30)).write.save_as_table(MRR.name)
    rows = build_pres_churn(
        session.table(MRR.name), load(CUSTOMERS, CUSTOMER_ROWS), load(PRES_SENTIMENT, SENTIMENT_ROWS)
    ).collect()
    assert sorted(rows) == [
        ("1", "Ann A.", D("12.50"), date(2019, 1, 1), 0.75),
        ("5", "Ed E.", None, date(2019, 3, 1), 0.0),
        ("98", None, None, date(2019, 2, 1), None),
    ]
