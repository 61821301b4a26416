"""What may be searched for, and what is found."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Source = Literal["comment", "call"]
SOURCES: tuple[Source, ...] = ("comment", "call")


@dataclass(frozen=True)
class Filters:
    """What a hit must be; None leaves it open.

    Both ranges include their ends and leave out what the classifier has not scored yet; that of dates leaves out
    calls too, because they carry no date.
    """

    source: Source | None = None
    customer_id: int | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    sentiment_from: float | None = None
    sentiment_to: float | None = None

    @property
    def by_date(self) -> bool:
        """Whether dates matter."""
        return self.date_from is not None or self.date_to is not None

    @property
    def by_range(self) -> bool:
        """Whether dates or sentiment matter."""
        return self.by_date or self.sentiment_from is not None or self.sentiment_to is not None

    @property
    def sources(self) -> list[Source]:
        """Where hits can be."""
        return [s for s in SOURCES if self.source in (None, s) and not (s == "call" and self.by_date)]


@dataclass(frozen=True)
class Hit:
    """A comment or call that was found, with the part of its text that fits the query best.

    `score` is the reranker's; `sentiment` is None while the classifier has not scored the text. `date` is None for
    calls, `relative_path` for comments.
    """

    source: Source
    object_id: str
    customer_id: int | None
    date: dt.date | None
    relative_path: str | None
    text: str
    excerpt: str
    score: float
    sentiment: float | None = None
