"""What the sample data say: everything belongs together, and satisfaction shows everywhere."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import pandas as pd
import pyarrow.parquet as pq
import pytest

from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.sample_data import DEFAULT_CUSTOMERS, DEFAULT_SEED
from customer_analytics.sample_data.calls import MOODS, recordings
from customer_analytics.sample_data.customers import LAST_DAY, customer
from customer_analytics.sample_data.folder import write_sample_data
from customer_analytics.sample_data.phrases import _phrases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("sample") / "default"
    write_sample_data(written)
    return written


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pd.DataFrame]:
    read = {path.stem: pd.read_csv(path) for path in folder.glob("*.csv")}
    return read | {path.stem: pq.read_table(path).to_pandas() for path in folder.glob("*.parquet")}


@pytest.fixture(scope="module")
def satisfaction() -> dict[int, float]:
    return {number: customer(DEFAULT_SEED, number).satisfaction for number in range(1, DEFAULT_CUSTOMERS + 1)}


@pytest.fixture(scope="module")
def stayed(tables: dict[str, pd.DataFrame]) -> dict[int, bool]:
    """For each subscriber whether a period is in force at the end."""
    periods = tables["subscription_periods"]
    in_force = periods.end_date.isna() | (periods.end_date > str(LAST_DAY))
    stayed: dict[int, bool] = in_force.groupby(periods.customer_id).any().to_dict()
    return stayed


def test_every_row_belongs_to_a_customer_and_every_payment_to_an_order(tables: dict[str, pd.DataFrame]) -> None:
    customers = set(tables["customers"].customer_id)
    for name in ("orders", "subscription_periods", "sessions", "customer_conversions", "twitter_comments"):
        assert set(tables[name].customer_id) < customers
    assert set(tables["payments"].order_id) == set(tables["orders"].order_id)


def test_training_texts_are_comments_with_one_label_each(tables: dict[str, pd.DataFrame]) -> None:
    training = tables["comment_training"]
    assert training.review_text.is_unique
    assert set(training.review_text) < set(tables["twitter_comments"].review_text)
    assert 0.4 < training.label.mean() < 0.65
    assert 1_000 < len(training) < 1_500


def test_periods_of_a_customer_follow_one_another(tables: dict[str, pd.DataFrame]) -> None:
    periods = tables["subscription_periods"]
    before = periods.groupby("customer_id").shift()
    follows = before.end_date.notna()
    assert (before.start_date.isna() == before.end_date.isna()).all()
    assert (before.end_date[follows] <= periods.start_date[follows]).all()
    changed = before.end_date == periods.start_date
    assert (periods.monthly_amount > before.monthly_amount)[changed].sum() > 20
    assert (periods.monthly_amount < before.monthly_amount)[changed].sum() > 20
    assert (before.end_date < periods.start_date).sum() > 5


def test_every_case_occurs(tables: dict[str, pd.DataFrame]) -> None:
    customers = tables["customers"]
    for name in ("orders", "subscription_periods", "twitter_comments"):
        without = ~customers.customer_id.isin(tables[name].customer_id)
        assert 0.03 < without.mean() < 0.4, name
    assert tables["subscription_periods"].end_date.isna().any()
    assert (tables["subscription_periods"].end_date > str(LAST_DAY)).any()
    assert set(tables["orders"].status) == {"placed", "shipped", "completed", "return_pending", "returned"}
    assert set(tables["payments"].payment_method) == {"credit_card", "coupon", "bank_transfer", "gift_card"}


def test_direct_visits_are_short_rows(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    lines = (folder / "sessions.csv").read_text().splitlines()
    assert {line.count(",") for line in lines if ",direct," in line} == {5}
    assert {line.count(",") for line in lines if ",direct," not in line} == {6}
    assert 0.2 < (tables["sessions"].utm_source == "direct").mean() < 0.4


def test_conversions_end_a_visit_and_paid_visits_have_cost_something(tables: dict[str, pd.DataFrame]) -> None:
    sessions, conversions = tables["sessions"], tables["customer_conversions"]
    visited = set(zip(sessions.customer_id, sessions.ended_at, strict=True))
    converted = zip(conversions.customer_id, conversions.converted_at, strict=True)
    assert 0.9 < mean(conversion in visited for conversion in converted) < 1
    utm = ["utm_source", "utm_medium", "utm_campaign"]
    paid = sessions[sessions.utm_medium.fillna("").str.startswith("paid")]
    spent = tables["ad_spend"][["date_day", *utm]].apply(tuple, axis=1)
    clicked = paid.assign(day=paid.started_at.str[:10])[["day", *utm]].apply(tuple, axis=1)
    assert set(clicked) <= set(spent)
    assert set(tables["ad_spend"].utm_source) < set(sessions.utm_source)


def test_unhappy_customers_leave(satisfaction: dict[int, float], stayed: dict[int, bool]) -> None:
    def left_among(low: float, high: float) -> float:
        return mean(not stayed[number] for number in stayed if low <= satisfaction[number] < high)

    assert left_among(0, 0.4) > 3 * left_among(0.6, 1)
    assert left_among(0, 0.4) > left_among(0.4, 0.6) > left_among(0.6, 1)


def test_happy_customers_buy_more(satisfaction: dict[int, float], tables: dict[str, pd.DataFrame]) -> None:
    orders = tables["orders"].merge(tables["payments"], on="order_id")
    spent = orders.groupby("customer_id").amount.sum().to_dict()

    def spent_among(low: float, high: float) -> float:
        return mean(spent.get(number, 0) for number, value in satisfaction.items() if low <= value < high)

    assert spent_among(0.6, 1) > 2 * spent_among(0, 0.4)


def test_judged_comments_of_those_who_left_are_worse(
    stayed: dict[int, bool], tables: dict[str, pd.DataFrame]
) -> None:
    judged = tables["twitter_comments"].merge(tables["comment_training"], on="review_text")
    labels = judged.groupby(judged.customer_id.map(stayed)).label.mean()
    assert labels[False] < labels[True] - 0.15


def test_callers_sound_as_they_feel(folder: Path, satisfaction: dict[int, float]) -> None:
    mood_of = {path.read_bytes(): mood for mood in MOODS for path in recordings(mood)}
    felt: dict[str, list[float]] = {mood: [] for mood in MOODS}
    for call in list_calls(SourceLocation.open(folder)).calls:
        assert call.customer_id is not None
        felt[mood_of[(folder / call.path).read_bytes()]].append(satisfaction[int(call.customer_id)])
    assert mean(felt["unhappy"]) + 0.15 < mean(felt["mixed"]) < mean(felt["happy"]) - 0.15


def test_customers_call_between_joining_and_leaving(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    ends = tables["subscription_periods"].fillna({"end_date": "9999"}).groupby("customer_id").end_date.max()
    for call in list_calls(SourceLocation.open(folder)).calls:
        assert call.customer_id is not None
        assert call.called_at is not None
        number, day = int(call.customer_id), call.called_at.date()
        assert customer(DEFAULT_SEED, number).joined <= day <= LAST_DAY
        assert str(day) < str(ends.get(number, "9999"))


def test_some_calls_are_in_the_call_center_s_list_and_the_others_have_the_day_in_their_names(folder: Path) -> None:
    listing = list_calls(SourceLocation.open(folder))
    sources = Counter(call.called_at_source for call in listing.calls)
    assert sources.keys() == {"manifest", "name"}
    assert min(sources.values()) > 0.3 * len(listing.calls)
    assert listing.manifest.strays == ()
    of_list = [
        json.loads(call.properties or "{}") for call in listing.calls if call.called_at_source == "manifest"
    ]
    assert {properties["channel"] for properties in of_list} == {"hotline", "callback"}
    assert {properties.get("agent") for properties in of_list} == {"maya", "priya", "tom", "daniel", None}


def test_recordings_are_all_heard_before_one_is_heard_again(folder: Path) -> None:
    listing = list_calls(SourceLocation.open(folder))
    assert len(listing.calls) > 40
    assert len({call.audio_hash for call in listing.calls}) == 40


def names_and_numbers() -> Iterator[str]:
    yield r"\d+"
    kinds = ("age", "day", "relative", "person", "child / he / his / him", "toy / part")
    for phrase in (phrase for kind in kinds for phrase in _phrases()[kind]):
        yield from (
            re.escape(word) for part in phrase.split(" / ") for word in re.split(r"[(|)]", part) if len(word) > 2
        )


def test_comments_differ_even_without_their_names_numbers_and_toys(tables: dict[str, pd.DataFrame]) -> None:
    names = "|".join(sorted(set(names_and_numbers()), key=len, reverse=True))
    masked = re.compile(rf"\b({names})\b", re.IGNORECASE)
    texts = [masked.sub("*", text).lower() for text in tables["twitter_comments"].review_text]
    assert len(set(texts)) >= 0.9 * len(texts)


def test_comments_are_whole(tables: dict[str, pd.DataFrame]) -> None:
    assert not tables["twitter_comments"].review_text.str.contains(r"[{}|\[\]]|  |^ | $").any()
