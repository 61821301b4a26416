"""Secrets with a mistake in them, which libraries quote in their errors."""

import logging
import sys
import traceback
from collections.abc import Callable

import pytest
from dagster._serdes import serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info

from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ports.openai_service import OpenAIService
from customer_analytics.ports.vectors.weaviate_connection import Address, Connection
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.ports.warehouse.sign_in import check_private_key
from customer_analytics.settings import settings

WORD = "planted-word"
NOWHERE = "http://127.0.0.1:9"


def warehouse(token: str) -> EmbeddedWarehouse:
    return EmbeddedWarehouse(home="", url=NOWHERE, token=token, database="D", schema_name="S")


USES: list[Callable[[], object]] = [
    lambda: OpenAIService(api_key=f"{WORD}\n", base_url=NOWHERE, retries=0).describe("m"),
    lambda: OpenAIService(api_key=f"{WORD}\u20ac", base_url=NOWHERE, retries=0).describe("m"),
    lambda: Connection(Address(NOWHERE), f"{WORD}\r\nX: 1").call(lambda client: client.is_ready(), 0),
    lambda: warehouse(f"{WORD}\n").server(),
    lambda: warehouse(f"{WORD} {WORD}").server(),
    lambda: check_private_key(None, WORD, None),
    lambda: check_private_key(None, f"-----BEGIN PRIVATE KEY-----\n{WORD}\n-----END PRIVATE KEY-----", WORD),
    *(
        lambda url=url: Connection(Address(url), "key").call(lambda client: client.is_ready(), 0)  # type: ignore[misc]
        for url in (
            f"http://user:{WORD}@[::1",
            f"http://user:{WORD}@127.0.0.1:port",
            f"http://user:{WORD}/more@127.0.0.1",
            f"http://:{WORD}@127.0.0.1:9",
            f"http://127.0.0.1:9/?key={WORD}",
            f"http://user:{WORD}@\u2100.example",
            f"{WORD}@127.0.0.1",
        )
    ),
    *(
        lambda uri=uri: SourceLocation.open(uri)  # type: ignore[misc]
        for uri in (
            f"s3:/key:{WORD}@bucket",
            f"s3:///key:{WORD}@bucket",
            f"s3//key:{WORD}@bucket",
            f"s3://key:{WORD}/more@bucket",
            f"key:{WORD}@bucket",
            f"https://user:{WORD}@host/folder",
        )
    ),
]


@pytest.mark.parametrize("use", USES, ids=map(str, range(len(USES))))
def test_a_malformed_secret_is_in_no_error_and_no_log(
    use: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises((ValueError, RuntimeError, SourceError)):
        try:
            use()
        except Exception:
            stored = serializable_error_info_from_exc_info(sys.exc_info())
            raise
    assert WORD not in stored.to_string() + serialize_value(stored) + caplog.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", f"https://user:{WORD}@example.com/v1"),
        ("OPENAI_BASE_URL", f"https://user:{WORD}@[::1"),
        ("OPENAI_BASE_URL", f"https://user:{WORD}/v1@example.com"),
        ("OPENAI_BASE_URL", f"user:{WORD}@example.com/v1"),
        ("OPENAI_BASE_URL", f"https://example.com/v1?key={WORD}"),
        ("OPENAI_BASE_URL", f"https://user:{WORD}@\u2100.example/"),
        ("CUSTOMER_ANALYTICS_EMBEDDED_ENDPOINT", f"http://user:{WORD}@endpoint:8080"),
        ("CUSTOMER_ANALYTICS_DAGSTER_URL", f"http://user:{WORD}@127.0.0.1:port"),
        ("CUSTOMER_ANALYTICS_ALLOWED_HOSTS", f"user:{WORD}@analytics.example.com"),
        ("SNOWFLAKE_PRIVATE_KEY_PATH", f"-----BEGIN PRIVATE KEY-----\n{WORD}"),
    ],
)
def test_a_setting_that_holds_a_secret_is_refused_without_being_quoted(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings.cache_clear()
    with pytest.raises(ValueError, match=variable) as refused:
        settings()
    assert WORD not in "".join(traceback.format_exception(refused.value))
