"""Answers to questions about what customers said, from search results."""

from collections.abc import Iterator

from customer_analytics.ports.answers.base import Answer, Answerer, Passage
from customer_analytics.ports.answers.reranker import RELEVANT
from customer_analytics.search.finding import Search
from customer_analytics.search.hits import Filters, Hit

_ANYTHING = Filters()
_PASSAGES = 8


def ask(question: str, search: Search, answerer: Answerer, filters: Filters = _ANYTHING) -> Answer:
    """Answer a question from the most relevant passages, or say that nothing is relevant.

    Only relevant passages are given to the answerer, which may send them to a service.
    """
    hits = search.find(question, filters, limit=2 * _PASSAGES)
    passages = [_passage(number, hit) for number, hit in enumerate(_relevant(hits), start=1)]
    return answerer.answer(question, passages[:_PASSAGES])


def _relevant(hits: list[Hit]) -> Iterator[Hit]:
    """Relevant hits without repeated texts."""
    seen: set[str] = set()
    for hit in hits:
        if hit.score >= RELEVANT and hit.text not in seen:
            seen.add(hit.text)
            yield hit


def _passage(number: int, hit: Hit) -> Passage:
    return Passage(
        number, hit.source, hit.object_id, hit.customer_id, hit.date, hit.relative_path, hit.text, hit.score
    )
