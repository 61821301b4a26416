"""Answers without a language model: quotes from the best passages."""

from collections.abc import Sequence
from dataclasses import dataclass

from customer_analytics.ports.answers.base import NOTHING_RELEVANT, Answer, Answerer, Passage, Quote
from customer_analytics.ports.answers.excerpts import excerpts
from customer_analytics.ports.answers.reranker import RELEVANT, Reranker

_MOST_QUOTES = 5
_LONGEST_QUOTE = 500  # characters


@dataclass(kw_only=True, eq=False)
class ExtractiveAnswerer(Answerer):
    """Quotes the best passages: short ones in full, and the best excerpt of a long one."""

    reranker: Reranker

    @property
    def model(self) -> str:
        """Always `extractive`."""
        return "extractive"

    def describe(self) -> str:
        """See `Answerer.describe`."""
        return f"extractive, with {self.reranker.describe()}"

    def answer(self, question: str, passages: Sequence[Passage]) -> Answer:
        """See `Answerer.answer`; one quote a line."""
        relevant = [passage for passage in passages if passage.score >= RELEVANT][:_MOST_QUOTES]
        if not relevant:
            return Answer(NOTHING_RELEVANT, ())
        quotes = tuple(Quote(passage, self._best_part(question, passage)) for passage in relevant)
        return Answer("\n".join(f"“{quote.text}” [{quote.passage.number}]" for quote in quotes), quotes)

    def _best_part(self, question: str, passage: Passage) -> str:
        parts = excerpts(passage.text, _LONGEST_QUOTE)
        if len(parts) == 1:
            return parts[0]
        scores = self.reranker.score(question, parts)
        return parts[scores.index(max(scores))]
