"""Filters and results of a search."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Source = Literal["comment", "call"]
SOURCES: tuple[Source, ...] = ("comment", "call")


@dataclass(frozen=True)
class Filters:
    """Conditions on hits; None means any.

    Both ranges are inclusive and exclude texts without a prediction. The sentiment range also excludes texts that
    no classifier has scored, and the date range excludes calls without a date. `properties` are names and values
    of columns of the call manifest; with any of them, only calls are found.
    """

    source: Source | None = None
    customer_id: str | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    sentiment_from: float | None = None
    sentiment_to: float | None = None
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def by_date(self) -> bool:
        """Whether there is a date range."""
        return self.date_from is not None or self.date_to is not None

    @property
    def by_sentiment(self) -> bool:
        """Whether there is a sentiment range."""
        return self.sentiment_from is not None or self.sentiment_to is not None

    @property
    def by_warehouse(self) -> bool:
        """Whether the warehouse has to evaluate a filter."""
        return bool(self.by_date or self.properties or self.by_sentiment)

    @property
    def sources(self) -> list[Source]:
        """The sources that hits can come from."""
        return [s for s in SOURCES if self.source in (None, s) and not (s == "comment" and self.properties)]


@dataclass(frozen=True)
class Hit:
    """A comment or call that was found, with the excerpt that fits the query best.

    `score` is the reranker's; `sentiment` is None if no classifier has scored the text. `date` is None for calls
    without a known date, `relative_path` for comments.
    """

    source: Source
    object_id: str
    customer_id: str | None
    date: dt.date | None
    relative_path: str | None
    text: str
    excerpt: str
    score: float
    sentiment: float | None = None
