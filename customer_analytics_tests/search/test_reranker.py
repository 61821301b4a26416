"""The judge of how well texts answer."""

import random

import pytest

from customer_analytics.ports.answers.reranker import RELEVANT, Reranker
from customer_analytics.settings import settings

QUERY = "Is the train noisy?"
TEXTS = [
    "The train is so noisy that we took out the batteries.",
    "My invoice shows the wrong address.",
    "Lovely puzzle, the pieces fit well.",
    "x" * 100_000,
    "",
    "broken \ud83d surrogate",
    "'; DROP TABLE CUSTOMERS; -- <script>alert(1)</script>",
]


@pytest.fixture(scope="module")
def reranker() -> Reranker:
    return Reranker(cache_folder=str(settings().model_cache))


def test_a_text_that_answers_is_relevant_and_one_about_something_else_is_not(reranker: Reranker) -> None:
    answers, invoice, puzzle = reranker.score(QUERY, TEXTS[:3])
    assert answers > 0
    assert max(invoice, puzzle) < RELEVANT


def test_a_score_does_not_depend_on_what_is_scored_with_it(reranker: Reranker) -> None:
    alone = {text: reranker.score(QUERY, [text])[0] for text in TEXTS}
    order = random.Random(1).sample(TEXTS, len(TEXTS))
    one_thread = Reranker(cache_folder=str(settings().model_cache), threads=1)
    assert reranker.score(QUERY, order) == one_thread.score(QUERY, order) == [alone[text] for text in order]


@pytest.mark.parametrize("query", ["", "noise " * 10_000, "\U0001f44d" * 1_000, "\ud83d", "x" * 100_000])
def test_any_query_scores_any_text(reranker: Reranker, query: str) -> None:
    assert all(-20 < score < 20 for score in reranker.score(query, TEXTS))


def test_no_texts_have_no_scores(reranker: Reranker) -> None:
    assert reranker.score(QUERY, []) == []
