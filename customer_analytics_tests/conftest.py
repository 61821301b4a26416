"""Shared fixtures: one embedded Snowflake endpoint a test session, one schema a test."""

import os
import signal
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from snowflake.snowpark import Session

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, stop
from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics.ports.vectors.weaviate_connection import Address, Connection
from customer_analytics.settings import settings
from customer_analytics.weaviate_server import container
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.reference import ABSENT
from customer_analytics_tests.shop import write_shop
from customer_analytics_tests.weaviate_process import WeaviateProcess

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
_ON_SIGTERM = signal.getsignal(signal.SIGTERM)


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "A test that is skipped fails, unless it is one of the figures of absent reference data."
    parser.addoption("--no-skips", action="store_true", help=what)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _with_skips_failed((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _with_skips_failed((yield), collector.config)


def _with_skips_failed(report: Report, config: pytest.Config) -> Report:
    """The report; under `--no-skips`, that of a skipped test or module says that it failed, and what it lacks."""
    if config.getoption("--no-skips") and report.skipped and isinstance(report.longrepr, tuple):
        *_, reason = report.longrepr
        if ABSENT not in reason:
            report.outcome, report.longrepr = "failed", f"Under --no-skips: {reason}"
    return report


@pytest.fixture(autouse=True)
def _processes_can_be_ended() -> None:
    """Undo what Dagster's runs leave in this process: SIGTERM handled as SIGINT, which a shell may have ignored."""
    signal.signal(signal.SIGTERM, _ON_SIGTERM)


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


@pytest.fixture
def weaviate_store() -> Iterator[WeaviateVectorStore]:
    """A store on the Weaviate server of the environment, in names of its own that are dropped afterwards."""
    if "WEAVIATE_URL" not in os.environ:
        pytest.skip("WEAVIATE_URL is not set: `make weaviate` starts a server and prints what to set")
    store = WeaviateVectorStore(
        url=os.environ["WEAVIATE_URL"],
        api_key=os.environ["WEAVIATE_API_KEY"],
        grpc_port=settings().weaviate_grpc_port,
        prefix=f"T{uuid.uuid4().hex[:12]}",
    )
    yield store
    store.close()
    connection = Connection(Address(store.url, grpc_port=store.grpc_port), store.api_key)
    connection.call(lambda client: _drop_weaviate_names(client, store.prefix))
    connection.close()


@pytest.fixture
def own_weaviate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeaviateProcess]:
    """A Weaviate server of the test's own, to be started and killed."""
    if "WEAVIATE_URL" not in os.environ:
        pytest.skip("WEAVIATE_URL is not set: `make weaviate` builds a server and prints what to set")
    monkeypatch.setattr(container, "daemon_answers", lambda: False)  # a process can be killed by its id
    server = WeaviateProcess(tmp_path / "own_weaviate")
    yield server
    server.stop()


def _drop_weaviate_names(client: Any, prefix: str) -> None:
    for name in filter(lambda name: name.startswith(prefix), client.alias.list_all()):
        client.alias.delete(alias_name=name)
    client.collections.delete([name for name in client.collections.list_all() if name.startswith(prefix)])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The small shop after its first run."""
    source = write_shop(tmp_path_factory.mktemp("shop_source"))
    deployment = Deployment(tmp_path_factory.mktemp("shop"), {"CUSTOMER_ANALYTICS_SOURCE": str(source)})
    deployment.call("run")
    yield deployment
    stop(deployment.home)
