"""Search and questions over a few comments and calls, in the real store, endpoint and models."""

import datetime as dt
from collections.abc import Iterator

import pyarrow as pa
import pytest

from customer_analytics.ml.collections import CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ml.vectorisation import sync_collection
from customer_analytics.resources.answers.extractive import ExtractiveAnswerer
from customer_analytics.resources.answers.reranker import Reranker
from customer_analytics.resources.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.resources.vectors.lance import LanceVectorStore
from customer_analytics.resources.warehouse.embedded import READER, EmbeddedWarehouse
from customer_analytics.search import Filters, Search, ask, finding
from customer_analytics.settings import settings
from customer_analytics.tables.sentiment import PRED_CUSTOMER_CALLS, PRED_TWITTER_COMMENTS

HOSTILE = "'; DROP TABLE PRED_TWITTER_COMMENTS; -- <script>alert(1)</script> [click](javascript:alert(1)) squid"
COMMENTS = [
    (1, dt.date(2020, 1, 1), "Thomas likes Bertie the bus best of all his friends."),
    (1, dt.date(2020, 1, 2), "The batteries of the robot were empty after one hour."),
    (2, dt.date(2020, 1, 3), "The doll's arm broke off on the first day."),
    (2, dt.date(2020, 1, 4), "The doll's arm broke off on the first day."),
    (3, dt.date(2020, 2, 1), "A wonderful puzzle for rainy days."),
    (3, dt.date(2020, 2, 2), HOSTILE),
]
CALLS = [
    (1, "1-01.opus", "Hello, my refund for the robot has not arrived yet. I sent it back three weeks ago."),
    (None, "misc/unknown.opus", "Thank you, the puzzle is beautiful and my children love it."),
]
SENTIMENTS = {"broke": 0.1, "empty": 0.2, "refund": 0.3, "DROP": 0.5, "Bertie": 0.8, "puzzle": 0.9}


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
    writer.ensure_schema()
    for name, rows, table in (
        (CUSTOMER_COMMENT, comments, PRED_TWITTER_COMMENTS),
        (CUSTOMER_CALL, calls, PRED_CUSTOMER_CALLS),
    ):
        target = collection(name, embedder)
        sync_collection(store, embedder, target, iter(rows.to_batches()))
        writer.ensure_table(table)
        writer.upsert(table, _scored(pa.Table.from_batches(store.scan(target)), target.text_property))
    yield Search(reader, store, embedder, Reranker(cache_folder=str(settings().model_cache)))
    reader.close()
    writer.close()


def _scored(objects: pa.Table, text: str) -> pa.Table:
    """Objects of a collection as rows of a PRED_ table; the sentiment follows from a word of the text."""
    names = {name: name.upper() for name in objects.column_names} | {"id": "VECTOR_ID"}
    rows = objects.drop_columns(["vector", "content_hash"])
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
    assert (best.source, best.customer_id, best.relative_path, best.date) == ("call", 1, "1-01.opus", None)
    assert best.sentiment == pytest.approx(0.3)
    assert best.excerpt in best.text


def test_meaning_counts_not_only_words(search: Search) -> None:
    assert "broke off" in search.find("defective toy figure")[0].text


def test_a_query_without_a_word_finds_nothing(search: Search) -> None:
    assert search.find("  ") == search.find("?!") == []


def test_filters_leave_only_what_passes_them(search: Search) -> None:
    assert {hit.source for hit in search.find("robot", Filters(source="call"))} == {"call"}
    assert {hit.customer_id for hit in search.find("robot", Filters(customer_id=1))} == {1}
    in_january = Filters(date_from=dt.date(2020, 1, 2), date_to=dt.date(2020, 1, 31))
    assert texts(search, "toy", in_january) == {COMMENTS[1][2], COMMENTS[2][2]}
    assert texts(search, "toy", Filters(date_to=dt.date(2020, 1, 1))) == {COMMENTS[0][2]}
    assert texts(search, "toy", Filters(sentiment_to=0.2)) == {COMMENTS[1][2], COMMENTS[2][2]}
    assert texts(search, "toy", Filters(sentiment_from=0.85)) == {COMMENTS[4][2], CALLS[1][2]}
    assert texts(search, "toy", Filters(source="call", date_from=dt.date(2020, 1, 1))) == set()
    assert texts(search, "toy", Filters(customer_id=3, sentiment_from=0.85)) == {COMMENTS[4][2]}


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
    assert search.warehouse.read("SELECT COUNT(*) AS N FROM PRED_TWITTER_COMMENTS")["N"].to_pylist() == [6]


def test_a_question_is_answered_with_quotes(search: Search) -> None:
    answer = ask("Who does Thomas like best?", search, ExtractiveAnswerer(reranker=search.reranker))
    assert answer.quotes[0].text == "Thomas likes Bertie the bus best of all his friends."
    assert answer.quotes[0].passage.customer_id == 1


def test_what_is_said_twice_is_quoted_once(search: Search) -> None:
    answer = ask("What broke on the first day?", search, ExtractiveAnswerer(reranker=search.reranker))
    assert [quote.text for quote in answer.quotes].count("The doll's arm broke off on the first day.") == 1


@pytest.mark.parametrize(
    "question", ["How do I configure BGP on a router?", "What is the capital of Mongolia?", "?"]
)
def test_a_question_about_something_else_finds_nothing_relevant(search: Search, question: str) -> None:
    assert not ask(question, search, ExtractiveAnswerer(reranker=search.reranker)).is_found


def test_the_reader_cannot_write(search: Search) -> None:
    with pytest.raises(Exception, match="READER only reads"):
        search.warehouse.read("DELETE FROM PRED_TWITTER_COMMENTS")
