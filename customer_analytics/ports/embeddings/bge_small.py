"""Embeddings on this machine: BAAI/bge-small-en-v1.5, int8, in ONNX Runtime."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from customer_analytics.model_files import BGE_SMALL_EN, describe
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.onnx_model import MAX_TOKENS, OnnxModel, loaded

DIMENSIONS = 384
# Tokenising takes time and memory in proportion to the text; 256 tokens of prose are about 1,300 characters.
MAX_CHARACTERS = 20_000


@dataclass(kw_only=True, eq=False)
class BgeSmallEmbedder(Embedder):
    """The local embedding model, for English.

    Texts are truncated to 256 tokens (and to 20,000 characters before that); invalid Unicode (lone surrogates) and
    control characters are ignored. A text with nothing left has the vector of the empty text. The model is loaded
    on first use and shared by all threads of the process; `threads` texts are embedded at the same time.
    """

    kind: ClassVar[str] = "onnx"

    cache_folder: str
    weights_folder: str | None = None
    threads: int = 2

    @property
    def model(self) -> str:
        """Model, quantisation and truncation, each of which changes the vectors."""
        return f"{BGE_SMALL_EN.name}-{MAX_TOKENS}"

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    def describe(self) -> str:
        """See `Embedder.describe`."""
        return describe(BGE_SMALL_EN, self.cache_folder, self.weights_folder)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`; raises ModelFilesError if the weights are not available."""
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        if not texts:
            return vectors
        model = loaded(BGE_SMALL_EN, self.cache_folder, self.weights_folder)
        # One text per call, see `OnnxModel.output`; threads make up for it.
        with ThreadPoolExecutor(self.threads, thread_name_prefix="embed") as threads:
            for row, vector in enumerate(threads.map(lambda text: _vector(model, text), texts)):
                vectors[row] = vector
        return vectors


def _vector(model: OnnxModel, text: str) -> npt.NDArray[np.float32]:
    first_token: npt.NDArray[np.float32] = model.output(text[:MAX_CHARACTERS])[0, 0]
    return first_token / np.linalg.norm(first_token)
