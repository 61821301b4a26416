"""When a recording was made, by its tags."""

import datetime as dt
from collections.abc import Mapping
from typing import BinaryIO

import pyarrow as pa

from customer_analytics.ingestion.text_columns import stated_moments
from customer_analytics.ports.speech.audio import READ_ONLY_AUDIO

# FFmpeg's names for ID3's TDRC, Vorbis' DATE, MP4's ©day and WAV's ICRD; the last is MP4's and WebM's own.
_DATE_TAGS = ("date", "creation_time")
_PROBED_BYTES = 1_000_000


def recorded_at(audio: BinaryIO, time_zone: str = "UTC") -> dt.datetime | None:
    """The moment in a recording's tags, in UTC, or the start of the day that they name; None without one.

    A year alone does not count as a date. Only the head of the file and its tags are read. A file that is not
    audio has no tags; this function never fails.
    """
    import av

    options = READ_ONLY_AUDIO | {"probesize": str(_PROBED_BYTES)}
    try:
        with av.open(audio, options=options, metadata_errors="ignore") as container:
            tags = [container.metadata, *(stream.metadata for stream in container.streams.audio)]
    except (av.FFmpegError, OSError, ValueError):
        return None
    moments = (_moment(each, name, time_zone) for name in _DATE_TAGS for each in tags)
    return next(filter(None, moments), None)


def _moment(tags: Mapping[str, str], name: str, time_zone: str) -> dt.datetime | None:
    texts = [text for key, text in tags.items() if key.lower() == name]
    return next(filter(None, stated_moments(pa.chunked_array([texts], pa.string()), time_zone).to_pylist()), None)
