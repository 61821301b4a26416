"""What every model registry guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import dagster as dg
import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.resources.vectors.collection import Collection
from customer_analytics.tables import Table


class DamagedModelError(Exception):
    """Files of a version are missing, or are not the ones that were logged."""


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model, as logged.

    `version` is derived from what the model was made of (training data, parameters, embedding model, library
    versions), so that the same training always gives the same version.
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

    `out_of_fold` has one row a training text: TEXT_HASH (string, unique), LABEL (int64; 0 or 1), and the
    probabilities SENTIMENT and BASELINE (float64), so that a version can be evaluated without its training data.
    """

    info: ModelVersion
    booster: str
    out_of_fold: pa.Table = field(compare=False)


class ModelRegistry(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Keeps versions of models with their metrics, tags and contents; at most one version a model is the default.

    A version is there whole or not at all. Names of models and versions are letters, digits and underscores and do
    not begin with a digit; anything else raises ValueError.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @abstractmethod
    def ensure(self) -> dict[str, str]:
        """Create the registry's objects where absent; their names by kind."""

    @abstractmethod
    def log(self, model: StoredModel) -> None:
        """Add a version and make it the default.

        The same version again changes nothing but the default, and writes damaged files anew.
        """

    @abstractmethod
    def versions(self, model_name: str) -> list[ModelVersion]:
        """All versions, oldest first."""

    @abstractmethod
    def default(self, model_name: str) -> ModelVersion | None:
        """The default version, or None where there is no version, or where it was withdrawn."""

    @abstractmethod
    def withdraw(self, model_name: str) -> None:
        """Leave the model without a default version until one is logged; its versions stay."""

    @abstractmethod
    def load(self, model_name: str, version: str | None = None) -> StoredModel:
        """A version's contents (the default's if none is named).

        Raises:
            LookupError: The version is not there.
            DamagedModelError: Its files are missing or changed.
        """

    @abstractmethod
    def remove(self, model_name: str, version: str) -> None:
        """Remove a version with its files; where it is the default, the latest of the others becomes the default.

        A version that is not there is no error.
        """

    @abstractmethod
    def score(
        self, model: StoredModel, source: Collection, objects: Iterable[pa.RecordBatch], target: Table
    ) -> DataFrame:
        """The rows of a prediction table: the objects of a collection, scored by a version.

        A training text gets the prediction of the fold that did not see it, any other text that of the booster.

        Args:
            model: The version, as loaded.
            source: The collection.
            objects: Its objects as `VectorStore.scan` gives them, with their vectors.
            target: The prediction table: properties of the collection, SENTIMENT, MODEL_VERSION and VECTOR_ID,
                with or without IS_OUT_OF_FOLD.

        Raises:
            ValueError: The vectors are of another embedding model than those that the version was trained on.
        """

    @abstractmethod
    def describe(self) -> str:
        """One line on where the registry is and what it holds; raises if it cannot be used."""
