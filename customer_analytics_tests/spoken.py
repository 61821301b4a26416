"""Short audio in which somebody speaks."""

import wave
from pathlib import Path

import pytest

from customer_analytics.resources.speech.audio import SAMPLE_RATE, decode

SPEECH = Path(__file__).resolve().parents[2] / "shared" / "audio" / "jfk.flac"
needs_speech = pytest.mark.skipif(not SPEECH.exists(), reason="no recording beside the checkout")


def speak(path: Path, begin: float, seconds: float = 2.0) -> None:
    """Write a stretch of the recording as a wav file."""
    samples = decode(SPEECH, 60)[int(begin * SAMPLE_RATE) :][: int(seconds * SAMPLE_RATE)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
