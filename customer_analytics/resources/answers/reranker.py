"""How well texts answer a query: cross-encoder/ms-marco-MiniLM-L-12-v2, int8, in ONNX Runtime."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
from pydantic import Field

from customer_analytics.model_files import RERANKER_EN, describe, fetch

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

MAX_TOKENS = 256
# A query is a question, not an essay: more of it would leave the text no room among the tokens.
MAX_QUERY_CHARACTERS = 400
MAX_TEXT_CHARACTERS = 5_000
RELEVANT = -7.0
"""From this score on a text counts as relevant; see docs/decisions/0050-search-and-answers.md."""


class Reranker(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Reads a query and a text together and scores how well the text answers the query.

    A score depends on its query and text alone: about 5 for a text that answers, -11 for one that has nothing to
    do with it. A text counts with what fits into 256 tokens beside the query; what is not valid Unicode counts as
    nothing. The model is loaded at the first use and shared by all threads of the process.
    """

    cache_folder: str = Field(description="Folder of downloaded model files.")
    weights_folder: str | None = Field(
        default=None, description="Folder that holds the model's files, instead of downloading them."
    )
    threads: int = Field(default=2, ge=1, description="Pairs scored at the same time.")

    def describe(self) -> str:
        """One line on the model and whether it is at hand; raises ModelFilesError if it cannot be used."""
        return describe(RERANKER_EN, self.cache_folder, self.weights_folder)

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """The score of each text, in order; raises ModelFilesError where the weights cannot be had."""
        if not texts:
            return []
        judge = _judge(self.cache_folder, self.weights_folder)
        # One pair a call, because the quantised graph takes its scales from everything in the call: in a batch a
        # score would depend on its company. Threads make up for it; ONNX Runtime releases the interpreter.
        with ThreadPoolExecutor(self.threads, thread_name_prefix="rerank") as threads:
            return list(threads.map(lambda text: judge.score(query, text), texts))


@dataclass(frozen=True)
class _Judge:
    tokenizer: "Tokenizer"
    session: "onnxruntime.InferenceSession"

    def score(self, query: str, text: str) -> float:
        pair = self.tokenizer.encode(
            _valid_unicode(query[:MAX_QUERY_CHARACTERS]), _valid_unicode(text[:MAX_TEXT_CHARACTERS])
        )
        (logits,) = self.session.run(
            None,
            {
                "input_ids": np.array([pair.ids], np.int64),
                "attention_mask": np.array([pair.attention_mask], np.int64),
                "token_type_ids": np.array([pair.type_ids], np.int64),
            },
        )
        return float(logits[0, 0])


def _valid_unicode(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones replaced; the tokenizer refuses both."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_loading = threading.Lock()


def _judge(cache_folder: str, weights_folder: str | None) -> _Judge:
    with _loading:
        return _load(cache_folder, weights_folder)


@cache
def _load(cache_folder: str, weights_folder: str | None) -> _Judge:
    import onnxruntime
    from tokenizers import Tokenizer

    files = fetch(RERANKER_EN, cache_folder, weights_folder)
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)  # of the longer of the two first
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(files["model.onnx"]), options, providers=["CPUExecutionProvider"])
    return _Judge(tokenizer, session)
