"""Speech recognition by the OpenAI API, or by a service that speaks its protocol."""

import io
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from customer_analytics.resources.openai_service import OpenAIError, OpenAIService
from customer_analytics.resources.speech.audio import SAMPLE_RATE
from customer_analytics.resources.speech.base import Transcriber, Transcript
from customer_analytics.resources.speech.languages import language_code
from customer_analytics.resources.speech.listening import Samples, listen
from customer_analytics.resources.spending import Meter, Spending

if TYPE_CHECKING:
    import openai

# US dollars a minute: OpenAI's list prices (platform.openai.com/docs/pricing) as of June 2026; what it calls an
# estimate for the models that it bills by tokens.
_PRICES = {"whisper-1": 0.006, "gpt-4o-transcribe": 0.006, "gpt-4o-mini-transcribe": 0.003}


class OpenAITranscriber(Transcriber):
    """A speech model behind the OpenAI API.

    Files are decoded here, and only speech is sent, as plain WAV of at most five minutes (10 MB; the API takes 25)
    without the file's name and tags. So any format and length is taken, what cannot be read is known before it
    costs anything, and silence is neither billed nor turned into words.
    """

    kind: ClassVar[str] = "openai"
    service: OpenAIService
    name: str = Field(default="whisper-1", description="The model, as the service calls it.")
    price: float | None = Field(
        default=None, ge=0, description="US dollars per minute of speech; by default OpenAI's list price."
    )
    max_seconds: float = Field(
        default=7200, gt=0, description="Longer recordings are not transcribed; two hours take 230 MB of memory."
    )
    _meter: Meter = PrivateAttr(default_factory=Meter)

    @property
    def model(self) -> str:
        """The model's name, marked as OpenAI's protocol."""
        return f"openai-{self.name.replace('/', '-')}"

    def describe(self) -> str:
        """See `Transcriber.describe`; asks the service whether it has the model."""
        return self.service.describe(self.name)

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """See `Transcriber.transcribe`; raises OpenAIError where the service does not answer."""
        return (self._transcript(path) for path in paths)

    def spent(self) -> Spending:
        """See `Transcriber.spent`; the speech that was sent."""
        seconds = round(self._meter.take(), 1)
        price = self.price if self.price is not None else _PRICES.get(self.name)
        return Spending(seconds, "seconds of speech", None if price is None else seconds / 60 * price)

    def _transcript(self, path: Path) -> Transcript:
        try:
            return listen(path, self.max_seconds, self._hear)
        except OpenAIError as error:
            # The one refusal that is about this recording; any other says nothing about it.
            if error.parameter == "file":
                return Transcript("failed", error=f"The file is refused by {self.name}: {error.said}.")
            raise

    def _hear(self, speech: Samples, language: str | None) -> tuple[str, str | None]:
        import openai

        recording = _wav(speech)

        # The models that are called gpt-… know no other format, and do not tell the language.
        answer_as: Literal["json", "verbose_json"] = "json" if self.name.startswith("gpt-") else "verbose_json"

        def request(client: "openai.OpenAI") -> tuple[str, str | None]:
            heard = client.audio.transcriptions.create(
                model=self.name,
                file=("call.wav", recording, "audio/wav"),
                response_format=answer_as,
                temperature=0,
                language=language or openai.omit,
            )
            text: object = heard.text
            if not isinstance(text, str):
                raise ValueError("a transcript without text")
            return text, language_code(getattr(heard, "language", None)) or language

        text = self.service.ask(request)
        self._meter.add(len(speech) / SAMPLE_RATE)
        return text


def _wav(speech: Samples) -> bytes:
    """The samples as a WAV file, 16 bit mono."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((speech * 32768).astype(np.int16).tobytes())
    return target.getvalue()
