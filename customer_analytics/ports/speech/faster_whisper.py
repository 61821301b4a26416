"""Speech recognition on this machine: Whisper in CTranslate2, through faster-whisper."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from customer_analytics.model_files import WHISPER_BASE, WHISPER_TINY_EN, describe, fetch
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.ports.speech.listening import Samples, listen

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_WEIGHTS = {"tiny.en": WHISPER_TINY_EN, "base": WHISPER_BASE}


@dataclass(kw_only=True, eq=False)
class FasterWhisperTranscriber(Transcriber):
    """Whisper tiny.en (English) or base (99 languages, detected), int8, greedy decoding.

    The model is loaded on first use and shared by all threads of the process. The transcript does not depend on
    the number of `threads` that compute it. Recordings longer than `max_seconds` fail: two hours take 230 MB of
    memory.
    """

    kind: ClassVar[str] = "whisper"

    cache_folder: str
    weights: Literal["tiny.en", "base"] = "tiny.en"
    weights_folder: str | None = None
    threads: int = 2
    max_seconds: float = 7200

    @property
    def model(self) -> str:
        """Library, weights and quantisation."""
        return f"faster-{_WEIGHTS[self.weights].name}-int8"

    def describe(self) -> str:
        """See `Transcriber.describe`."""
        return describe(_WEIGHTS[self.weights], self.cache_folder, self.weights_folder)

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """See `Transcriber.transcribe`; raises ModelFilesError if the weights are not available."""
        return (listen(path, self.max_seconds, self._hear) for path in paths)

    def _hear(self, speech: Samples, language: str | None) -> tuple[str, str | None]:
        whisper = _whisper(self.weights, self.cache_folder, self.weights_folder, self.threads)
        segments, heard = whisper.transcribe(
            speech,
            language=language,
            beam_size=1,
            temperature=0.0,
            # Earlier text must not prompt the decoder: it would repeat a misheard sentence.
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
