"""When a recording was made, as its own tags say."""

import datetime as dt
from collections.abc import Mapping
from typing import BinaryIO

import pyarrow as pa

from customer_analytics.ingestion.call_moments import stated_moments

# Without these lists FFmpeg also opens playlists and scripts, whatever a file is called, and follows the addresses
# and paths in them.
READ_ONLY_AUDIO = {"format_whitelist": "wav,mp3,mov,m4a,ogg,flac,matroska,webm,aac", "protocol_whitelist": "file"}

# FFmpeg's names for ID3's TDRC, Vorbis' DATE, MP4's ©day and WAV's ICRD; the last is MP4's and WebM's own.
_TAGS = ("date", "creation_time")
_LOOKED_AT_BYTES = 1_000_000


def recorded_at(audio: BinaryIO, time_zone: str = "UTC") -> dt.datetime | None:
    """The moment in a recording's tags, in UTC, or the begin of the day that they name; None where they do not.

    A year alone is no date. Only the head of the file and its tags are read. What cannot be read as audio has no
    tags; this is never an error.
    """
    import av

    options = READ_ONLY_AUDIO | {"probesize": str(_LOOKED_AT_BYTES)}
    try:
        with av.open(audio, options=options, metadata_errors="ignore") as container:
            tags = [container.metadata, *(stream.metadata for stream in container.streams.audio)]
    except (av.FFmpegError, OSError, ValueError):
        return None
    return next(
        (moment for name in _TAGS for of_one in tags if (moment := _moment(of_one, name, time_zone))), None
    )


def _moment(tags: Mapping[str, str], name: str, time_zone: str) -> dt.datetime | None:
    texts = [text for key, text in tags.items() if key.lower() == name]
    return next(filter(None, stated_moments(pa.chunked_array([texts], pa.string()), time_zone).to_pylist()), None)
