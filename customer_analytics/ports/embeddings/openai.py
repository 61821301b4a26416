"""Embeddings by the OpenAI API or a compatible service."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.embeddings.token_limit import first_bytes, first_tokens
from customer_analytics.ports.openai_service import OpenAIError, OpenAIService
from customer_analytics.ports.spending import Meter, Spending

if TYPE_CHECKING:
    import openai
    from openai.types import CreateEmbeddingResponse


class _Known(NamedTuple):
    """Length of a model's vectors, and US dollars per million tokens."""

    dimensions: int
    price: float


# OpenAI's list prices (platform.openai.com/docs/pricing) as of June 2026.
_OPENAI_MODELS = {
    "text-embedding-3-small": _Known(1536, 0.02),
    "text-embedding-3-large": _Known(3072, 0.13),
    "text-embedding-ada-002": _Known(1536, 0.10),
}

# The API's limits on one request.
_TEXTS_A_REQUEST = 2048
_TOKENS_A_REQUEST = 300_000


@dataclass(kw_only=True, eq=False)
class OpenAIEmbedder(Embedder):
    """An embedding model behind the OpenAI API.

    Texts are truncated to `max_tokens` tokens, counted exactly for OpenAI's models and as UTF-8 bytes, which are
    never fewer, for others. Lone surrogates become the replacement character, and an empty text one space, because
    the API refuses it.

    OpenAI does not guarantee identical vectors for identical requests, so the port's guarantee holds only as far
    as the service's. A text that a collection holds is not requested again.

    Attributes:
        service: The service.
        name: The model, as the service calls it.
        length: Length of the vectors; by default the model's own. OpenAI's third generation can shorten them.
        max_tokens: Tokens of a text that are embedded.
        price: US dollars per million tokens; by default OpenAI's list price.
        cache_folder: Folder of model files, for the vocabulary by which long texts are truncated.
        requests: Number of parallel requests.
        texts_a_request: Texts per request.
    """

    kind: ClassVar[str] = "openai"
    service: OpenAIService
    name: str = "text-embedding-3-small"
    length: int | None = None
    max_tokens: int = 8191
    price: float | None = None
    cache_folder: str
    requests: int = 4
    # Collections are written in groups of 256 rows: four parallel requests are faster than one large one.
    texts_a_request: int = 64
    _meter: Meter = field(default_factory=Meter, init=False, repr=False)

    @property
    def model(self) -> str:
        """Model and truncation, each of which changes the vectors."""
        return f"{self.name.replace('/', '-')}-{self.max_tokens}"

    @property
    def dimensions(self) -> int:
        """The configured length, or the model's own."""
        if self.length is not None:
            return self.length
        if self.name not in _OPENAI_MODELS:
            raise ValueError(
                f"{self.name} is none of {', '.join(_OPENAI_MODELS)}: set the length of its vectors with "
                "CUSTOMER_ANALYTICS_OPENAI_EMBEDDING_DIMENSIONS."
            )
        return _OPENAI_MODELS[self.name].dimensions

    def describe(self) -> str:
        """See `Embedder.describe`; requests one vector."""
        self.embed(["ok"])
        return f"{self.model} in {self.dimensions} dimensions at {self.service.base_url}"

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Embedder.embed`.

        Raises:
            OpenAIError: The service did not return the vectors.
            ModelFilesError: The vocabulary, which truncation needs, is not available.
        """
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        batches = list(self._batches(texts))
        # If one request fails, the queued ones are not sent.
        with ThreadPoolExecutor(self.requests, thread_name_prefix="embed") as threads:
            start = 0
            for rows in threads.map(self._request, batches):
                vectors[start : start + len(rows)] = rows
                start += len(rows)
        return vectors

    def spent(self) -> Spending:
        """See `Embedder.spent`; tokens as counted by the service."""
        tokens = int(self._meter.take())
        price = self.price
        if price is None and self.name in _OPENAI_MODELS:
            price = _OPENAI_MODELS[self.name].price
        return Spending(tokens, "tokens", None if price is None else tokens * price / 1e6)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The texts as they are sent, in batches within the API's limits."""
        batch: list[str] = []
        tokens = 0
        for text in texts:
            accepted = self._accepted(text)
            at_most = min(len(accepted.encode()), self.max_tokens)  # a token is at least one byte
            if batch and (len(batch) == self.texts_a_request or tokens + at_most > _TOKENS_A_REQUEST):
                yield batch
                batch, tokens = [], 0
            batch.append(accepted)
            tokens += at_most
        if batch:
            yield batch

    def _accepted(self, text: str) -> str:
        valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if self.name in _OPENAI_MODELS:
            return first_tokens(valid, self.max_tokens, self.cache_folder) or " "
        return first_bytes(valid, self.max_tokens) or " "

    def _request(self, texts: list[str]) -> npt.NDArray[np.float32]:
        import openai

        # A service whose model has a fixed length may refuse the parameter.
        known = _OPENAI_MODELS.get(self.name)
        shorter = known is not None and self.dimensions != known.dimensions

        def request(client: "openai.OpenAI") -> npt.NDArray[np.float32]:
            response = client.embeddings.create(
                model=self.name, input=texts, dimensions=self.dimensions if shorter else openai.omit
            )
            return self._vectors(response, len(texts))

        return self.service.ask(request)

    def _vectors(self, response: "CreateEmbeddingResponse", count: int) -> npt.NDArray[np.float32]:
        """Unit vectors in the order of the texts; raises ValueError if the answer does not contain them."""
        if sorted(item.index for item in response.data) != list(range(count)):
            raise ValueError(f"{len(response.data)} vectors for {count} texts, or not one for each")
        in_order = sorted(response.data, key=lambda item: item.index)
        vectors = np.array([item.embedding for item in in_order], np.float64)
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise ValueError("vectors that are not lists of numbers")
        if vectors.shape[1] != self.dimensions:
            raise OpenAIError(
                f"{self.name} at {self.service.base_url} gives vectors of length {vectors.shape[1]}, not "
                f"{self.dimensions}: correct CUSTOMER_ANALYTICS_OPENAI_EMBEDDING_DIMENSIONS."
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ValueError("vectors that are zero or not finite")
        if response.usage is not None:
            self._meter.add(response.usage.total_tokens)
        unit: npt.NDArray[np.float32] = (vectors / lengths).astype(np.float32)
        return unit
