"""The model registry port."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.tables import Table


class DamagedModelError(Exception):
    """Files of a version are missing or damaged."""


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model, as logged.

    `version` is derived from the inputs of the training (training data, parameters, embedding model, library
    versions), so the same training always gives the same version.
    """

    model_name: str
    version: str
    metrics: dict[str, float]
    tags: dict[str, str]
    embedding_model: str
    dimensions: int
    training_data_hash: str
    library_versions: dict[str, str]


@dataclass(frozen=True)
class StoredModel:
    """A version with its contents: the booster in LightGBM's text format, and the out-of-fold predictions.

    `out_of_fold` has one row per training text: TEXT_HASH (string, unique), LABEL (int64; 0 or 1), and the
    probabilities SENTIMENT and BASELINE (float64), so that a version can be evaluated without its training data.
    """

    info: ModelVersion
    booster: str
    out_of_fold: pa.Table = field(compare=False)


class ModelRegistry(ABC):
    """Stores versions of models with metrics, tags and contents; at most one version per model is the default.

    A version is stored atomically. Names of models and versions consist of letters, digits and underscores and do
    not start with a digit; other names raise ValueError.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @abstractmethod
    def ensure(self) -> dict[str, str]:
        """Create the registry's objects if absent; returns their names by kind."""

    @abstractmethod
    def log(self, model: StoredModel) -> None:
        """Add a version and make it the default.

        Logging a version again only makes it the default, and repairs damaged files.
        """

    @abstractmethod
    def versions(self, model_name: str) -> list[ModelVersion]:
        """All versions, oldest first."""

    @abstractmethod
    def default(self, model_name: str) -> ModelVersion | None:
        """The default version; None if there is none or it was withdrawn."""

    @abstractmethod
    def withdraw(self, model_name: str) -> None:
        """Remove the default until the next version is logged; all versions stay."""

    @abstractmethod
    def load(self, model_name: str, version: str | None = None) -> StoredModel:
        """The contents of a version, by default of the default version.

        Raises:
            LookupError: There is no such version.
            DamagedModelError: Its files are missing or damaged.
        """

    @abstractmethod
    def remove(self, model_name: str, version: str) -> None:
        """Remove a version with its files; if it was the default, the latest other version becomes the default.

        A missing version is no error.
        """

    @abstractmethod
    def score(
        self, model: StoredModel, source: Collection, objects: Iterable[pa.RecordBatch], target: Table
    ) -> DataFrame:
        """Score the objects of a collection with a version; returns rows of a prediction table.

        A training text gets the prediction of the fold that did not see it, any other text that of the booster.

        Args:
            model: The version, as loaded.
            source: The collection.
            objects: Its objects with vectors, as `VectorStore.scan` returns them.
            target: The prediction table: properties of the collection, SENTIMENT, MODEL_VERSION and VECTOR_ID,
                with or without IS_OUT_OF_FOLD.

        Raises:
            ValueError: The version was trained on vectors of another embedding model.
        """

    @abstractmethod
    def describe(self) -> str:
        """One line on the registry's location and contents; raises if it cannot be used."""
