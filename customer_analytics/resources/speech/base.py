"""What every transcriber guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import dagster as dg

from customer_analytics.resources.spending import Spending


@dataclass(frozen=True)
class Transcript:
    """What was said in one call, or why that is not known.

    `text` is set only when `status` is ok. `error` says why a file is failed, or how much of any other is missing;
    it is None where nothing is. `duration_seconds` is the audio that is there, None where it cannot be read;
    `language` is an ISO 639-1 code.
    """

    status: Literal["ok", "empty", "failed"]
    text: str | None = None
    language: str | None = None
    duration_seconds: float | None = None
    error: str | None = None


class Transcriber(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Writes down what is said in audio files (wav, mp3, m4a, mp4, aac, ogg, opus, flac, webm).

    A file's transcript depends on that file alone. A file that cannot be read, or in which nobody speaks, gives a
    transcript that says so; it never raises and never stops the files after it. What raises is a model that
    cannot be had or a service that does not answer: that says nothing about the file, which is to be tried again.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @property
    @abstractmethod
    def model(self) -> str:
        """Name and revision of the speech model, e.g. `faster-whisper-tiny.en-int8`."""

    @abstractmethod
    def describe(self) -> str:
        """One line on the model and whether it is at hand; raises if it cannot be used."""

    @abstractmethod
    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """One transcript a path, in order, each as soon as it is there."""

    def spent(self) -> Spending | None:
        """What a paid service was asked for since this was last called; None where the model is no service."""
        return None
