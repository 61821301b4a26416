"""The adapters that the settings name. Dagster's resources, the CLI and the dashboard all get them here."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Self

from customer_analytics.ingestion.source import Source
from customer_analytics.ports.answers.base import Answerer
from customer_analytics.ports.answers.extractive import ExtractiveAnswerer
from customer_analytics.ports.answers.openai import OpenAIAnswerer
from customer_analytics.ports.answers.reranker import Reranker
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.ports.embeddings.openai import OpenAIEmbedder
from customer_analytics.ports.notifications.base import Notifier
from customer_analytics.ports.notifications.log import LogNotifier
from customer_analytics.ports.notifications.webhook import WebhookNotifier
from customer_analytics.ports.openai_service import OpenAIService
from customer_analytics.ports.registry.base import ModelRegistry
from customer_analytics.ports.registry.snowflake_ml import SnowflakeMLRegistry
from customer_analytics.ports.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.ports.speech.base import Transcriber
from customer_analytics.ports.speech.faster_whisper import FasterWhisperTranscriber
from customer_analytics.ports.speech.openai import OpenAITranscriber
from customer_analytics.ports.speech.openai_whisper import OpenAIWhisperTranscriber
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.lance import LanceVectorStore
from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.connections import OUTSIDE_OF_RUNS
from customer_analytics.ports.warehouse.embedded import READER, EmbeddedWarehouse
from customer_analytics.ports.warehouse.snowflake import SnowflakeWarehouse
from customer_analytics.settings import Settings, secret
from customer_analytics.temporary import StateFolder

_TOKEN = "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"
PORTS = (
    *("source", "state", "warehouse", "registry", "vector_store", "embedder", "transcriber"),
    *("reranker", "answerer", "notifier"),
)
"""Properties of `Adapters`."""


class UnsetSecretError(ValueError):
    """The environment variables of required secrets are not set."""

    def __init__(self, variables: Iterable[str]) -> None:
        super().__init__(f"Set {' and '.join(variables)}.")


class Adapters:
    """The adapters of a process, each made when it is first used.

    Args:
        settings: Which adapters, and their options.
        secret: Returns a secret by the name of its variable, or None if it is not set.
        read_only: Whether the warehouse connects with the read-only role.
        run_id: The run that the warehouse works for.
        current_asset: See `Warehouse`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        secret: Callable[[str], str | None] = secret,
        read_only: bool = False,
        run_id: str = OUTSIDE_OF_RUNS,
        current_asset: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.settings = settings
        self._secret = secret
        self._read_only = read_only
        self._run_id = run_id
        self._current_asset = current_asset

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections of the adapters that were used; the next use opens them again."""
        for adapter in list(vars(self).values()):
            if isinstance(adapter, Warehouse | VectorStore):
                adapter.close()

    @cached_property
    def source(self) -> Source:
        """The source data."""
        settings = self.settings
        return Source(
            uri=settings.source,
            sample_data=str(settings.sample_data),
            maximum_rejected_share=settings.maximum_rejected_share,
            may_become_empty=settings.allow_empty_files,
            call_date_pattern=settings.call_date_pattern,
            time_zone=settings.timezone,
            limits=settings.limits,
        )

    @cached_property
    def state(self) -> StateFolder:
        """The state folder."""
        return StateFolder(self.settings.home)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The warehouse."""
        settings = self.settings
        shared: dict[str, Any] = {
            "schema_name": settings.schema_name,
            "statement_timeout": settings.statement_timeout,
            "run_id": self._run_id,
            "current_asset": self._current_asset,
        }
        if settings.warehouse == "embedded":
            return EmbeddedWarehouse(
                home=str(settings.home),
                url=settings.embedded_endpoint,
                token=self._required("CUSTOMER_ANALYTICS_ENDPOINT_TOKEN")[0]
                if settings.embedded_endpoint
                else None,
                limits=settings.endpoint_limits,
                role=READER if self._read_only else None,
                database=settings.database,
                **shared,
            )
        method, key_file = settings.snowflake_authentication, settings.snowflake_private_key_path
        needs_key, needs_token = method == "key-pair" and not key_file, method in ("token", "oauth")
        return SnowflakeWarehouse(
            authentication=method,
            account=settings.snowflake_account,
            user=settings.snowflake_user,
            private_key_path=key_file,
            private_key=self._required("SNOWFLAKE_PRIVATE_KEY")[0] if needs_key else None,
            private_key_passphrase=self._secret("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE") or None,
            token=self._required("SNOWFLAKE_TOKEN")[0] if needs_token else None,
            connection_name=settings.snowflake_connection_name,
            warehouse=settings.snowflake_warehouse,
            role=settings.snowflake_reader_role if self._read_only else settings.snowflake_role,
            database=settings.database if settings.deployment == "production" else f"{settings.database}_DEV",
            **shared,
        )

    @cached_property
    def registry(self) -> ModelRegistry:
        """The model registry."""
        if self.settings.registry == "snowflake-ml":
            return SnowflakeMLRegistry(
                warehouse=self.warehouse, dependencies=self.settings.snowflake_ml_dependencies
            )
        return WarehouseRegistry(warehouse=self.warehouse)

    @cached_property
    def vector_store(self) -> VectorStore:
        """The vector store."""
        settings = self.settings
        if settings.vectors == "lancedb":
            return LanceVectorStore(path=str(settings.home / "vectors"))
        url, api_key = self._required("WEAVIATE_URL", "WEAVIATE_API_KEY")
        return WeaviateVectorStore(
            url=url,
            api_key=api_key,
            grpc_host=settings.weaviate_grpc_host,
            grpc_port=settings.weaviate_grpc_port,
            prefix=settings.weaviate_prefix,
        )

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder."""
        settings, cache_folder = self.settings, str(self.settings.model_cache)
        if settings.embeddings == "local":
            return BgeSmallEmbedder(
                cache_folder=cache_folder,
                weights_folder=settings.embedding_weights,
                threads=settings.embedding_threads,
            )
        return OpenAIEmbedder(
            service=self._openai(),
            name=settings.openai_embedding_model,
            length=settings.openai_embedding_dimensions,
            max_tokens=settings.openai_embedding_max_tokens,
            price=settings.openai_embedding_price,
            requests=settings.openai_requests,
            cache_folder=cache_folder,
        )

    @cached_property
    def transcriber(self) -> Transcriber:
        """The transcriber."""
        settings = self.settings
        if settings.speech == "openai":
            return OpenAITranscriber(
                service=self._openai(),
                name=settings.openai_speech_model,
                price=settings.openai_speech_price,
                max_seconds=settings.limits.call_seconds,
            )
        local = FasterWhisperTranscriber if settings.speech == "faster-whisper" else OpenAIWhisperTranscriber
        return local(
            cache_folder=str(settings.model_cache),
            weights=settings.speech_model,  # type: ignore[arg-type]  # Settings has checked the name
            weights_folder=settings.speech_weights,
            max_seconds=settings.limits.call_seconds,
        )

    @cached_property
    def reranker(self) -> Reranker:
        """The reranker of searches and extractive answers."""
        return Reranker(cache_folder=str(self.settings.model_cache), threads=self.settings.embedding_threads)

    @cached_property
    def answerer(self) -> Answerer:
        """The answerer."""
        if self.settings.answers == "extractive":
            return ExtractiveAnswerer(reranker=self.reranker)
        return OpenAIAnswerer(service=self._openai(), name=self.settings.openai_answer_model)

    @cached_property
    def notifier(self) -> Notifier:
        """The notifier."""
        if self.settings.notifications == "webhook":
            return WebhookNotifier(url=self._required("CUSTOMER_ANALYTICS_WEBHOOK_URL")[0])
        return LogNotifier()

    def _openai(self) -> OpenAIService:
        return OpenAIService(
            api_key=self._secret("OPENAI_API_KEY") or None,
            base_url=self.settings.openai_base_url,
            timeout=self.settings.openai_timeout,
            retries=self.settings.openai_retries,
        )

    def _required(self, *variables: str) -> list[str]:
        values = {variable: self._secret(variable) for variable in variables}
        if unset := [variable for variable, value in values.items() if value is None]:
            raise UnsetSecretError(unset)
        return [str(value) for value in values.values()]


def plan(settings: Settings) -> tuple[dict[str, Any], set[str]]:
    """The adapters by port, with placeholders for secrets, and the variables of the secrets that they need."""
    needed: set[str] = set()

    def placeholder(variable: str) -> str:
        needed.add(variable)
        return variable

    adapters = Adapters(settings, secret=placeholder)
    return {port: getattr(adapters, port) for port in PORTS}, needed
