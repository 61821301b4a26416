"""Pinned language models in ONNX Runtime, on the CPU."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from customer_analytics.model_files import ModelFiles, fetch

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

MAX_TOKENS = 256


@dataclass(frozen=True)
class OnnxModel:
    """A tokenizer and a graph; thread-safe, and ONNX Runtime releases the GIL while it computes.

    Input is truncated to 256 tokens; of a pair, the longer text is truncated first.
    """

    tokenizer: "Tokenizer"
    session: "onnxruntime.InferenceSession"

    def output(self, text: str, second: str | None = None) -> npt.NDArray[np.float32]:
        """The graph's output for a text or a pair of texts, in a batch of one.

        A quantised graph takes its scales from the whole batch, so in a larger batch a result would depend on the
        other texts. Invalid Unicode is ignored.
        """
        pair = None if second is None else _valid_unicode(second)
        read = self.tokenizer.encode(_valid_unicode(text), pair)
        output: npt.NDArray[np.float32]
        (output,) = self.session.run(
            None,
            {
                "input_ids": np.array([read.ids], np.int64),
                "attention_mask": np.array([read.attention_mask], np.int64),
                "token_type_ids": np.array([read.type_ids], np.int64),
            },
        )
        return output


_loaded: dict[tuple[str, str, str | None], OnnxModel] = {}
_loading = threading.Lock()


def loaded(model: ModelFiles, cache_folder: str, weights_folder: str | None = None) -> OnnxModel:
    """The model, loaded once per process; raises ModelFilesError if its files are not available."""
    key = (model.name, cache_folder, weights_folder)
    with _loading:
        if key not in _loaded:
            _loaded[key] = _load(fetch(model, cache_folder, weights_folder))
        return _loaded[key]


def _load(files: dict[str, Path]) -> OnnxModel:
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(files["model.onnx"]), options, providers=["CPUExecutionProvider"])
    return OnnxModel(tokenizer, session)


def _valid_unicode(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced; the tokenizer accepts neither."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
