"""When recordings were made, as their own tags say."""

import io
import os
import random
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from customer_analytics.ingestion.audio_tags import recorded_at
from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.calls import CallFile
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics_tests.audio_files import write_audio

MOMENT = datetime(2020, 1, 31, 14, 5, 9)
CODECS = {
    "wav": "pcm_s16le",
    "mp3": "libmp3lame",
    "m4a": "aac",
    "mp4": "aac",
    "flac": "flac",
    "opus": "libopus",
    "webm": "libopus",
}


def tone(path: Path, **tags: str) -> Path:
    """A short tone with these tags."""
    samples = (3000 * np.sin(np.arange(48_000 // 5) / 20)).astype(np.int16)
    return write_audio(path, samples, 48_000, CODECS[path.suffix[1:]], tags)


def of(path: Path) -> datetime | None:
    with path.open("rb") as file:
        return recorded_at(file)


@pytest.mark.parametrize("extension", CODECS)
def test_the_date_in_the_tags_of_each_format_is_read(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"call.{extension}"
    assert of(tone(path, date="2020-01-31")) == datetime(2020, 1, 31)
    assert of(tone(path)) is None


def test_a_time_is_read_in_utc_and_a_creation_time_will_do(tmp_path: Path) -> None:
    assert of(tone(tmp_path / "a.flac", date="2020-01-31T14:05:09Z")) == MOMENT
    assert of(tone(tmp_path / "b.flac", date="2020-01-31 15:05:09+01:00")) == MOMENT
    assert of(tone(tmp_path / "c.mp4", creation_time="2020-01-31T14:05:09.000000Z")) == MOMENT


@pytest.mark.parametrize(
    "date", ["2020", "2020-01", "2020-02-30", "0001-01-01", "2261-01-01", "yesterday", "", "\ud800"]
)
def test_a_year_alone_and_what_is_no_date_do_not_count(date: str, tmp_path: Path) -> None:
    assert of(tone(tmp_path / "call.flac", date=date.encode("utf-8", "replace").decode())) is None


@pytest.mark.parametrize(
    "content", [b"", b"no audio", b"RIFF\xff\xff\xff\x7fWAVEfmt ", random.Random(0).randbytes(50_000)]
)
def test_what_is_no_audio_has_no_tags(content: bytes) -> None:
    assert recorded_at(io.BytesIO(content)) is None


def test_a_damaged_file_has_the_tags_that_can_be_read_or_none(tmp_path: Path) -> None:
    content = tone(tmp_path / "call.mp3", date="2020-01-31").read_bytes()
    for end in range(0, len(content), len(content) // 40):
        assert recorded_at(io.BytesIO(content[:end])) in (None, datetime(2020, 1, 31))


class _Unopened(SourceLocation):
    """A location whose files may be listed only."""

    def open_file(self, path: str) -> io.BytesIO:
        raise AssertionError(f"{path} was opened")


def test_tags_count_where_nothing_else_tells_and_are_read_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    tone(calls / "7-01.flac", date="2020-01-31")
    tone(calls / "8-2019-01-01.flac", date="2020-01-31")
    tone(calls / "9-01.flac")
    os.utime(calls / "9-01.flac", (0, 0))  # the time of the file tells nothing
    listed = list_calls(SourceLocation.open(tmp_path)).calls
    assert [(call.customer_id, call.called_at, call.called_at_source) for call in listed] == [
        ("7", datetime(2020, 1, 31), "tags"),
        ("8", datetime(2019, 1, 1), "name"),
        ("9", None, None),
    ]
    known: dict[str, CallFile] = {call.relative_path: call for call in listed}
    assert list_calls(_Unopened.open(tmp_path), known).calls == listed


def test_tags_are_read_when_the_manifest_tells_no_more(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    tone(calls / "7-01.flac", date="2020-01-31")
    (calls / "calls.csv").write_text("file,called_at\n7-01.flac,2019-01-01\n")
    (first,) = list_calls(SourceLocation.open(tmp_path)).calls
    assert (first.called_at, first.called_at_source) == (datetime(2019, 1, 1), "manifest")
    (calls / "calls.csv").unlink()
    (second,) = list_calls(SourceLocation.open(tmp_path), {"7-01.flac": first}).calls
    assert (second.called_at, second.called_at_source) == (datetime(2020, 1, 31), "tags")
