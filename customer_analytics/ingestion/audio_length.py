"""How long a recording says that it is."""

import struct
from pathlib import Path

from customer_analytics.ingestion.audio_tags import READ_ONLY_AUDIO

# Sizes that programs write which do not know the size yet and cannot come back to it.
_UNKNOWN_BYTES = 0x7FFF0000
_MOST_CHUNKS = 1_000  # before that of the samples


def stated_seconds(path: Path) -> float | None:
    """The length that a file states for its audio, which may be more than it holds; None where it states none.

    FFmpeg gives a length for any file. Only that of WAV, MP3 with an Info frame, MP4, FLAC, Matroska and WebM is
    stated, and not guessed from what is there.
    """
    import av

    try:
        with av.open(str(path), options=READ_ONLY_AUDIO, metadata_errors="ignore") as container:
            format = container.format.name
            if format == "wav":
                return _wav_seconds(path)
            stream = container.streams.audio[0]
            # In MP3, the padding that the audio starts with is stated in the same frame as the length.
            is_stated = bool(stream.start_time) if format == "mp3" else format not in ("ogg", "aac")
            if is_stated and stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            if is_stated and container.duration and len(container.streams) == 1:
                return container.duration / av.time_base
    except (av.FFmpegError, OSError, LookupError):
        return None
    return None


def _wav_seconds(path: Path) -> float | None:
    """The length in the header of a WAV file: FFmpeg tells that of the samples which are there."""
    with path.open("rb") as file:
        if file.read(12)[:4] != b"RIFF":
            return None
        bytes_a_second = 0
        for _ in range(_MOST_CHUNKS):
            if len(header := file.read(8)) < 8:
                return None
            kind, size = struct.unpack("<4sI", header)
            if kind == b"data":
                return size / bytes_a_second if bytes_a_second and size < _UNKNOWN_BYTES else None
            if kind == b"fmt ":
                content = file.read(min(size, 12))
                bytes_a_second = struct.unpack_from("<I", content, 8)[0] if len(content) == 12 else 0
                size -= len(content)
            file.seek(size + size % 2, 1)
    return None
