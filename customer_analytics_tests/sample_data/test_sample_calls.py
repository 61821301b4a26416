"""The recordings of support calls."""

import difflib
import re
from pathlib import Path

import av
import pytest

from customer_analytics.ports.speech.faster_whisper import FasterWhisperTranscriber
from customer_analytics.sample_data.calls import MOODS, recordings
from customer_analytics.settings import settings

ALL = [path for mood in MOODS for path in recordings(mood)]


def words(text: str) -> list[str]:
    return re.sub("[^a-z ]", "", text.lower().replace("-", " ").replace("\n", " ")).split()


def script(recording: Path) -> list[str]:
    lines = recording.with_suffix(".txt").read_text().splitlines()
    return words(" ".join(re.sub("^(Agent|Caller): ", "", line) for line in lines))


def test_there_are_forty_different_recordings_each_with_its_own_script() -> None:
    assert len({path.read_bytes() for path in ALL}) == len(ALL) == 40
    assert len({tuple(script(path)) for path in ALL}) == 40
    assert sum(path.stat().st_size for path in ALL) < 1_100_000


def test_recordings_are_short_calls_in_telephone_quality() -> None:
    for path in ALL:
        with av.open(str(path)) as container:
            (stream,) = container.streams
            assert (stream.codec_context.name, stream.codec_context.layout.name) in (
                ("opus", "mono"),
                ("libopus", "mono"),
            )
            seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        assert 15 <= seconds <= 40, path.name


@pytest.mark.parametrize("name", ["unhappy-09", "mixed-03", "happy-06"])
def test_the_words_of_the_script_are_heard(name: str) -> None:
    (recording,) = (path for path in ALL if path.stem == name)
    transcriber = FasterWhisperTranscriber(cache_folder=str(settings().model_cache))
    (transcript,) = transcriber.transcribe([recording])
    spoken, heard = script(recording), words(transcript.text or "")
    assert difflib.SequenceMatcher(None, spoken, heard, autojunk=False).ratio() > 0.9
