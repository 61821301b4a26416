"""Every setting, read from its variable, reaches what it configures."""

from collections.abc import Callable
from typing import Any

import pytest

from customer_analytics.adapters import Adapters
from customer_analytics.resources.adapters import resources
from customer_analytics.settings import Settings

EMBEDDED = {"CUSTOMER_ANALYTICS_WAREHOUSE": "embedded"}
SNOWFLAKE = {"CUSTOMER_ANALYTICS_WAREHOUSE": "snowflake"}
WEAVIATE = {"CUSTOMER_ANALYTICS_VECTORS": "weaviate"}
OPENAI = {
    "CUSTOMER_ANALYTICS_EMBEDDINGS": "openai",
    "CUSTOMER_ANALYTICS_SPEECH": "openai",
    "CUSTOMER_ANALYTICS_ANSWERS": "openai",
}

Found = Callable[[Adapters], Any]


def limit(name: str) -> Found:
    return lambda adapters: getattr(adapters.source.limits, name)


def endpoint(name: str) -> Found:
    return lambda adapters: getattr(adapters.warehouse.limits, name)  # type: ignore[attr-defined]


def of(port: str, name: str) -> Found:
    return lambda adapters: getattr(getattr(adapters, port), name)


def service(name: str) -> Found:
    return lambda adapters: [
        getattr(port.service, name)  # type: ignore[attr-defined]
        for port in (adapters.embedder, adapters.transcriber, adapters.answerer)
    ]


def adapter(port: str) -> Found:
    return lambda adapters: type(getattr(adapters, port)).__name__


def resource(key: str, name: str) -> Found:
    return lambda adapters: getattr(resources(adapters.settings)[key], name)


def setting(name: str) -> Found:
    """For what no adapter has: other tests show what reads it."""
    return lambda adapters: getattr(adapters.settings, name)


C = "CUSTOMER_ANALYTICS_"
REACHED: dict[str, tuple[str, Any, Found, dict[str, str]]] = {
    C + "SOURCE": ("s3://shop/data", "s3://shop/data", of("source", "uri"), {}),
    C + "MAXIMUM_REJECTED_SHARE": ("0.5", 0.5, of("source", "maximum_rejected_share"), {}),
    C + "ALLOW_EMPTY_FILES": ("true", True, of("source", "may_become_empty"), {}),
    C + "MAXIMUM_FILE_MEGABYTES": ("7", 7_000_000, limit("file_bytes"), {}),
    C + "MAXIMUM_ROWS": ("7", 7, limit("rows"), {}),
    C + "MAXIMUM_COLUMNS": ("7", 7, limit("columns"), {}),
    C + "MAXIMUM_REJECTED_ROWS": ("7", 7, limit("rejected"), {}),
    C + "MAXIMUM_CALL_MEGABYTES": ("7", 7_000_000, limit("call_bytes"), {}),
    C + "MAXIMUM_CALL_MINUTES": ("7", 420, of("transcriber", "max_seconds"), {}),
    C + "MAXIMUM_FILES": ("7", 7, limit("files"), {}),
    C + "TIMEZONE": ("Europe/Berlin", "Europe/Berlin", resource("reporting", "time_zone"), {}),
    C + "STATUSES_NOT_SALES": ("lost, void", ["lost", "void"], resource("reporting", "statuses_not_sales"), {}),
    C + "CALL_DATE_PATTERN": (
        r"(?P<year>\d{4})_(?P<month>\d\d)_(?P<day>\d\d)",
        r"(?P<year>\d{4})_(?P<month>\d\d)_(?P<day>\d\d)",
        of("source", "call_date_pattern"),
        {},
    ),
    C + "HOME": ("/state", "/state/vectors", of("vector_store", "path"), {}),
    C + "MODEL_CACHE": ("/models", "/models", of("reranker", "cache_folder"), {}),
    C + "WAREHOUSE": ("snowflake", "SnowflakeWarehouse", adapter("warehouse"), {}),
    C + "EMBEDDED_ENDPOINT": ("http://endpoint:8080", "http://endpoint:8080", of("warehouse", "url"), EMBEDDED),
    C + "ENDPOINT_MAX_RESULT_MEGABYTES": ("7", 7, endpoint("result_megabytes"), EMBEDDED),
    C + "ENDPOINT_MAX_REQUEST_MEGABYTES": ("7", 7, endpoint("request_megabytes"), EMBEDDED),
    C + "ENDPOINT_MAX_SESSIONS": ("7", 7, endpoint("sessions"), EMBEDDED),
    C + "ENDPOINT_MAX_QUEUED_STATEMENTS": ("7", 7, endpoint("queued_statements"), EMBEDDED),
    C + "ENDPOINT_MAX_MEMORY_MEGABYTES": ("7", 7, endpoint("memory_megabytes"), EMBEDDED),
    C + "VECTORS": ("weaviate", "WeaviateVectorStore", adapter("vector_store"), {}),
    C + "WEAVIATE_GRPC_HOST": ("grpc.example.com", "grpc.example.com", of("vector_store", "grpc_host"), WEAVIATE),
    C + "WEAVIATE_GRPC_PORT": ("443", 443, of("vector_store", "grpc_port"), WEAVIATE),
    C + "WEAVIATE_PREFIX": ("Shop", "Shop", of("vector_store", "prefix"), WEAVIATE),
    C + "DATABASE": ("SHOP", "SHOP_DEV", of("warehouse", "database"), SNOWFLAKE),
    C + "DEPLOYMENT": ("production", "CUSTOMER_ANALYTICS", of("warehouse", "database"), SNOWFLAKE),
    C + "SCHEMA": ("MART", "MART", of("warehouse", "schema_name"), {}),
    C + "NOTIFICATIONS": ("webhook", "WebhookNotifier", adapter("notifier"), {}),
    C + "OWNER": ("team:shop", "team:shop", setting("owner"), {}),
    C + "STATEMENT_TIMEOUT": ("7", 7, of("warehouse", "statement_timeout"), {}),
    C + "SNOWFLAKE_AUTHENTICATION": ("browser", "browser", of("warehouse", "authentication"), SNOWFLAKE),
    "SNOWFLAKE_ACCOUNT": ("org-shop", "org-shop", of("warehouse", "account"), SNOWFLAKE),
    "SNOWFLAKE_USER": ("PIPELINE", "PIPELINE", of("warehouse", "user"), SNOWFLAKE),
    "SNOWFLAKE_ROLE": ("WRITER", "WRITER", of("warehouse", "role"), SNOWFLAKE),
    "SNOWFLAKE_READER_ROLE": (
        "VIEWER",
        "VIEWER",
        lambda adapters: Adapters(adapters.settings, secret=str, read_only=True).warehouse.role,
        SNOWFLAKE,
    ),
    "SNOWFLAKE_WAREHOUSE": ("SMALL", "SMALL", of("warehouse", "warehouse"), SNOWFLAKE),
    "SNOWFLAKE_PRIVATE_KEY_PATH": ("/keys/rsa.p8", "/keys/rsa.p8", of("warehouse", "private_key_path"), SNOWFLAKE),
    "SNOWFLAKE_CONNECTION_NAME": ("shop", "shop", of("warehouse", "connection_name"), SNOWFLAKE),
    C + "REGISTRY": ("snowflake-ml", "SnowflakeMLRegistry", adapter("registry"), SNOWFLAKE),
    C + "SNOWFLAKE_ML_DEPENDENCIES": (
        "pip",
        "pip",
        of("registry", "dependencies"),
        {**SNOWFLAKE, C + "REGISTRY": "snowflake-ml"},
    ),
    C + "MINIMUM_ACCURACY": ("0.5", 0.5, resource("quality_floor", "accuracy"), {}),
    C + "MINIMUM_AUC": ("0.5", 0.5, resource("quality_floor", "auc"), {}),
    C + "SPEECH": ("openai-whisper", "OpenAIWhisperTranscriber", adapter("transcriber"), {}),
    C + "SPEECH_MODEL": ("base", "base", of("transcriber", "weights"), {}),
    C + "SPEECH_WEIGHTS": ("/weights", "/weights", of("transcriber", "weights_folder"), {}),
    C + "EMBEDDINGS": ("openai", "OpenAIEmbedder", adapter("embedder"), {}),
    C + "EMBEDDING_WEIGHTS": ("/weights", "/weights", of("embedder", "weights_folder"), {}),
    C + "EMBEDDING_THREADS": ("7", 7, of("embedder", "threads"), {}),
    C + "ANSWERS": ("openai", "OpenAIAnswerer", adapter("answerer"), {}),
    "OPENAI_BASE_URL": ("http://llm:8000/v1", ["http://llm:8000/v1"] * 3, service("base_url"), OPENAI),
    C + "OPENAI_TIMEOUT": ("7", [7.0] * 3, service("timeout"), OPENAI),
    C + "OPENAI_RETRIES": ("7", [7] * 3, service("retries"), OPENAI),
    C + "OPENAI_REQUESTS": ("7", 7, of("embedder", "requests"), OPENAI),
    C + "OPENAI_EMBEDDING_MODEL": ("bge-m3", "bge-m3", of("embedder", "name"), OPENAI),
    C + "OPENAI_EMBEDDING_DIMENSIONS": ("256", 256, of("embedder", "dimensions"), OPENAI),
    C + "OPENAI_EMBEDDING_MAX_TOKENS": ("7", 7, of("embedder", "max_tokens"), OPENAI),
    C + "OPENAI_EMBEDDING_PRICE": ("0.5", 0.5, of("embedder", "price"), OPENAI),
    C + "OPENAI_SPEECH_MODEL": ("whisper-large", "whisper-large", of("transcriber", "name"), OPENAI),
    C + "OPENAI_SPEECH_PRICE": ("0.5", 0.5, of("transcriber", "price"), OPENAI),
    C + "OPENAI_ANSWER_MODEL": ("chat", "chat", of("answerer", "name"), OPENAI),
    C + "DAGSTER_URL": ("http://dagster:3000", "http://dagster:3000", setting("dagster_url"), {}),
    C + "ALLOWED_HOSTS": ("shop.example.com", ("shop.example.com",), setting("allowed_hosts"), {}),
    C + "EXECUTOR": ("kubernetes", "kubernetes", setting("executor"), {}),
    C + "BUCKETS": ("7", 7, setting("buckets"), {}),
}


def test_every_setting_is_tried() -> None:
    names = {field.alias or C + name.upper() for name, field in Settings.model_fields.items()}
    assert set(REACHED) == names


@pytest.mark.parametrize("variable", REACHED)
def test_a_setting_reaches_what_it_configures(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value, expected, found, needed = REACHED[variable]
    for name in REACHED:
        monkeypatch.delenv(name, raising=False)
    for name, other in needed.items():
        monkeypatch.setenv(name, other)
    assert found(Adapters(Settings(), secret=str)) != expected
    monkeypatch.setenv(variable, value)
    assert found(Adapters(Settings(), secret=str)) == expected
