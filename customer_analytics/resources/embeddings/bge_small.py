"""Embeddings on this machine: BAAI/bge-small-en-v1.5, int8, in ONNX Runtime."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from customer_analytics.model_files import BGE_SMALL_EN, describe, fetch
from customer_analytics.resources.embeddings.base import Embedder

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 256
# Tokenising takes time and memory in proportion to the text; 256 tokens of prose are about 1,300 characters.
MAX_CHARACTERS = 20_000


class BgeSmallEmbedder(Embedder):
    """The local embedding model, for English.

    A text counts with its first 256 tokens (and at most its first 20,000 characters); what is not valid Unicode
    (lone surrogates) and control characters count as nothing. A text with nothing left has the vector of the empty
    text. The model is loaded at the first use and shared by all threads of the process.
    """

    kind: ClassVar[str] = "onnx"

    cache_folder: str = Field(description="Folder of downloaded model files.")
    weights_folder: str | None = Field(
        default=None, description="Folder that holds the model's files, instead of downloading them."
    )
    threads: int = Field(default=2, ge=1, description="Texts embedded at the same time.")

    @property
    def model(self) -> str:
        """Model, quantisation and truncation: each of them changes the vectors."""
        return f"{BGE_SMALL_EN.name}-{MAX_TOKENS}"

    @property
    def dimensions(self) -> int:
        """384."""
        return DIMENSIONS

    def describe(self) -> str:
        """See `Embedder.describe`."""
        return describe(BGE_SMALL_EN, self.cache_folder, self.weights_folder)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`; raises ModelFilesError where the weights cannot be had."""
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        if not texts:
            return vectors
        encoder = _encoder(self.cache_folder, self.weights_folder)
        # One text a call: the quantised graph takes its scales from everything in the call, so that in a batch a
        # vector would depend on its company. Threads make up for it; ONNX Runtime releases the interpreter.
        with ThreadPoolExecutor(self.threads, thread_name_prefix="embed") as threads:
            for row, vector in enumerate(threads.map(encoder.vector, texts)):
                vectors[row] = vector
        return vectors


@dataclass(frozen=True)
class _Encoder:
    tokenizer: "Tokenizer"
    session: "onnxruntime.InferenceSession"

    def vector(self, text: str) -> npt.NDArray[np.float32]:
        ids = np.array([self.tokenizer.encode(_valid_unicode(text[:MAX_CHARACTERS])).ids], np.int64)
        (states,) = self.session.run(
            ["last_hidden_state"],
            {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)},
        )
        first_token: npt.NDArray[np.float32] = states[0, 0]
        return first_token / np.linalg.norm(first_token)


def _valid_unicode(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones replaced; the tokenizer refuses both."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_loading = threading.Lock()


def _encoder(cache_folder: str, weights_folder: str | None) -> _Encoder:
    with _loading:
        return _load(cache_folder, weights_folder)


@cache
def _load(cache_folder: str, weights_folder: str | None) -> _Encoder:
    import onnxruntime
    from tokenizers import Tokenizer

    files = fetch(BGE_SMALL_EN, cache_folder, weights_folder)
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(files["model.onnx"]), options, providers=["CPUExecutionProvider"])
    return _Encoder(tokenizer, session)
