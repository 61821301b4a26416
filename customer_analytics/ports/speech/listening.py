"""The common part of transcribers: decoding, voice activity detection, and splitting of long recordings."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from customer_analytics.ports.speech.audio import SAMPLE_RATE, UnreadableAudioError, decode, stated_seconds
from customer_analytics.ports.speech.base import Transcript

# The features of a recording take many times its size in memory (300 MB for five minutes), and services limit the
# size of a request. So a longer recording is split into stretches of at most this length, each cut at the quietest
# half second of its last 30 seconds.
_STRETCH = 300 * SAMPLE_RATE
_CUT_WITHIN = 30 * SAMPLE_RATE
_PAUSE = SAMPLE_RATE // 2
# Seconds; encoders pad the audio and round its length.
_MISSING_FROM = 0.5

Samples = npt.NDArray[np.float32]
Hear = Callable[[Samples, str | None], tuple[str, str | None]]
"""Text and language (ISO 639-1, if known) of speech at 16 kHz, given the language of the stretch before."""


def listen(path: Path, max_seconds: float, hear: Hear) -> Transcript:
    """The transcript of one file.

    Only the parts that a voice activity detector classifies as speech are transcribed: Whisper writes "you" for
    silence and whole sentences for clicks and ringing. The first stretch determines the language of the others. A
    truncated or damaged file is transcribed as far as possible, and `error` says how much is missing.
    """
    try:
        samples = decode(path, max_seconds)
    except UnreadableAudioError as error:
        return Transcript("failed", error=str(error))
    texts: list[str] = []
    language: str | None = None
    for stretch in stretches(samples):
        speech = _speech(stretch)
        if len(speech):
            text, language = hear(speech, language)
            texts.append(text.strip())
    duration = round(len(samples) / SAMPLE_RATE, 3)
    missing = _missing(stated_seconds(path), duration)
    transcript = " ".join(text for text in texts if text)
    if not transcript:
        return Transcript("empty", duration_seconds=duration, error=missing)
    return Transcript("ok", transcript, language, duration, missing)


def _missing(stated: float | None, duration: float) -> str | None:
    """The message for a file with less audio than it states; None if it is complete."""
    if stated is None or stated - duration < _MISSING_FROM:
        return None
    return f"The file lacks {stated - duration:.1f} of {stated:.1f} seconds of audio: it is cut off or damaged."


def stretches(samples: npt.NDArray[np.int16]) -> Iterator[npt.NDArray[np.int16]]:
    """Split samples into stretches of at most five minutes, at quiet moments."""
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


def _speech(samples: npt.NDArray[np.int16]) -> Samples:
    """The parts with speech, concatenated, as floats from -1 to 1."""
    from faster_whisper.vad import collect_chunks, get_speech_timestamps

    audio = samples.astype(np.float32) / 32768.0
    chunks, _ = collect_chunks(audio, get_speech_timestamps(audio))
    return np.concatenate(chunks)
