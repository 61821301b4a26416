"""A tiny embedder, and a process that is killed while it embeds."""

import os
import signal
import string
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import PrivateAttr

from customer_analytics.ml.vectorisation import sync_collection
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.collection import Collection, PropertyType
from customer_analytics.resources.vectors.lance import LanceVectorStore


class LetterEmbedder(Embedder):
    """Counts letters instead of running a model, and keeps the texts that it was asked for."""

    _texts: list[str] = PrivateAttr(default_factory=list)

    @property
    def model(self) -> str:
        return "letters-1"

    @property
    def dimensions(self) -> int:
        return len(string.ascii_lowercase) + 1

    def describe(self) -> str:
        return "letters"

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self._texts += texts
        counts = [[1, *(text.lower().count(letter) for letter in string.ascii_lowercase)] for text in texts]
        vectors = np.array(counts, dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def asked(self) -> list[str]:
        """The texts embedded since this was last asked."""
        texts, self._texts = self._texts, []
        return texts


class MortalEmbedder(LetterEmbedder):
    """Is killed, with its process, when it has embedded some groups and is asked for another."""

    groups: int

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self.groups == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        object.__setattr__(self, "groups", self.groups - 1)
        return super().embed(texts)


COMMENTS = Collection(
    "CustomerComment",
    {"customer_id": PropertyType.INTEGER, "date": PropertyType.DATE, "review_text": PropertyType.TEXT},
    "review_text",
    "letters-1",
    27,
)


def sync_and_die(path: str, batches: list[pa.RecordBatch], groups: int) -> None:
    """Sync and be killed after some groups."""
    sync_collection(LanceVectorStore(path=path), MortalEmbedder(groups=groups), COMMENTS, batches)
