"""Speech recognition on this machine: OpenAI's own Whisper, on torch."""

import importlib.util
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from customer_analytics.model_files import WHISPER_BASE, WHISPER_TINY_EN, ModelFilesError, describe, fetch
from customer_analytics.model_files.verify import sha256
from customer_analytics.ports.speech.base import Transcriber, Transcript
from customer_analytics.ports.speech.ctranslate2_weights import checkpoint, read_variables
from customer_analytics.ports.speech.listening import Samples, listen

if TYPE_CHECKING:
    from whisper import Whisper

_PINNED = {"tiny.en": WHISPER_TINY_EN, "base": WHISPER_BASE}


@dataclass(kw_only=True, eq=False)
class OpenAIWhisperTranscriber(Transcriber):
    """Whisper in single precision, greedy decoding, on a CUDA device if torch finds one.

    `tiny.en` and `base` use the same pinned files as faster-whisper. For any other name, the library downloads the
    checkpoint from OpenAI and verifies it; a name that ends in `.pt` is the path of a checkpoint. Audio is decoded
    without the ffmpeg program. The model is loaded on first use and shared by the threads of the process, which
    take turns.
    """

    kind: ClassVar[str] = "whisper"
    cache_folder: str
    weights: str = "tiny.en"
    weights_folder: str | None = None
    max_seconds: float = 7200

    @property
    def model(self) -> str:
        """Library and weights; a checkpoint file is identified by its hash."""
        if self.weights.endswith(".pt"):
            return f"openai-whisper-{Path(self.weights).stem}-{_contents(self.weights)[:12]}"
        return f"openai-whisper-{self.weights}"

    def describe(self) -> str:
        """See `Transcriber.describe`."""
        if importlib.util.find_spec("whisper") is None:
            raise ModuleNotFoundError(
                "openai-whisper is not installed: pip install 'customer-analytics[openai-whisper]'."
            )
        if self.weights in _PINNED:
            return describe(_PINNED[self.weights], self.cache_folder, self.weights_folder)
        if self.weights.endswith(".pt"):
            return f"{self.model} in {self.weights}"
        import whisper

        if self.weights not in whisper.available_models():
            raise ModelFilesError(
                f"{self.weights!r} is no Whisper model: choose one of {', '.join(whisper.available_models())}, or "
                "the path of a .pt file, with CUSTOMER_ANALYTICS_SPEECH_MODEL."
            )
        return f"{self.model}, downloaded from OpenAI on first use unless it is in {_downloads(self.cache_folder)}"

    def transcribe(self, paths: Iterable[Path]) -> Iterator[Transcript]:
        """See `Transcriber.transcribe`; raises ModelFilesError if the weights are not available."""
        return (listen(path, self.max_seconds, self._hear) for path in paths)

    def _hear(self, speech: Samples, language: str | None) -> tuple[str, str | None]:
        import torch
        from whisper import transcribe

        # The network keeps intermediate results in hooks while it decodes, so only one thread may use it.
        with _one_at_a_time:
            # On busy cores, torch's threads wait for each other: two take three times as long as one.
            torch.set_num_threads(1)
            whisper = _load(self.weights, self.cache_folder, self.weights_folder)
            with torch.inference_mode():
                heard = transcribe(
                    whisper,
                    speech,
                    language=language,
                    temperature=0.0,
                    # Earlier text must not prompt the decoder: it would repeat a misheard sentence.
                    condition_on_previous_text=False,
                    fp16=False,
                )
        return str(heard["text"]), str(heard["language"])


_one_at_a_time = threading.Lock()


@cache
def _contents(path: str) -> str:
    if not Path(path).is_file():
        raise ModelFilesError(f"{path} is absent: name a Whisper checkpoint with CUSTOMER_ANALYTICS_SPEECH_MODEL.")
    return sha256(Path(path))


def _downloads(cache_folder: str) -> str:
    return str(Path(cache_folder, "openai-whisper"))


@cache
def _load(weights: str, cache_folder: str, weights_folder: str | None) -> "Whisper":
    import whisper

    if weights not in _PINNED:
        try:
            return whisper.load_model(weights, download_root=_downloads(cache_folder))
        except (OSError, RuntimeError) as error:
            raise ModelFilesError(
                f"The Whisper checkpoint {weights} is not available ({error}): connect this machine to OpenAI's "
                f"server once, or copy the file into {_downloads(cache_folder)}."
            ) from error
    import torch
    from whisper.model import ModelDimensions

    files = fetch(_PINNED[weights], cache_folder, weights_folder)
    dimensions, parameters = checkpoint(read_variables(files["model.bin"]))
    network = whisper.Whisper(ModelDimensions(**dimensions))
    network.load_state_dict({name: torch.tensor(values) for name, values in parameters.items()})
    return network.to("cuda" if torch.cuda.is_available() else "cpu")
