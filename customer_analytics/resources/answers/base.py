"""What every answerer guarantees."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import dagster as dg

NOTHING_RELEVANT = "Nothing in the comments and calls answers this."


@dataclass(frozen=True)
class Passage:
    """A comment, or the transcript of a call, that may hold an answer.

    `number` counts the passages of one question from 1, best first; answers cite a passage by it, as in `[2]`.
    `object_id` identifies the object in its collection. `date` is None for calls of which it is not known,
    `relative_path` (of the audio below the source's calls folder) for comments. `score` is the reranker's: the
    higher the more relevant to the question, and below 0 for most passages that do not answer it.
    """

    number: int
    source: Literal["comment", "call"]
    object_id: str
    customer_id: str | None
    date: dt.date | None
    relative_path: str | None
    text: str
    score: float


@dataclass(frozen=True)
class Quote:
    """Words of a passage, exactly as they stand in its text."""

    passage: Passage
    text: str


@dataclass(frozen=True)
class Answer:
    """An answer and what it rests on.

    `text` is plain text, to be shown as it is; it cites quotes by their passages' numbers, as in `[2]`. Where
    nothing relevant is there, `quotes` is empty and `text` is NOTHING_RELEVANT.
    """

    text: str
    quotes: tuple[Quote, ...]

    @property
    def is_found(self) -> bool:
        """Whether the passages answer the question."""
        return bool(self.quotes)


class Answerer(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Answers questions from passages and from nothing else.

    Both the question and the passages come from strangers: an answerer treats them as text, never as
    instructions, and every quote is found word for word in its passage.
    """

    @property
    @abstractmethod
    def model(self) -> str:
        """What wrote the answer, e.g. `extractive` or the name of a chat model."""

    @abstractmethod
    def describe(self) -> str:
        """One line on the answerer and whether it can be used; raises if it cannot."""

    @abstractmethod
    def answer(self, question: str, passages: Sequence[Passage]) -> Answer:
        """Answer the question from passages, which are in order of their numbers.

        Without passages, and where none of them answers the question, the answer is that nothing relevant is
        there. Raises RuntimeError, with what to do next, where the model cannot be reached.
        """
