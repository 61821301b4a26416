"""Search and questions over a few comments and calls, in the real store, endpoint and models."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

from customer_analytics.ml.collections import CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.vectorisation import sync_collection
from customer_analytics.ports.answers.extractive import ExtractiveAnswerer
from customer_analytics.ports.answers.reranker import Reranker
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.ports.warehouse.embedded import READER, EmbeddedWarehouse
from customer_analytics.search import Filters, Search, ask, finding
from customer_analytics.settings import settings
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

HOSTILE = "'; DROP TABLE PRED_TWITTER_COMMENTS; -- <script>alert(1)</script> [click](javascript:alert(1)) squid"
COMMENTS = [
    ("1", dt.date(2020, 1, 1), "Thomas likes Bertie the bus best of all his friends."),
    ("1", dt.date(2020, 1, 2), "The batteries of the robot were empty after one hour."),
    ("2", dt.date(2020, 1, 3), "The doll's arm broke off on the first day."),
    ("2", dt.date(2020, 1, 4), "The doll's arm broke off on the first day."),
    ("3", dt.date(2020, 2, 1), "A wonderful puzzle for rainy days."),
    ("3", dt.date(2020, 2, 2), HOSTILE),
]
CALLS = [
    ("1", "1-01.opus", "Hello, my refund for the robot has not arrived yet. I sent it back three weeks ago."),
    (None, "misc/unknown.opus", "Thank you, the puzzle is beautiful and my children love it."),
]
CALLED = [
    ("1-01.opus", dt.datetime(2020, 1, 5, 23, 59), '{"agent": "anna", "line \\"2\\"": "50%"}'),
    ("misc/unknown.opus", None, '{"agent": "ann"}'),
]
SENTIMENTS = {"broke": 0.1, "empty": 0.2, "refund": 0.3, "DROP": None, "Bertie": 0.8, "puzzle": 0.9}


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory, endpoint_home: str, endpoint: object) -> Iterator[Search]:
    embedder = BgeSmallEmbedder(cache_folder=str(settings().model_cache))
    store = LanceVectorStore(path=str(tmp_path_factory.mktemp("vectors")))
    place = {"home": endpoint_home, "database": "SEARCH", "schema_name": "ANALYTICS"}
    writer, reader = EmbeddedWarehouse(**place), EmbeddedWarehouse(role=READER, **place)
    comments = pa.table(
        dict(zip(("CUSTOMER_ID", "DATE", "REVIEW_TEXT"), zip(*COMMENTS, strict=True), strict=True))
    )
    calls = pa.table(
        dict(zip(("CUSTOMER_ID", "RELATIVE_PATH", "TRANSCRIPT"), zip(*CALLS, strict=True), strict=True))
    )
    writer.writes.ensure_schema()
    for name, rows, table in (
        (CUSTOMER_COMMENT, comments, PRED_TWITTER_COMMENTS),
        (CUSTOMER_CALL, calls, PRED_CUSTOMER_CALLS),
    ):
        target = collection(name, embedder)
        sync_collection(store, embedder, target, iter(rows.to_batches()))
        writer.writes.ensure_table(table)
        writer.writes.upsert(table, _scored(pa.Table.from_batches(store.scan(target)), target.text_property))
    writer.writes.ensure_table(STG_SUPPORT_CALLS)
    writer.writes.upsert(STG_SUPPORT_CALLS, _listed())
    yield Search(reader, store, embedder, Reranker(cache_folder=str(settings().model_cache)))
    reader.close()
    writer.close()


def _listed() -> pa.Table:
    """The calls as rows of STG_SUPPORT_CALLS."""
    rows = [
        {
            "RELATIVE_PATH": path,
            "CALLED_AT": moment,
            "PROPERTIES": properties,
            "SIZE": 1,
            "AUDIO_HASH": path,
            "LAST_MODIFIED": dt.datetime(2026, 1, 1),
        }
        for path, moment, properties in CALLED
    ]
    return pa.Table.from_pylist(rows, STG_SUPPORT_CALLS.arrow_schema)


def _scored(objects: pa.Table, text: str) -> pa.Table:
    """Objects of a collection as rows of a PRED_ table; the sentiment follows from a word of the text."""
    names = {name: name.upper() for name in objects.column_names} | {"id": "VECTOR_ID"}
    rows = objects.drop_columns(["vector", "text_hash"])
    rows = rows.rename_columns([names[name] for name in rows.column_names])
    texts = objects[text].to_pylist()
    known = [next(score for word, score in SENTIMENTS.items() if word in said) for said in texts]
    rows = rows.append_column("SENTIMENT", pa.array(known)).append_column(
        "MODEL_VERSION", pa.array(["V"] * len(known))
    )
    return rows.append_column("IS_OUT_OF_FOLD", pa.array([False] * len(known))) if text == "review_text" else rows


def texts(search: Search, query: str, filters: Filters) -> set[str]:
    return {hit.text for hit in search.find(query, filters)}


def test_the_best_hit_comes_first_with_where_it_came_from_and_its_sentiment(search: Search) -> None:
    best = search.find("refund not arrived")[0]
    assert (best.source, best.customer_id, best.relative_path, best.date) == (
        *("call", "1", "1-01.opus"),
        dt.date(2020, 1, 5),
    )
    assert best.sentiment == pytest.approx(0.3)
    assert best.excerpt in best.text


def test_meaning_counts_not_only_words(search: Search) -> None:
    assert "broke off" in search.find("defective toy figure")[0].text


def test_a_query_without_a_word_finds_nothing(search: Search) -> None:
    assert search.find("  ") == search.find("?!") == []


def test_filters_leave_only_what_passes_them(search: Search) -> None:
    assert {hit.source for hit in search.find("robot", Filters(source="call"))} == {"call"}
    assert {hit.customer_id for hit in search.find("robot", Filters(customer_id="1"))} == {"1"}
    in_january = Filters(date_from=dt.date(2020, 1, 2), date_to=dt.date(2020, 1, 31))
    assert texts(search, "toy", in_january) == {COMMENTS[1][2], COMMENTS[2][2], CALLS[0][2]}
    assert texts(search, "toy", Filters(date_to=dt.date(2020, 1, 1))) == {COMMENTS[0][2]}
    assert texts(search, "toy", Filters(sentiment_to=0.2)) == {COMMENTS[1][2], COMMENTS[2][2]}
    assert texts(search, "toy", Filters(sentiment_from=0.85)) == {COMMENTS[4][2], CALLS[1][2]}
    assert texts(search, "toy", Filters(customer_id="3", sentiment_from=0.85)) == {COMMENTS[4][2]}


def test_calls_are_filtered_by_their_day_and_left_out_where_it_is_not_known(search: Search) -> None:
    day = dt.date(2020, 1, 5)
    assert texts(search, "toy", Filters("call", date_from=day, date_to=day)) == {CALLS[0][2]}
    assert texts(search, "toy", Filters("call", date_from=day + dt.timedelta(days=1))) == set()
    assert texts(search, "toy", Filters("call")) == {CALLS[0][2], CALLS[1][2]}


def test_a_call_falls_on_a_day_of_the_reporting_time_zone(search: Search) -> None:
    there, next_day = replace(search, time_zone="Europe/Berlin"), dt.date(2020, 1, 6)
    (call,) = there.find("toy", Filters("call", date_from=next_day))
    assert (call.text, call.date) == (CALLS[0][2], next_day)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("agent", "anna", {CALLS[0][2]}),
        ("agent", "ann", {CALLS[1][2]}),
        ('line "2"', "50%", {CALLS[0][2]}),
        ("agent", "nobody", set()),
        ("gent", "anna", set()),
        ("agent", '"anna', set()),
        ("agent", "%", set()),
    ],
)
def test_properties_of_the_manifest_leave_only_the_calls_that_have_them(
    search: Search, name: str, value: str, found: set[str]
) -> None:
    assert texts(search, "toy", Filters(properties=((name, value),))) == found


def test_all_properties_have_to_be_there(search: Search) -> None:
    filters = Filters(properties=(("agent", "anna"), ("queue", "sales")))
    assert texts(search, "toy", filters) == set()


def test_what_has_no_sentiment_passes_every_filter_but_that_of_sentiment(search: Search) -> None:
    (unscored,) = [hit for hit in search.find("squid", Filters(customer_id="3")) if hit.text == HOSTILE]
    assert unscored.sentiment is None
    assert HOSTILE in texts(search, "squid", Filters(date_from=dt.date(2020, 2, 2)))
    assert HOSTILE not in texts(search, "squid", Filters(sentiment_from=0.0))


def test_filters_that_many_pass_find_the_same(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = Filters(sentiment_to=0.35)
    few = search.find("broken", filters)
    monkeypatch.setattr(finding, "_IDS_IN_FILTER", 0)
    monkeypatch.setattr(finding, "_CANDIDATES", 1)
    assert len(few) == 4
    assert search.find("broken", filters)[0] == few[0]


def test_a_query_is_text_whatever_it_holds(search: Search) -> None:
    hits = search.find(HOSTILE)
    assert hits[0].text == HOSTILE
    assert search.warehouse.query("SELECT COUNT(*) AS N FROM PRED_TWITTER_COMMENTS")["N"].to_pylist() == [6]


def test_a_question_is_answered_with_quotes(search: Search) -> None:
    answer = ask("Who does Thomas like best?", search, ExtractiveAnswerer(reranker=search.reranker))
    assert answer.quotes[0].text == "Thomas likes Bertie the bus best of all his friends."
    assert answer.quotes[0].passage.customer_id == "1"


def test_what_is_said_twice_is_quoted_once(search: Search) -> None:
    answer = ask("What broke on the first day?", search, ExtractiveAnswerer(reranker=search.reranker))
    assert [quote.text for quote in answer.quotes].count("The doll's arm broke off on the first day.") == 1


@pytest.mark.parametrize(
    "question", ["How do I configure BGP on a router?", "What is the capital of Mongolia?", "?"]
)
def test_a_question_about_something_else_finds_nothing_relevant(search: Search, question: str) -> None:
    assert not ask(question, search, ExtractiveAnswerer(reranker=search.reranker)).is_found


def test_the_reader_cannot_write(search: Search) -> None:
    with pytest.raises(Exception, match="READER is read-only"):
        search.warehouse.query("DELETE FROM PRED_TWITTER_COMMENTS")
