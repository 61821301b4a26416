"""What every answerer guarantees; a new adapter joins by a line in `ANSWERERS`."""

import datetime as dt
from collections.abc import Callable

import pytest

from customer_analytics.ports.answers.base import NOTHING_RELEVANT, Answerer, Passage
from customer_analytics.ports.answers.extractive import ExtractiveAnswerer
from customer_analytics.ports.answers.openai import OpenAIAnswerer
from customer_analytics.ports.answers.reranker import Reranker
from customer_analytics.ports.openai_service import OpenAIService
from customer_analytics.settings import settings
from customer_analytics_tests import openai_server


def extractive() -> Answerer:
    return ExtractiveAnswerer(reranker=Reranker(cache_folder=str(settings().model_cache)))


def openai() -> Answerer:
    service = OpenAIService(api_key=openai_server.KEY, base_url=openai_server.shared_url())
    return OpenAIAnswerer(service=service)


ANSWERERS: dict[str, Callable[[], Answerer]] = {"extractive": extractive, "openai": openai}

QUESTION = "Who does Thomas like best?"
BERTIE = "Thomas likes Bertie best, because Bertie once raced him."


@pytest.fixture(scope="module", params=list(ANSWERERS))
def answerer(request: pytest.FixtureRequest) -> Answerer:
    return ANSWERERS[request.param]()


def passage(number: int, text: str, score: float = 5.0) -> Passage:
    return Passage(number, "comment", f"id-{number}", 7, dt.date(2020, 1, 1), None, text, score)


def test_an_answer_quotes_the_passage_word_for_word_and_cites_its_number(answerer: Answerer) -> None:
    given = passage(1, BERTIE)
    answer = answerer.answer(QUESTION, [given])
    assert answer.is_found
    assert "[1]" in answer.text
    assert [quote.passage for quote in answer.quotes] == [given]
    assert all(quote.text in quote.passage.text for quote in answer.quotes)


def test_without_passages_nothing_relevant_is_there(answerer: Answerer) -> None:
    answer = answerer.answer(QUESTION, [])
    assert (answer.text, answer.quotes, answer.is_found) == (NOTHING_RELEVANT, (), False)


def test_passages_that_do_not_answer_are_not_quoted(answerer: Answerer) -> None:
    answer = answerer.answer(QUESTION, [passage(1, "The parcel came two days late.", score=-11.0)])
    assert (answer.text, answer.is_found) == (NOTHING_RELEVANT, False)


def test_of_a_long_passage_the_part_that_answers_is_quoted(answerer: Answerer) -> None:
    long = "The parcel came two days late, and the box was wet. " * 30 + BERTIE + " We are pleased. " * 40
    (quote,) = answerer.answer(QUESTION, [passage(1, long)]).quotes
    assert "Bertie" in quote.text
    assert quote.text in long
    assert len(quote.text) <= 500


def test_it_says_what_it_is(answerer: Answerer) -> None:
    assert answerer.model
    assert answerer.describe()
