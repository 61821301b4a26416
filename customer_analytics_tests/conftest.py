"""Shared fixtures: one embedded Snowflake endpoint a test session, one schema a test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.snowpark import Session

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, stop


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    home: Path = tmp_path_factory.mktemp("home")
    yield ensure_running(home)
    stop(home)


@pytest.fixture(scope="session")
def snowpark(endpoint: Endpoint) -> Iterator[Session]:
    """One Snowpark session on the database TEST."""
    with Session.builder.configs({**endpoint.connection_args, "database": "TEST"}).create() as session:
        yield session


@pytest.fixture
def session(snowpark: Session) -> Iterator[Session]:
    """The Snowpark session, its current schema a fresh one."""
    schema = f"T_{uuid.uuid4().hex[:12].upper()}"
    snowpark.sql(f"CREATE SCHEMA {schema}").collect()
    yield snowpark
    snowpark.sql(f"DROP SCHEMA {schema}").collect()
