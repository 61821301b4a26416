"""Speech recognition on this machine: Whisper in CTranslate2, through faster-whisper."""

import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from customer_analytics.model_files import WHISPER_BASE, WHISPER_TINY_EN, describe, fetch
from customer_analytics.resources.speech.base import Transcriber, Transcript
from customer_analytics.resources.speech.listening import Samples, listen

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_WEIGHTS = {"tiny.en": WHISPER_TINY_EN, "base": WHISPER_BASE}


class FasterWhisperTranscriber(Transcriber):
    """Whisper tiny.en (English) or base (99 languages, the one spoken is detected), int8, greedy decoding.

    The model is loaded at the first use and shared by all threads of the process; the transcript does not depend
    on their number.
    """

    kind: ClassVar[str] = "whisper"

    cache_folder: str = Field(description="Folder of downloaded model files.")
    weights: Literal["tiny.en", "base"] = Field(default="tiny.en", description="Which Whisper weights.")
    weights_folder: str | None = Field(
        default=None, description="Folder that holds the model's files, instead of downloading them."
    )
    threads: int = Field(default=2, ge=1, description="Threads that compute one transcript.")
    max_seconds: float = Field(
        default=7200, gt=0, description="Longer recordings are not transcribed; two hours take 230 MB of memory."
    )

    @property
    def model(self) -> str:
        """Library, weights and quantisation."""
        return f"faster-{_WEIGHTS[self.weights].name}-int8"

    def describe(self) -> str:
        """See `Transcriber.describe`."""
        return describe(_WEIGHTS[self.weights], self.cache_folder, self.weights_folder)

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """See `Transcriber.transcribe`; raises ModelFilesError where the weights cannot be had."""
        return (listen(path, self.max_seconds, self._hear) for path in paths)

    def _hear(self, speech: Samples, language: str | None) -> tuple[str, str | None]:
        whisper = _whisper(self.weights, self.cache_folder, self.weights_folder, self.threads)
        segments, heard = whisper.transcribe(
            speech,
            language=language,
            beam_size=1,
            temperature=0.0,
            # What was heard before must not lead the decoder: a sentence misheard once would be repeated.
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments), heard.language


_loading = threading.Lock()


def _whisper(weights: str, cache_folder: str, weights_folder: str | None, threads: int) -> "WhisperModel":
    with _loading:
        return _load(weights, cache_folder, weights_folder, threads)


@cache
def _load(weights: str, cache_folder: str, weights_folder: str | None, threads: int) -> "WhisperModel":
    from faster_whisper import WhisperModel

    files = fetch(_WEIGHTS[weights], cache_folder, weights_folder)
    folder = files["model.bin"].parent
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
