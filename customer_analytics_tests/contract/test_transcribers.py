"""What every transcriber guarantees; a new adapter joins by a line in `TRANSCRIBERS`."""

import random
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import pytest

from customer_analytics.model_files import WHISPER_TINY_EN, ModelFilesError, fetch
from customer_analytics.ports.openai_service import OpenAIService
from customer_analytics.ports.speech.audio import decode
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.ports.speech.ctranslate2_weights import checkpoint, read_variables
from customer_analytics.ports.speech.faster_whisper import FasterWhisperTranscriber
from customer_analytics.ports.speech.openai import OpenAITranscriber
from customer_analytics.ports.speech.openai_whisper import OpenAIWhisperTranscriber
from customer_analytics.settings import settings
from customer_analytics_tests import openai_server
from customer_analytics_tests.spoken import BEGINNING, END, SECONDS, SPEECH

RATE = 16_000


def faster_whisper(
    weights: Literal["tiny.en", "base"] = "tiny.en", threads: int = 2, max_seconds: float = 7200
) -> Transcriber:
    return FasterWhisperTranscriber(
        cache_folder=str(settings().model_cache), weights=weights, threads=threads, max_seconds=max_seconds
    )


def openai_whisper(weights: str = "tiny.en") -> Transcriber:
    return OpenAIWhisperTranscriber(cache_folder=str(settings().model_cache), weights=weights)


def openai() -> Transcriber:
    service = OpenAIService(api_key=openai_server.KEY, base_url=openai_server.shared_url())
    return OpenAITranscriber(service=service)


TRANSCRIBERS: dict[str, Callable[[], Transcriber]] = {
    "faster-whisper": faster_whisper,
    "openai-whisper": openai_whisper,
    "openai": openai,
}
needs_library = pytest.mark.skipif(
    find_spec("whisper") is None, reason="the extra openai-whisper is not installed"
)


@pytest.fixture(
    scope="session",
    params=["faster-whisper", pytest.param("openai-whisper", marks=needs_library), "openai"],
)
def transcriber(request: pytest.FixtureRequest) -> Transcriber:
    return TRANSCRIBERS[request.param]()


def encode(path: Path, source: Path | npt.NDArray[np.int16], codec: str, rate: int = RATE) -> Path:
    """Write the source's audio, or mono samples at 16 kHz, with the codec, in the container the suffix names."""
    layout = "stereo" if codec == "vorbis" else "mono"  # FFmpeg's own vorbis knows nothing else
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=stream.frame_size)
        for frame in [*frames_of(source), None]:
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    return path


def frames_of(source: Path | npt.NDArray[np.int16]) -> list[av.AudioFrame]:
    if isinstance(source, Path):
        with av.open(str(source)) as container:
            return list(container.decode(audio=0))
    frame = av.AudioFrame.from_ndarray(source.reshape(1, -1), format="s16", layout="mono")
    frame.rate = RATE
    return [frame]


def words(transcript: Transcript) -> str:
    return re.sub("[^a-z ]", "", (transcript.text or "").lower())


def only(transcriber: Transcriber, path: Path) -> Transcript:
    (transcript,) = transcriber.transcribe([path])
    return transcript


@pytest.mark.parametrize(
    ("extension", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("mp3", "libmp3lame"),
        ("m4a", "aac"),
        ("mp4", "aac"),
        ("aac", "aac"),
        ("ogg", "vorbis"),
        ("opus", "libopus"),
        ("flac", "flac"),
    ],
)
def test_speech_in_each_format_is_written_down(
    transcriber: Transcriber, extension: str, codec: str, tmp_path: Path
) -> None:
    rate = 48_000 if codec in ("libopus", "vorbis") else 44_100
    transcript = only(transcriber, encode(tmp_path / f"call.{extension}", SPEECH, codec, rate))
    assert transcript.status == "ok"
    assert transcript.language == "en"
    assert transcript.duration_seconds == pytest.approx(SECONDS, abs=0.1)
    assert BEGINNING in words(transcript)
    assert END in words(transcript)


def test_telephone_quality_is_understood(transcriber: Transcriber, tmp_path: Path) -> None:
    transcript = only(transcriber, encode(tmp_path / "8kHz.wav", SPEECH, "pcm_mulaw", 8000))
    assert BEGINNING in words(transcript)
    assert END in words(transcript)


@pytest.fixture
def unreadable(tmp_path: Path) -> dict[str, Path]:
    contents = {
        "empty.mp3": b"",
        "text.mp3": b"Dear customer, this is a letter. " * 500,
        "noise.mp3": random.Random(0).randbytes(100_000),
        "noise.wav": random.Random(1).randbytes(100_000),
        "header.wav": b"RIFF\xff\xff\xff\x7fWAVEfmt ",
        # FFmpeg would open the file that these name, also where their own name says something else.
        "playlist.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:11,\nneighbour.mp3\n#EXT-X-ENDLIST\n",
        "script.wav": b"ffconcat version 1.0\nfile 'neighbour.mp3'\n",
    }
    tone = (9000 * np.sin(np.arange(RATE))).astype(np.int16)
    encode(tmp_path / "neighbour.mp3", tone, "libmp3lame")
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in [*contents, "absent.mp3"]} | {"folder.mp3": tmp_path}


def test_what_is_not_audio_fails_with_a_sentence_that_names_no_folder(
    transcriber: Transcriber, unreadable: dict[str, Path], tmp_path: Path
) -> None:
    for name, transcript in zip(unreadable, transcriber.transcribe(unreadable.values()), strict=True):
        assert (transcript.status, transcript.text, transcript.duration_seconds) == ("failed", None, None), name
        assert transcript.error is not None
        assert transcript.error.startswith("The file ")
        assert transcript.error.endswith(".")
        assert str(tmp_path) not in transcript.error


def test_a_file_that_fails_stops_no_other(transcriber: Transcriber, tmp_path: Path) -> None:
    (tmp_path / "empty.mp3").touch()
    failed, ok, again = transcriber.transcribe([tmp_path / "empty.mp3", SPEECH, tmp_path / "empty.mp3"])
    assert (failed.status, ok.status, again.status) == ("failed", "ok", "failed")


def test_each_transcript_is_there_before_the_next_file_is_asked_for(transcriber: Transcriber) -> None:
    asked: list[int] = []

    def paths() -> Iterator[Path]:
        for number in range(2):
            asked.append(number)
            yield SPEECH

    assert next(transcriber.transcribe(paths())).status == "ok"
    assert asked == [0]


def test_a_truncated_file_gives_the_words_up_to_the_cut(transcriber: Transcriber, tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mp3", SPEECH, "libmp3lame").read_bytes()
    (tmp_path / "half.mp3").write_bytes(whole[: len(whole) // 2])
    transcript = only(transcriber, tmp_path / "half.mp3")
    assert transcript.status == "ok"
    assert transcript.duration_seconds == pytest.approx(SECONDS / 2, abs=0.2)
    assert BEGINNING in words(transcript)
    assert "friends" not in words(transcript)


def test_a_damaged_stretch_costs_only_its_own_words(transcriber: Transcriber, tmp_path: Path) -> None:
    data = bytearray(encode(tmp_path / "whole.mp3", SPEECH, "libmp3lame").read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = random.Random(0).randbytes(len(data) // 20)
    (tmp_path / "damaged.mp3").write_bytes(data)
    transcript = only(transcriber, tmp_path / "damaged.mp3")
    assert BEGINNING in words(transcript)
    assert END in words(transcript)


def test_recordings_of_different_form_joined_into_one_file_are_heard_whole(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    first = encode(tmp_path / "44.mp3", SPEECH, "libmp3lame", 44_100).read_bytes()
    second = encode(tmp_path / "22.mp3", SPEECH, "libmp3lame", 22_050).read_bytes()
    (tmp_path / "joined.mp3").write_bytes(first + second)
    assert words(only(transcriber, tmp_path / "joined.mp3")).count(BEGINNING) == 2


def sounds() -> dict[str, npt.NDArray[np.float64]]:
    """Ten seconds each of what is no speech, -1 to 1; Whisper alone writes words for most of them."""
    time = np.arange(10 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    return {
        "digital silence": np.zeros_like(time),
        "white noise": 0.1 * noise,
        "faint noise": 0.003 * noise,
        "swelling noise": 0.05 * noise * (1 + np.sin(2 * np.pi * 4 * time)),
        "sine tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "dial tone": 0.2 * (np.sin(2 * np.pi * 350 * time) + np.sin(2 * np.pi * 440 * time)),
        "ringing": 0.2 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)) * (time % 6 < 2),
        "clicks": 0.8 * (time % 1 < 0.001),
    }


@pytest.mark.parametrize("sound", sounds())
def test_where_nobody_speaks_there_are_no_words(transcriber: Transcriber, sound: str, tmp_path: Path) -> None:
    samples = (sounds()[sound].clip(-1, 1) * 32767).astype(np.int16)
    transcript = only(transcriber, encode(tmp_path / "sound.wav", samples, "pcm_s16le"))
    assert transcript == Transcript("empty", duration_seconds=10.0)


def test_a_transcript_does_not_depend_on_the_files_before_it(transcriber: Transcriber, tmp_path: Path) -> None:
    telephone = encode(tmp_path / "8kHz.wav", SPEECH, "pcm_mulaw", 8000)
    first, second, third = transcriber.transcribe([telephone, SPEECH, telephone])
    assert first == third
    assert second == only(transcriber, SPEECH)


def test_a_call_of_more_than_whispers_thirty_seconds_keeps_its_words(
    transcriber: Transcriber, tmp_path: Path
) -> None:
    long = encode(tmp_path / "long.wav", np.tile(decode(SPEECH, 60), 3), "pcm_s16le")
    transcript = only(transcriber, long)
    assert transcript.duration_seconds == pytest.approx(3 * SECONDS, abs=0.1)
    for phrase in (BEGINNING, END):
        assert words(transcript).count(phrase) == 3


class TestFasterWhisper:
    """What only holds for the local model."""

    def test_the_model_s_name_says_weights_and_quantisation(self) -> None:
        assert faster_whisper().model == "faster-whisper-tiny.en-int8"
        assert faster_whisper("base").model == "faster-whisper-base-int8"

    def test_the_base_weights_detect_the_language(self, tmp_path: Path) -> None:
        silence = encode(tmp_path / "silence.wav", np.zeros(5 * RATE, np.int16), "pcm_s16le")
        speech, nothing = faster_whisper("base").transcribe([SPEECH, silence])
        assert BEGINNING in words(speech)
        assert speech.language == "en"
        assert nothing == Transcript("empty", duration_seconds=5.0)

    def test_the_number_of_threads_changes_no_word(self) -> None:
        assert only(faster_whisper(threads=1), SPEECH) == only(faster_whisper(threads=2), SPEECH)

    def test_a_recording_beyond_the_limit_fails_and_says_so(self) -> None:
        assert only(faster_whisper(max_seconds=10), SPEECH) == Transcript(
            "failed", error="The file holds more than the 10 seconds of audio allowed."
        )


@needs_library
class TestOpenAIWhisper:
    """What only holds for the original implementation."""

    def test_a_checkpoint_of_one_s_own_is_known_by_its_contents(self, tmp_path: Path) -> None:
        import torch

        files = fetch(WHISPER_TINY_EN, settings().model_cache)
        dimensions, parameters = checkpoint(read_variables(files["model.bin"]))
        state = {name: torch.tensor(values) for name, values in parameters.items()}
        torch.save({"dims": dimensions, "model_state_dict": state}, tmp_path / "ours.pt")
        ours = openai_whisper(str(tmp_path / "ours.pt"))
        assert re.fullmatch("openai-whisper-ours-[0-9a-f]{12}", ours.model)
        assert only(ours, SPEECH) == only(openai_whisper(), SPEECH)

    def test_an_unknown_model_is_refused_before_anything_is_fetched(self) -> None:
        with pytest.raises(ModelFilesError, match="'gigantic' is no Whisper model: choose one of"):
            openai_whisper("gigantic").describe()
        with pytest.raises(ModelFilesError, match=r"absent.pt is absent"):
            openai_whisper("absent.pt").describe()

    def test_weights_in_another_version_of_the_format_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "model.bin").write_bytes((7).to_bytes(4, "little"))
        with pytest.raises(ValueError, match="is of version 7"):
            read_variables(tmp_path / "model.bin")
