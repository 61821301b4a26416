"""The reranker: cross-encoder/ms-marco-MiniLM-L-12-v2, int8, in ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import dataclass

from customer_analytics.model_files import RERANKER_EN, describe
from customer_analytics.ports.answers.scoring import turns
from customer_analytics.ports.onnx_model import loaded

# A longer query would leave too few tokens for the text.
MAX_QUERY_CHARACTERS = 400
MAX_TEXT_CHARACTERS = 5_000
RELEVANT = -7.0
"""The lowest score of a relevant text; see docs/decisions/0050-search-and-answers.md."""


@dataclass(kw_only=True, eq=False)
class Reranker:
    """Scores how well texts answer a query.

    A score depends on its query and text alone: about 5 for an answer, -11 for an unrelated text. Query and text
    are truncated to 256 tokens together; invalid Unicode is ignored. The model is loaded on first use and shared
    by all threads of the process; `threads` pairs are scored at the same time, over all searches of the process.
    """

    cache_folder: str
    threads: int = 2

    def describe(self) -> str:
        """One line on the model and whether it is available; raises ModelFilesError if it cannot be used."""
        return describe(RERANKER_EN, self.cache_folder)

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """The score of each text, in order; the searches of a process take turns.

        Raises:
            ModelFilesError: The weights are not available.
            BusyError: Too many searches are waiting already.
        """
        if not texts:
            return []
        model = loaded(RERANKER_EN, self.cache_folder)

        def score(text: str) -> float:
            return float(model.output(query[:MAX_QUERY_CHARACTERS], text[:MAX_TEXT_CHARACTERS])[0, 0])

        # One pair per call, see `OnnxModel.output`; threads make up for it.
        return turns(self.threads).scores(score, texts)

    def waiting(self) -> int:
        """Number of searches of this process that are scored or wait for it."""
        return turns(self.threads).waiting
