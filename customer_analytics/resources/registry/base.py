"""What every model registry guarantees."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import dagster as dg
import pyarrow as pa


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

    `out_of_fold` has the columns TEXT_HASH (string) and SENTIMENT (float64), one row a training text.
    """

    info: ModelVersion
    booster: str
    out_of_fold: pa.Table = field(compare=False)


class ModelRegistry(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Keeps versions of models with their metrics, tags and contents; one version a model is the default."""

    @abstractmethod
    def ensure(self) -> dict[str, str]:
        """Create the registry's objects where absent; their names by kind."""

    @abstractmethod
    def log(self, model: StoredModel) -> None:
        """Add a version and make it the default; the same version again changes nothing but the default."""

    @abstractmethod
    def versions(self, model_name: str) -> list[ModelVersion]:
        """All complete versions, oldest first."""

    @abstractmethod
    def default(self, model_name: str) -> ModelVersion | None:
        """The default version, or None where there is no version."""

    @abstractmethod
    def load(self, model_name: str, version: str | None = None) -> StoredModel:
        """A version's contents (the default's if none is named); raises LookupError where it is not there."""
