"""A short call in which people speak, from the sample data, and what they say."""

import wave
from pathlib import Path

from customer_analytics.ports.speech.audio import SAMPLE_RATE, decode
from customer_analytics.sample_data.calls import RECORDINGS

SPEECH = RECORDINGS / "happy-04.opus"
"""A recording of telephone quality, of which Whisper's smallest model hears every word."""
SECONDS = 15.35
BEGINNING = "could i add a second dinosaur to my order the first one is fantastic my nephew takes it everywhere"
"""What the caller says in the first half, in lower case and without marks."""
END = "you always help at once i recommend you to all my friends"


def speak(path: Path, begin: float, seconds: float = 2.0) -> None:
    """Write a stretch of the recording as a wav file."""
    samples = decode(SPEECH, 60)[int(begin * SAMPLE_RATE) :][: int(seconds * SAMPLE_RATE)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
