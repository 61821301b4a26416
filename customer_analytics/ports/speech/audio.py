"""Call audio: its samples, and the length that its header states."""

import struct
from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

# Without these lists FFmpeg also opens playlists and scripts, whatever a file is called, and follows the addresses
# and paths in them.
READ_ONLY_AUDIO = {"format_whitelist": "wav,mp3,mov,m4a,ogg,flac,matroska,webm,aac", "protocol_whitelist": "file"}

SAMPLE_RATE = 16_000
# Programs that stream a WAV file write a size like this, because they do not know the size yet.
_UNKNOWN_BYTES = 0x7FFF0000
_MOST_CHUNKS = 1_000  # before that of the samples


class UnreadableAudioError(Exception):
    """A file cannot be decoded; the message says why, without the file's folder."""


def decode(path: Path, max_seconds: float) -> npt.NDArray[np.int16]:
    """Samples of a file's first audio stream: mono, 16 kHz, signed 16 bit.

    Damaged packets are skipped. At most `max_seconds` are decoded, whatever length the file states.

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

    # Concatenated recordings change their format midway, which a resampler rejects: each format gets its own.
    for _, run in groupby(_frames(container), lambda frame: (frame.format.name, frame.layout.name, frame.rate)):
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        for frame in chain(run, [None]):
            yield from resampler.resample(frame)


def _frames(container: "InputContainer") -> "Iterator[av.AudioFrame]":
    import av

    # By packet, because `container.decode` stops at the first damaged one.
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            frame.pts = None  # damaged files have timestamps that run backwards
            yield frame


def stated_seconds(path: Path) -> float | None:
    """The length that a file states for its audio, which may exceed what it holds; None if it states none.

    FFmpeg returns a length for any file. Only that of WAV, MP3 with an Info frame, MP4, FLAC, Matroska and WebM is
    stated in the file and not estimated from its content.
    """
    import av

    try:
        with av.open(str(path), options=READ_ONLY_AUDIO, metadata_errors="ignore") as container:
            format = container.format.name
            if format == "wav":
                return _wav_seconds(path)
            stream = container.streams.audio[0]
            # MP3 states the padding at the start of the audio in the same frame as the length.
            is_stated = bool(stream.start_time) if format == "mp3" else format not in ("ogg", "aac")
            if is_stated and stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            if is_stated and container.duration and len(container.streams) == 1:
                return container.duration / av.time_base
    except (av.FFmpegError, OSError, LookupError):
        return None
    return None


def _wav_seconds(path: Path) -> float | None:
    """The length in the header of a WAV file; FFmpeg returns that of the samples in the file."""
    with path.open("rb") as file:
        if file.read(12)[:4] != b"RIFF":
            return None
        bytes_per_second = 0
        for _ in range(_MOST_CHUNKS):
            if len(header := file.read(8)) < 8:
                return None
            kind, size = struct.unpack("<4sI", header)
            if kind == b"data":
                return size / bytes_per_second if bytes_per_second and size < _UNKNOWN_BYTES else None
            if kind == b"fmt ":
                content = file.read(min(size, 12))
                bytes_per_second = struct.unpack_from("<I", content, 8)[0] if len(content) == 12 else 0
                size -= len(content)
            file.seek(size + size % 2, 1)
    return None
