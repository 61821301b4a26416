"""Speech recognition on this machine: Whisper in CTranslate2, through faster-whisper."""

import threading
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from customer_analytics.model_files import WHISPER_BASE, WHISPER_TINY_EN, describe, fetch
from customer_analytics.resources.speech.audio import SAMPLE_RATE, UnreadableAudioError, decode
from customer_analytics.resources.speech.base import Transcriber, Transcript

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_WEIGHTS = {"tiny.en": WHISPER_TINY_EN, "base": WHISPER_BASE}

# The features of a recording take many times its size in memory (300 MB for five minutes), so a longer one is
# heard in stretches of at most this length, cut at the quietest half second of their last 30.
_STRETCH = 300 * SAMPLE_RATE
_CUT_WITHIN = 30 * SAMPLE_RATE
_PAUSE = SAMPLE_RATE // 2


class FasterWhisperTranscriber(Transcriber):
    """Whisper tiny.en (English) or base (99 languages, the one spoken is detected), int8, greedy decoding.

    Only what a voice activity detector takes for speech reaches Whisper, which would otherwise write "you" for
    silence and whole sentences for clicks and ringing. The model is loaded at the first use and shared by all
    threads of the process; the transcript does not depend on their number.
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
        return (self._transcript(path) for path in paths)

    def _transcript(self, path: Path) -> Transcript:
        try:
            samples = decode(path, self.max_seconds)
        except UnreadableAudioError as error:
            return Transcript("failed", error=str(error))
        whisper = _whisper(self.weights, self.cache_folder, self.weights_folder, self.threads)
        texts: list[str] = []
        language: str | None = None
        for stretch in stretches(samples):
            speech = _speech(stretch)
            if not len(speech):
                continue
            segments, heard = whisper.transcribe(
                speech,
                language=language,
                beam_size=1,
                temperature=0.0,
                # What was heard before must not lead the decoder: a sentence misheard once would be repeated.
                condition_on_previous_text=False,
            )
            texts += [segment.text.strip() for segment in segments]
            language = heard.language
        duration = round(len(samples) / SAMPLE_RATE, 3)
        if not texts:
            return Transcript("empty", duration_seconds=duration)
        return Transcript("ok", " ".join(texts), language, duration)


def stretches(samples: npt.NDArray[np.int16]) -> Iterator[npt.NDArray[np.int16]]:
    """The samples in stretches of at most five minutes, cut where it is quiet."""
    start = 0
    while len(samples) - start > _STRETCH:
        search_from = start + _STRETCH - _CUT_WITHIN
        loudness = (
            np.square(samples[search_from : start + _STRETCH].astype(np.float32)).reshape(-1, _PAUSE).sum(axis=1)
        )
        end = search_from + int(loudness.argmin()) * _PAUSE + _PAUSE // 2
        yield samples[start:end]
        start = end
    yield samples[start:]


def _speech(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """The parts in which somebody speaks, one after the other, as Whisper takes them (-1 to 1)."""
    from faster_whisper.vad import collect_chunks, get_speech_timestamps

    audio = samples.astype(np.float32) / 32768.0
    chunks, _ = collect_chunks(audio, get_speech_timestamps(audio))
    return np.concatenate(chunks)


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
