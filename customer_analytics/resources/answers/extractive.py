"""Answers without a language model: the passages themselves, quoted where they answer best."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from customer_analytics.resources.answers.base import NOTHING_RELEVANT, Answer, Answerer, Passage, Quote
from customer_analytics.resources.answers.excerpts import excerpts
from customer_analytics.resources.answers.reranker import RELEVANT, Reranker


class ExtractiveAnswerer(Answerer):
    """Quotes the best passages, short ones whole and of long ones the part that answers best."""

    reranker: dg.ResourceDependency[Reranker]
    quotes: int = Field(default=5, ge=1, description="Passages quoted at most.")
    quote_characters: int = Field(default=500, ge=1, description="Length of a quote at most.")

    @property
    def model(self) -> str:
        """`extractive`: nobody writes, the passages speak."""
        return "extractive"

    def describe(self) -> str:
        """See `Answerer.describe`."""
        return f"extractive, with {self.reranker.describe()}"

    def answer(self, question: str, passages: Sequence[Passage]) -> Answer:
        """See `Answerer.answer`; one quote a line."""
        relevant = [passage for passage in passages if passage.score >= RELEVANT][: self.quotes]
        if not relevant:
            return Answer(NOTHING_RELEVANT, ())
        quotes = tuple(Quote(passage, self._best_part(question, passage)) for passage in relevant)
        return Answer("\n".join(f"“{quote.text}” [{quote.passage.number}]" for quote in quotes), quotes)

    def _best_part(self, question: str, passage: Passage) -> str:
        parts = excerpts(passage.text, self.quote_characters)
        if len(parts) == 1:
            return parts[0]
        scores = self.reranker.score(question, parts)
        return parts[scores.index(max(scores))]
