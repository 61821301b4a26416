"""Decoding of call audio into samples."""

from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customer_analytics.ingestion.audio_tags import READ_ONLY_AUDIO

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

SAMPLE_RATE = 16_000


class UnreadableAudioError(Exception):
    """A file cannot be turned into samples; the text says why, without the file's folder."""


def decode(path: Path, max_seconds: float) -> npt.NDArray[np.int16]:
    """Samples of a file's first audio stream: mono, 16 kHz, signed 16 bit.

    Damaged packets are skipped. No more than `max_seconds` are decoded, whatever length the file claims.

    Raises:
        UnreadableAudioError: The file is missing, empty, not audio, without a sample, or longer than allowed.
    """
    import av

    samples = bytearray()
    try:
        if path.stat().st_size == 0:
            raise UnreadableAudioError("The file is empty (0 bytes).")
        with av.open(str(path), options=READ_ONLY_AUDIO, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UnreadableAudioError("The file holds no audio stream.")
            for piece in _resampled(container):
                samples += piece.to_ndarray().tobytes()
                if len(samples) > 2 * SAMPLE_RATE * max_seconds:
                    raise UnreadableAudioError(
                        f"The file holds more than the {max_seconds:g} seconds of audio allowed."
                    )
    except (av.InvalidDataError, av.ArgumentError) as error:
        raise UnreadableAudioError(
            "The file is not wav, mp3, m4a, mp4, aac, ogg, opus, flac or webm audio."
        ) from error
    except (OSError, av.FFmpegError) as error:
        raise UnreadableAudioError(f"The file cannot be read as audio: {error.strerror}.") from error
    if not samples:
        raise UnreadableAudioError("The file holds no audio that can be decoded.")
    return np.frombuffer(samples, np.int16)


def _resampled(container: "InputContainer") -> "Iterator[av.AudioFrame]":
    import av

    # Recordings joined byte by byte change their form midway, which a resampler refuses: each form has its own.
    for _, run in groupby(_frames(container), lambda frame: (frame.format.name, frame.layout.name, frame.rate)):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for frame in chain(run, [None]):
            yield from resampler.resample(frame)


def _frames(container: "InputContainer") -> "Iterator[av.AudioFrame]":
    import av

    # By packets: `container.decode` ends at the first damaged one.
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            frame.pts = None  # damaged files have times that run backwards
            yield frame
