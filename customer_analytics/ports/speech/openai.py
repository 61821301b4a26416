"""Speech recognition by the OpenAI API or a compatible service."""

import io
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from customer_analytics.ports.openai_service import OpenAIError, OpenAIService
from customer_analytics.ports.speech.audio import SAMPLE_RATE
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.ports.speech.listening import Samples, listen
from customer_analytics.ports.spending import Meter, Spending

if TYPE_CHECKING:
    import openai

# US dollars a minute: OpenAI's list prices (platform.openai.com/docs/pricing) as of June 2026; estimates for the
# models that are billed by token.
_PRICES = {"whisper-1": 0.006, "gpt-4o-transcribe": 0.006, "gpt-4o-mini-transcribe": 0.003}

# Languages as the OpenAI API names them, with their ISO 639 codes.
_NAMES = """
afrikaans af, albanian sq, amharic am, arabic ar, armenian hy, assamese as, azerbaijani az, bashkir ba,
basque eu, belarusian be, bengali bn, bosnian bs, breton br, bulgarian bg, cantonese yue, catalan ca,
chinese zh, croatian hr, czech cs, danish da, dutch nl, english en, estonian et, faroese fo, finnish fi,
french fr, galician gl, georgian ka, german de, greek el, gujarati gu, haitian creole ht, hausa ha, hawaiian
haw, hebrew he, hindi hi, hungarian hu, icelandic is, indonesian id, italian it, japanese ja, javanese jv,
kannada kn, kazakh kk, khmer km, korean ko, lao lo, latin la, latvian lv, lingala ln, lithuanian lt,
luxembourgish lb, macedonian mk, malagasy mg, malay ms, malayalam ml, maltese mt, maori mi, marathi mr,
mongolian mn, myanmar my, nepali ne, norwegian no, nynorsk nn, occitan oc, pashto ps, persian fa, polish pl,
portuguese pt, punjabi pa, romanian ro, russian ru, sanskrit sa, serbian sr, shona sn, sindhi sd, sinhala
si, slovak sk, slovenian sl, somali so, spanish es, sundanese su, swahili sw, swedish sv, tagalog tl, tajik
tg, tamil ta, tatar tt, telugu te, thai th, tibetan bo, turkish tr, turkmen tk, ukrainian uk, urdu ur, uzbek
uz, vietnamese vi, welsh cy, yiddish yi, yoruba yo
"""
_CODES = {" ".join(name): code for *name, code in (entry.split() for entry in _NAMES.split(","))}


@dataclass(kw_only=True, eq=False)
class OpenAITranscriber(Transcriber):
    """A speech model behind the OpenAI API.

    Files are decoded locally, and only speech is sent, as WAV of at most five minutes (10 MB; the API accepts 25)
    without the file's name and tags. So all formats and lengths work, an unreadable file costs nothing, and
    silence is neither billed nor turned into words. `price` is in US dollars per minute, by default OpenAI's list
    price.
    """

    kind: ClassVar[str] = "openai"
    service: OpenAIService
    name: str = "whisper-1"
    price: float | None = None
    max_seconds: float = 7200
    _meter: Meter = field(default_factory=Meter, init=False, repr=False)

    @property
    def model(self) -> str:
        """The model's name with the prefix `openai-`."""
        return f"openai-{self.name.replace('/', '-')}"

    def describe(self) -> str:
        """See `Transcriber.describe`; asks the service for the model."""
        return self.service.describe(self.name)

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """See `Transcriber.transcribe`; raises OpenAIError if the service fails."""
        return (self._transcript(path) for path in paths)

    def spent(self) -> Spending:
        """See `Transcriber.spent`; counts the speech that was sent."""
        seconds = round(self._meter.take(), 1)
        price = self.price if self.price is not None else _PRICES.get(self.name)
        return Spending(seconds, "seconds of speech", None if price is None else seconds / 60 * price)

    def _transcript(self, path: Path) -> Transcript:
        try:
            return listen(path, self.max_seconds, self._hear)
        except OpenAIError as error:
            # The only refusal that refers to this recording.
            if error.parameter == "file":
                return Transcript("failed", error=f"The file is refused by {self.name}: {error.said}.")
            raise

    def _hear(self, speech: Samples, language: str | None) -> tuple[str, str | None]:
        import openai

        recording = _wav(speech)

        # Models named gpt-… have no other format, and do not report the language.
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
            return text, _language_code(getattr(heard, "language", None)) or language

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


def _language_code(language: str | None) -> str | None:
    """The ISO 639 code of a language, given as `english` or `en`; None if it is unknown."""
    if language is None:
        return None
    lowered = language.lower()
    return lowered if lowered in _CODES.values() else _CODES.get(lowered)
