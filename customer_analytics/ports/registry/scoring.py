"""Scoring of texts with a stored classifier."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ports.registry.base import ModelVersion, StoredModel
from customer_analytics.ports.vectors.matrix import Vectors, as_matrix, require_finite
from customer_analytics.tables import Table

_NOT_FROM_OBJECTS = {"SENTIMENT": None, "IS_OUT_OF_FOLD": False, "MODEL_VERSION": None}
SENTIMENT = "SENTIMENT"
IS_OUT_OF_FOLD = "IS_OUT_OF_FOLD"


def require_vectors_of(info: ModelVersion, embedding_model: str, dimensions: int) -> None:
    """Raise ValueError if a version was trained on other vectors than these."""
    if (embedding_model, dimensions) != (info.embedding_model, info.dimensions):
        raise ValueError(
            f"{info.model_name} {info.version} was trained on vectors of {info.embedding_model} with "
            f"{info.dimensions} dimensions and cannot score those of {embedding_model} with {dimensions}; "
            "train it on the new vectors first."
        )


def without_sentiment(batches: Iterable[pa.RecordBatch], target: Table) -> Iterator[pa.RecordBatch]:
    """Objects of a collection as rows of a prediction table without sentiment, if there is no classifier."""
    for batch in batches:
        columns = {name.upper(): batch[name] for name in batch.schema.names}
        columns["VECTOR_ID"] = columns["ID"]
        columns |= {name: pa.array([value] * batch.num_rows) for name, value in _NOT_FROM_OBJECTS.items()}
        yield pa.RecordBatch.from_arrays(
            [columns[field.name].cast(field.type) for field in target.arrow_schema], schema=target.arrow_schema
        )


class Scorer:
    """A stored classifier, ready to score vectors of the embedding model that it was trained on.

    A text's score depends only on the text and its vector. For a training text it is the prediction of the fold
    that did not see the text, for any other that of the booster.
    """

    def __init__(self, model: StoredModel, *, embedding_model: str, dimensions: int) -> None:
        """Load the booster; raises ValueError if it was trained on other vectors than these."""
        import lightgbm

        require_vectors_of(model.info, embedding_model, dimensions)
        self._dimensions = dimensions
        self._booster = lightgbm.Booster(model_str=model.booster)
        self._texts = pc.cast(model.out_of_fold["TEXT_HASH"].combine_chunks(), pa.string())
        self._out_of_fold: npt.NDArray[np.float64] = model.out_of_fold[SENTIMENT].to_numpy()

    def score(
        self, vectors: Vectors, text_hashes: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """P(positive) of each text, and whether the text is a training text.

        Raises:
            ValueError: A vector is not finite, or the shapes do not match each other or the model.
        """
        if vectors.shape != (len(text_hashes), self._dimensions):
            raise ValueError(
                f"Vectors of shape {vectors.shape} do not belong to {len(text_hashes)} texts of "
                f"{self._dimensions} dimensions; give one vector of the model's embedding per text."
            )
        require_finite(vectors, text_hashes)
        known = pc.index_in(pa.array(text_hashes, pa.string()), self._texts)
        is_out_of_fold: npt.NDArray[np.bool_] = pc.is_valid(known).to_numpy(zero_copy_only=False)
        sentiment = np.empty(len(text_hashes), np.float64)
        sentiment[is_out_of_fold] = self._out_of_fold[known.drop_null().to_numpy()]
        if not is_out_of_fold.all():
            sentiment[~is_out_of_fold] = self._booster.predict(vectors[~is_out_of_fold], num_threads=1)
        return sentiment, is_out_of_fold

    def score_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of a collection with the columns SENTIMENT and IS_OUT_OF_FOLD in place of `vector`.

        Only one batch is held at a time. Its `text_hash` is the hash of the text.
        """
        for batch in batches:
            sentiment, is_out_of_fold = self.score(as_matrix(batch["vector"]), batch["text_hash"].to_pylist())
            yield (
                batch.drop_columns(["vector"])
                .append_column(SENTIMENT, pa.array(sentiment))
                .append_column(IS_OUT_OF_FOLD, pa.array(is_out_of_fold))
            )
