"""How well texts answer a query: cross-encoder/ms-marco-MiniLM-L-12-v2, int8, in ONNX Runtime."""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from customer_analytics.model_files import RERANKER_EN, describe
from customer_analytics.resources.answers.scoring import turns
from customer_analytics.resources.onnx_model import loaded

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
    threads: int = Field(
        default=2, ge=1, description="Pairs scored at the same time, by all searches of a process."
    )

    def describe(self) -> str:
        """One line on the model and whether it is at hand; raises ModelFilesError if it cannot be used."""
        return describe(RERANKER_EN, self.cache_folder, self.weights_folder)

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """The score of each text, in order; searches of a process take turns.

        Raises:
            ModelFilesError: The weights cannot be had.
            BusyError: Too many searches are waiting already.
        """
        if not texts:
            return []
        model = loaded(RERANKER_EN, self.cache_folder, self.weights_folder)

        def score(text: str) -> float:
            return float(model.output(query[:MAX_QUERY_CHARACTERS], text[:MAX_TEXT_CHARACTERS])[0, 0])

        # One pair a call, see `OnnxModel.output`; threads make up for it.
        return turns(self.threads).scores(score, texts)

    def waiting(self) -> int:
        """How many searches of this process wait for scores or are being served."""
        return turns(self.threads).waiting
