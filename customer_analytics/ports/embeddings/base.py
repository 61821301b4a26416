"""The embedder port."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from customer_analytics.ports.spending import Spending


class Embedder(ABC):
    """Embeds texts with one model.

    A text's vector depends on the text alone: it is the same, byte for byte, whatever the other texts, their order
    and the number of threads.
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
        """One line on the model and whether it is available; raises if it cannot be used."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of unit length, shape (len(texts), dimensions), in the order of the texts."""

    def spent(self) -> Spending | None:
        """Usage of a paid service since the last call; None if the model is not a service."""
        return None
