"""Endpoints of a test's own, and requests that the connector would never send."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import snowflake.connector
from snowflake.connector import SnowflakeConnection

from customer_analytics.embedded_snowflake import Endpoint, EndpointLimits, ensure_running, stop

QUERY = "/queries/v1/query-request"
LOGIN = "/session/v1/login-request"
BUSY = "SELECT EDITDISTANCE(REPEAT('a', 300000), REPEAT('b', 300000))"
"""Minutes within one call of a function, which DuckDB does not interrupt."""


@contextmanager
def served(home: Path, limits: EndpointLimits | None = None) -> Iterator[Endpoint]:
    endpoint = ensure_running(home, limits)
    try:
        yield endpoint
    finally:
        if psutil.pid_exists(endpoint.pid):
            stop(home)


def connect(endpoint: Endpoint, **arguments: Any) -> SnowflakeConnection:
    return snowflake.connector.connect(**{**endpoint.connection_args, "paramstyle": "qmark", **arguments})


def post(endpoint: Endpoint, path: str, body: bytes, token: str = "", **headers: str) -> dict[str, Any]:
    """The answer to a request; an HTTP error, which the connector would take for a broken line, raises."""
    request = urllib.request.Request(
        f"http://{endpoint.host}:{endpoint.port}{path}",
        data=body,
        headers={
            "Authorization": f'Snowflake Token="{token}"',
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def memory(endpoint: Endpoint) -> float:
    """Megabytes that the endpoint's process has resident."""
    return psutil.Process(endpoint.pid).memory_info().rss / 1e6
