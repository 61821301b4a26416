"""What may be searched for, and what is found."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Source = Literal["comment", "call"]
SOURCES: tuple[Source, ...] = ("comment", "call")


@dataclass(frozen=True)
class Filters:
    """What a hit must be; None leaves it open.

    Both ranges include their ends and leave out texts without a prediction. The range of sentiment also leaves out
    texts that no classifier could score, and the range of dates leaves out calls without a date.
    `properties` are what the manifest of calls has to say in columns of these names; with any, a hit is a call.
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
        """Whether dates matter."""
        return self.date_from is not None or self.date_to is not None

    @property
    def by_sentiment(self) -> bool:
        """Whether sentiment matters."""
        return self.sentiment_from is not None or self.sentiment_to is not None

    @property
    def by_warehouse(self) -> bool:
        """Whether dates, sentiment or properties matter, which the warehouse knows."""
        return bool(self.by_date or self.properties or self.by_sentiment)

    @property
    def sources(self) -> list[Source]:
        """Where hits can be."""
        return [s for s in SOURCES if self.source in (None, s) and not (s == "comment" and self.properties)]


@dataclass(frozen=True)
class Hit:
    """A comment or call that was found, with the part of its text that fits the query best.

    `score` is the reranker's; `sentiment` is None while no classifier has scored the text. `date` is None for
    calls of which it is not known, `relative_path` for comments.
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
