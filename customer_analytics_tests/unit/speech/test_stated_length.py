"""How much of a recording is missing, as far as its file tells."""

import re
import struct
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from customer_analytics.ports.speech.audio import SAMPLE_RATE, stated_seconds
from customer_analytics.ports.speech.listening import listen
from customer_analytics_tests.audio_files import write_audio

TONE = (9000 * np.sin(np.arange(4 * SAMPLE_RATE) / 12)).astype(np.int16)
TELLING = {"mp3": "libmp3lame", "flac": "flac", "webm": "libopus", "m4a": "aac", "mp4": "aac"}


def write_wav(path: Path, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.repeat(TONE, channels).tobytes())
    return path


def encode(path: Path, codec: str, **options: str) -> Path:
    return write_audio(path, TONE, SAMPLE_RATE, codec, **options)


def cut(path: Path, kept: float = 0.5) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    return path


def heard(samples: npt.NDArray[np.float32], language: str | None) -> tuple[str, str | None]:
    return "words", "en"


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_file_that_is_cut_says_how_many_seconds_are_missing(channels: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "1-01.wav", channels)
    assert listen(path, 60, heard).error is None
    path.write_bytes(path.read_bytes()[: 44 + 2 * channels * SAMPLE_RATE])
    transcript = listen(path, 60, heard)
    assert (transcript.status, transcript.duration_seconds) == ("empty", 1.0)
    assert transcript.error == "The file lacks 3.0 of 4.0 seconds of audio: it is cut off or damaged."


@pytest.mark.parametrize("extension", TELLING)
def test_so_does_any_file_that_states_its_length(extension: str, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if TELLING[extension] == "aac" else {}
    path = encode(tmp_path / f"1-01.{extension}", TELLING[extension], **options)
    assert listen(path, 60, heard).error is None
    lacks = re.match(r"The file lacks (.+) of (.+) seconds of audio", listen(cut(path), 60, heard).error or "")
    assert lacks
    assert 1 < float(lacks[1]) < 3  # headers take room, and what is compressed is not of one size throughout
    assert float(lacks[2]) == pytest.approx(4, abs=0.1)


def test_a_file_that_states_no_length_lacks_nothing(tmp_path: Path) -> None:
    for path in (
        encode(tmp_path / "a.mp3", "libmp3lame", write_xing="0"),
        encode(tmp_path / "a.opus", "libopus"),
        encode(tmp_path / "a.aac", "aac"),
    ):
        assert stated_seconds(path) is None
        assert listen(cut(path), 60, heard).error is None


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_file_of_a_size_that_was_not_known_lacks_nothing(size: int, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "stream.wav")
    content = path.read_bytes()
    path.write_bytes(content[:40] + struct.pack("<I", size) + content[44:])
    assert stated_seconds(path) is None
    assert listen(path, 60, heard).error is None
