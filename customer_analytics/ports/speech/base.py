"""The transcriber port."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from customer_analytics.ports.spending import Spending


@dataclass(frozen=True)
class Transcript:
    """The transcript of one call, or why there is none.

    `text` is set only if `status` is ok. `error` says why a file failed, or how much of another file is missing;
    None if it is complete. `duration_seconds` is the length of the decoded audio, None if it cannot be decoded;
    `language` is an ISO 639-1 code.
    """

    status: Literal["ok", "empty", "failed"]
    text: str | None = None
    language: str | None = None
    duration_seconds: float | None = None
    error: str | None = None


class Transcriber(ABC):
    """Transcribes audio files (wav, mp3, m4a, mp4, aac, ogg, opus, flac, webm).

    A transcript depends on its file alone. A file that cannot be read, or that contains no speech, gives a
    transcript that says so; it does not raise or affect other files. An unavailable model or service raises: the
    file can be tried again later.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @property
    @abstractmethod
    def model(self) -> str:
        """Name and revision of the speech model, e.g. `faster-whisper-tiny.en-int8`."""

    @abstractmethod
    def describe(self) -> str:
        """One line on the model and whether it is available; raises if it cannot be used."""

    @abstractmethod
    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """One transcript per path, in order, each as soon as it is ready."""

    def spent(self) -> Spending | None:
        """Usage of a paid service since the last call; None if the model is not a service."""
        return None
