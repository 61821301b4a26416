"""Labelled texts as training data."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ports.vectors.matrix import Vectors, as_matrix, require_finite


def text_hash(text: str) -> str:
    """SHA-256 of a text in hexadecimal."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, eq=False)
class Labels:
    """Vectors (n, d), labels (n) and text hashes (n) of labelled texts, in any order.

    `contradicting` is the number of texts that were left out because they have both labels.
    """

    vectors: Vectors
    labels: list[int]
    text_hashes: list[str]
    contradicting: int

    @classmethod
    def of(cls, rows: pa.Table) -> "Labels":
        """The labels of a collection's objects, given the columns vector, label and text_hash."""
        labels, hashes = rows["label"].to_pylist(), rows["text_hash"].to_pylist()
        both = set(compress(hashes, labels)) & {
            text for text, label in zip(hashes, labels, strict=True) if not label
        }
        kept = [text not in both for text in hashes]
        vectors = as_matrix(rows["vector"])[np.array(kept, np.bool_)]
        return cls(vectors, list(compress(labels, kept)), list(compress(hashes, kept)), len(both))

    @property
    def examples(self) -> tuple[Vectors, list[int], list[str]]:
        """Vectors, labels and text hashes: the arguments of `train`."""
        return self.vectors, self.labels, self.text_hashes

    @property
    def counts(self) -> tuple[int, int]:
        """Number of distinct negative and positive texts."""
        return label_counts(self.labels, self.text_hashes)


def label_counts(labels: Sequence[int], text_hashes: Sequence[str]) -> tuple[int, int]:
    """Number of distinct negative (0) and positive (1) texts."""
    by_label = [{text for text, of in zip(text_hashes, labels, strict=True) if of == label} for label in (0, 1)]
    return len(by_label[0]), len(by_label[1])


def too_few(counts: tuple[int, int], each: int) -> str:
    """The message for fewer than `each` distinct texts of a label; `counts` has the negative ones first."""
    negative, positive = counts
    return (
        f"{negative:,} distinct texts are labelled 0 (negative) and {positive:,} are labelled 1 (positive), but a "
        f"classifier of your own needs at least {each} of each: `customer-analytics label` offers texts to label."
    )


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Vectors (n, d), labels (n; 0 negative, 1 positive) and text hashes (n), in the order of the text hashes.

    A text may repeat, with the same vector and label each time.
    """

    vectors: Vectors
    labels: npt.NDArray[np.int64]
    text_hashes: npt.NDArray[np.str_]

    @classmethod
    def of(cls, vectors: Vectors, labels: Sequence[int], text_hashes: Sequence[str]) -> "TrainingSet":
        """Sort labelled vectors, so that the input order does not matter.

        Raises:
            ValueError: The lengths differ, a vector is not finite, a label is not 0 or 1, or a text has two labels
                or two vectors.
        """
        if not len(vectors) == len(labels) == len(text_hashes):
            raise ValueError(
                f"{len(vectors)} vectors, {len(labels)} labels and {len(text_hashes)} text hashes do not belong "
                "together; give one of each per text."
            )
        require_finite(vectors, text_hashes)
        unknown = sorted(set(labels) - {0, 1}, key=str)
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not a label; label texts with 0 (negative) or 1 (positive).")
        order = np.argsort(np.asarray(text_hashes, np.str_), kind="stable")
        ordered = cls(
            np.ascontiguousarray(vectors[order], np.float32),
            np.asarray(labels, np.int64)[order],
            np.asarray(text_hashes, np.str_)[order],
        )
        ordered._require_one_label_and_vector_per_text()
        return ordered

    def require_labels(self, each: int) -> None:
        """Raise ValueError unless both labels have at least `each` distinct texts."""
        counts = label_counts(self.labels.tolist(), self.text_hashes.tolist())
        if min(counts) < each:
            raise ValueError(too_few(counts, each))

    def sha256(self) -> str:
        """Hash of the contents; the order of the rows does not matter."""
        digest = hashlib.sha256(f"{self.vectors.shape}".encode())
        digest.update("\n".join(self.text_hashes).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        digest.update(self.vectors.astype("<f4").tobytes())
        return digest.hexdigest()

    def _require_one_label_and_vector_per_text(self) -> None:
        same_text = self.text_hashes[1:] == self.text_hashes[:-1]
        for values, name in ((self.labels[:, None], "label"), (self.vectors, "vector")):
            conflicts = np.flatnonzero(same_text & (values[1:] != values[:-1]).any(axis=1))
            if len(conflicts):
                texts = np.unique(self.text_hashes[conflicts])
                raise ValueError(
                    f"{len(texts)} texts have more than one {name}, the first that with hash {texts[0]}; keep one "
                    f"{name} for each text."
                )
