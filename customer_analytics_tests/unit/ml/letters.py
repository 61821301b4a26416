"""A tiny embedder, and a process that is killed while it embeds."""

import os
import signal
import string
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ml.vectorisation import sync_collection
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.collection import Collection, PropertyType
from customer_analytics.ports.vectors.lance import LanceVectorStore

SCHEMA = pa.schema([("CUSTOMER_ID", pa.int64()), ("DATE", pa.date32()), ("REVIEW_TEXT", pa.string())])
MONDAY, TUESDAY = date(2020, 2, 3), date(2020, 2, 4)


def batch(*rows: tuple[Any, ...]) -> pa.RecordBatch:
    """Source rows of comments."""
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA)


class LetterEmbedder(Embedder):
    """Counts letters instead of running a model, and keeps the texts that it was asked for."""

    def __init__(self) -> None:
        self._texts: list[str] = []

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

    def __init__(self, *, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self.groups == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.groups -= 1
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
