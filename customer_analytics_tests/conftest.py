"""Shared fixtures: one embedded Snowflake endpoint a test session, one schema a test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from snowflake.snowpark import Session

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, stop


@pytest.fixture(scope="session")
def endpoint_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """State folder of the test session's endpoint."""
    return str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def endpoint(endpoint_home: str) -> Iterator[Endpoint]:
    """The test session's endpoint."""
    yield ensure_running(Path(endpoint_home))
    stop(Path(endpoint_home))


@pytest.fixture(scope="session")
def snowpark(endpoint: Endpoint) -> Iterator[Session]:
    """One Snowpark session on the database TEST."""
    with Session.builder.configs(endpoint.connection_args).create() as session:
        session.sql("CREATE DATABASE IF NOT EXISTS TEST").collect()
        session.sql("USE DATABASE TEST").collect()  # creating does not switch to a database that is there
        yield session


@pytest.fixture
def session(snowpark: Session) -> Iterator[Session]:
    """The Snowpark session, its current schema a fresh one."""
    schema = f"T_{uuid.uuid4().hex[:12].upper()}"
    snowpark.sql(f"CREATE SCHEMA {schema}").collect()
    yield snowpark
    snowpark.sql(f"DROP SCHEMA {schema}").collect()
