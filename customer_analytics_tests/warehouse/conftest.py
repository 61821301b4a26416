"""A warehouse of its own schema, and a small table."""

import uuid
from collections.abc import Iterator

import pytest

from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse


@pytest.fixture
def warehouse(endpoint: Endpoint, endpoint_home: str) -> Iterator[EmbeddedWarehouse]:
    schema = f"W_{uuid.uuid4().hex[:12].upper()}"
    made = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=schema)
    made.writes.ensure_schema()
    yield made
    made.close()
