"""Which adapter stands behind each port, by settings."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg

from customer_analytics.resources.answers.base import Answerer
from customer_analytics.resources.answers.extractive import ExtractiveAnswerer
from customer_analytics.resources.answers.openai import OpenAIAnswerer
from customer_analytics.resources.answers.reranker import Reranker
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.embeddings.bge_small import BgeSmallEmbedder
from customer_analytics.resources.embeddings.openai import OpenAIEmbedder
from customer_analytics.resources.io_manager import SnowflakeIOManager
from customer_analytics.resources.notifications.base import Notifier
from customer_analytics.resources.notifications.log import LogNotifier
from customer_analytics.resources.notifications.webhook import WebhookNotifier
from customer_analytics.resources.openai_service import OpenAIService
from customer_analytics.resources.quality_floor import QualityFloor
from customer_analytics.resources.registry.base import ModelRegistry
from customer_analytics.resources.registry.snowflake_ml import SnowflakeMLRegistry
from customer_analytics.resources.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.resources.reporting import Reporting
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.source import Source
from customer_analytics.resources.speech.base import Transcriber
from customer_analytics.resources.speech.faster_whisper import FasterWhisperTranscriber
from customer_analytics.resources.speech.openai import OpenAITranscriber
from customer_analytics.resources.speech.openai_whisper import OpenAIWhisperTranscriber
from customer_analytics.resources.state_folder import StateFolder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.lance import LanceVectorStore
from customer_analytics.resources.vectors.weaviate import WeaviateVectorStore
from customer_analytics.resources.warehouse.embedded import READER, EmbeddedWarehouse
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.resources.warehouse.snowflake import SnowflakeWarehouse
from customer_analytics.settings import Settings, optional_secret


def resources(settings: Settings, *, reading: bool = False) -> dict[str, Any]:
    """The resources of the code location, by the names under which assets ask for them.

    With `reading`, the warehouse is entered in a role that may only read: for the dashboard, search and answers.
    """
    shared = warehouse(settings, reading=reading)
    scope = Scope.configure_at_launch()
    reranker = Reranker(cache_folder=str(settings.model_cache), threads=settings.embedding_threads)
    return {
        "source": Source(
            uri=settings.source,
            sample_data=str(settings.sample_data),
            maximum_rejected_share=settings.maximum_rejected_share,
            may_become_empty=settings.allow_empty_files,
            call_date_pattern=settings.call_date_pattern,
            time_zone=settings.timezone,
            limits={name: int(value) for name, value in asdict(settings.limits).items()},
        ),
        "state": StateFolder(home=str(settings.home)),
        "reporting": Reporting(time_zone=settings.timezone, statuses_not_sales=list(settings.statuses_not_sales)),
        "warehouse": shared,
        "scope": scope,
        "notifier": notifier(settings),
        "io_manager": SnowflakeIOManager(warehouse=shared, scope=scope),
        "registry": registry(settings, shared),
        "quality_floor": QualityFloor(accuracy=settings.minimum_accuracy, auc=settings.minimum_auc),
        "vector_store": vector_store(settings),
        "embedder": embedder(settings),
        "transcriber": transcriber(settings),
        "reranker": reranker,
        "answerer": answerer(settings, reranker),
    }


def notifier(settings: Settings) -> Notifier:
    """The notifier that the settings name."""
    if settings.notifications == "webhook":
        return WebhookNotifier(url=dg.EnvVar("CUSTOMER_ANALYTICS_WEBHOOK_URL"))
    return LogNotifier()


def as_deployed(spec: dg.AssetSpec, resources: Mapping[str, Any], owner: str) -> dg.AssetSpec:
    """An asset with its owner, and with the adapters' kinds where its own kinds name resources."""
    kinds = {resources[kind].kind if kind in resources else kind for kind in spec.kinds}
    return spec.replace_attributes(kinds=kinds, owners=[owner])


def registry(settings: Settings, warehouse: Warehouse) -> ModelRegistry:
    """The model registry that the settings name."""
    if settings.registry == "snowflake-ml":
        return SnowflakeMLRegistry(warehouse=warehouse, dependencies=settings.snowflake_ml_dependencies)
    return WarehouseRegistry(warehouse=warehouse)


def warehouse(settings: Settings, *, reading: bool = False) -> Warehouse:
    """The warehouse that the settings name; with `reading`, in the role that may only read."""
    if settings.warehouse == "embedded":
        return EmbeddedWarehouse(
            home=str(settings.home),
            url=settings.embedded_endpoint,
            token=dg.EnvVar("CUSTOMER_ANALYTICS_ENDPOINT_TOKEN") if settings.embedded_endpoint else None,
            limits={
                "result_megabytes": settings.endpoint_max_result_megabytes,
                "request_megabytes": settings.endpoint_max_request_megabytes,
                "sessions": settings.endpoint_max_sessions,
                "queued_statements": settings.endpoint_max_queued_statements,
                "memory_megabytes": settings.endpoint_max_memory_megabytes,
            },
            role=READER if reading else None,
            database=settings.database,
            schema_name=settings.schema_name,
            statement_timeout=settings.statement_timeout,
        )
    way, key_file = settings.snowflake_authentication, settings.snowflake_private_key_path
    return SnowflakeWarehouse(
        authentication=way,
        account=settings.snowflake_account,
        user=settings.snowflake_user,
        private_key_path=key_file,
        private_key=dg.EnvVar("SNOWFLAKE_PRIVATE_KEY") if way == "key-pair" and not key_file else None,
        private_key_passphrase=optional_secret("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        token=dg.EnvVar("SNOWFLAKE_TOKEN") if way in ("token", "oauth") else None,
        connection_name=settings.snowflake_connection_name,
        warehouse=settings.snowflake_warehouse,
        role=settings.snowflake_reader_role if reading else settings.snowflake_role,
        database=settings.database if settings.deployment == "production" else f"{settings.database}_DEV",
        schema_name=settings.schema_name,
        statement_timeout=settings.statement_timeout,
    )


def vector_store(settings: Settings) -> VectorStore:
    """The vector store that the settings name."""
    if settings.vectors == "lancedb":
        return LanceVectorStore(path=str(settings.home / "vectors"))
    return WeaviateVectorStore(
        url=dg.EnvVar("WEAVIATE_URL"),
        api_key=dg.EnvVar("WEAVIATE_API_KEY"),
        grpc_host=settings.weaviate_grpc_host,
        grpc_port=settings.weaviate_grpc_port,
        prefix=settings.weaviate_prefix,
    )


def embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name."""
    cache = str(settings.model_cache)
    if settings.embeddings == "local":
        return BgeSmallEmbedder(
            cache_folder=cache, weights_folder=settings.embedding_weights, threads=settings.embedding_threads
        )
    return OpenAIEmbedder(
        service=openai_service(settings),
        name=settings.openai_embedding_model,
        length=settings.openai_embedding_dimensions,
        max_tokens=settings.openai_embedding_max_tokens,
        price=settings.openai_embedding_price,
        requests=settings.openai_requests,
        cache_folder=cache,
    )


def transcriber(settings: Settings) -> Transcriber:
    """The transcriber that the settings name."""
    if settings.speech == "openai":
        return OpenAITranscriber(
            service=openai_service(settings),
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


def answerer(settings: Settings, reranker: Reranker) -> Answerer:
    """The answerer that the settings name."""
    if settings.answers == "extractive":
        return ExtractiveAnswerer(reranker=reranker)
    return OpenAIAnswerer(service=openai_service(settings), name=settings.openai_answer_model)


def openai_service(settings: Settings) -> OpenAIService:
    """The OpenAI API, or the service that the settings name in its place."""
    return OpenAIService(
        api_key=optional_secret("OPENAI_API_KEY"),
        base_url=settings.openai_base_url,
        timeout=settings.openai_timeout,
        retries=settings.openai_retries,
    )
