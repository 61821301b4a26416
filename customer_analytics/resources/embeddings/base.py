"""What every embedder guarantees."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import dagster as dg
import numpy as np
import numpy.typing as npt

from customer_analytics.resources.spending import Spending


class Embedder(dg.ConfigurableResource, ABC):  # type: ignore[type-arg]
    """Turns texts into vectors of one model.

    A text's vector depends on the text alone: the same bytes come back whatever it is embedded with, in whatever
    order and on however many threads.
    """

    kind: ClassVar[str]  # how the UI labels the assets that an adapter has a part in

    @property
    @abstractmethod
    def model(self) -> str:
        """Name and revision of the model, e.g. `bge-small-en-v1.5-int8`; part of a collection's physical name."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """Length of each vector."""

    @abstractmethod
    def describe(self) -> str:
        """One line on the model and whether it is at hand; raises if it cannot be used."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of unit length, shape (len(texts), dimensions), in the order of the texts."""

    def spent(self) -> Spending | None:
        """What a paid service was asked for since this was last called; None where the model is no service."""
        return None
