"""A full disk gives one sentence and does no lasting harm: with room again, everything goes on."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.connector.errors import ProgrammingError

from customer_analytics import backups
from customer_analytics.embedded_snowflake import Endpoint, ensure_running, find, stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

FULL = "disk of the state folder is full"
MANY = "(SELECT SEQ4() AS N, MD5(TO_VARCHAR(SEQ4())) AS M FROM TABLE(GENERATOR(ROWCOUNT => {})))"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Endpoint]:
    """An endpoint of the test's own, with three committed rows."""
    endpoint = ensure_running(tmp_path / "home")
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        for statement in (
            "CREATE DATABASE D",
            "CREATE TABLE D.PUBLIC.T (X INT)",
            "INSERT INTO D.PUBLIC.T VALUES (1), (2), (3)",
        ):
            connection.cursor().execute(statement)
    yield endpoint
    stop(tmp_path / "home")


@contextmanager
def no_file_larger_than(size: int, endpoint: Endpoint) -> Iterator[None]:
    """As on a full disk, the endpoint's writes beyond a size fail."""
    assert endpoint.pid is not None
    before = resource.prlimit(endpoint.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(endpoint.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(endpoint.pid, resource.RLIMIT_FSIZE, before)


def rows(connection: snowflake.connector.SnowflakeConnection, table: str = "D.PUBLIC.T") -> list[int]:
    return [x for (x,) in connection.cursor().execute(f"SELECT X FROM {table} ORDER BY 1").fetchall()]


def test_a_commit_that_does_not_fit_says_so_and_leaves_nothing(own: Endpoint, tmp_path: Path) -> None:
    with snowflake.connector.connect(**own.connection_args) as connection:
        with no_file_larger_than(100_000, own), pytest.raises(ProgrammingError, match=FULL) as raised:
            connection.cursor().execute(f"CREATE TABLE D.PUBLIC.B AS SELECT * FROM {MANY.format(200_000)}")
        assert raised.value.sqlstate == "53100" and len(str(raised.value.msg).splitlines()) == 1
        assert rows(connection) == [1, 2, 3]
        connection.cursor().execute("INSERT INTO D.PUBLIC.T VALUES (4)")
        assert rows(connection) == [1, 2, 3, 4]


def test_a_database_that_duckdb_gives_up_heals_without_a_restart(own: Endpoint, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with (
        snowflake.connector.connect(**own.connection_args) as connection,
        snowflake.connector.connect(**own.connection_args) as other,
    ):
        other.cursor().execute("USE SCHEMA D.PUBLIC")
        other.cursor().execute("CREATE TEMPORARY TABLE MINE AS SELECT 7 AS X")
        size = (home / "warehouse" / "databases" / "D.duckdb").stat().st_size
        # A checkpoint that fails is what DuckDB 2.0 gives a database up for.
        with no_file_larger_than(size + 1, own), pytest.raises((RuntimeError, OSError)):
            backups.create(home, tmp_path / "backup.zip", lambda done, total: None)
        met = 0
        for _ in range(2):
            try:
                assert rows(connection) == [1, 2, 3]
            except ProgrammingError as error:
                met += 1
                assert "run this again" in str(error.msg) and len(str(error.msg).splitlines()) == 1
        assert met == 1
        connection.cursor().execute("INSERT INTO D.PUBLIC.T VALUES (4)")
        assert rows(connection) == rows(other) == [1, 2, 3, 4]
        assert rows(other, "MINE") == [7]
    found = find(home)
    assert found is not None and found.pid == own.pid
    assert own.pid is not None
    os.kill(own.pid, signal.SIGKILL)
    with snowflake.connector.connect(**ensure_running(home).connection_args) as connection:
        assert rows(connection) == [1, 2, 3, 4]


def test_a_backup_that_does_not_fit_says_so_and_leaves_no_file(own: Endpoint, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "out" / "backup.zip"
    file.parent.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"The disk of .*/out is full: free some space"):
            backups.create(home, file, lambda done, total: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(file.parent.iterdir()) == []


def test_a_run_that_does_not_fit_fails_in_a_sentence_and_is_not_tried_again(own: Endpoint, tmp_path: Path) -> None:
    source = write_small_source(tmp_path / "source", texts_a_label=4)
    deployment = Deployment(tmp_path / "home", {"CUSTOMER_ANALYTICS_SOURCE": str(source)})
    with snowflake.connector.connect(**own.connection_args) as connection:
        for statement in ("CREATE DATABASE CUSTOMER_ANALYTICS", "CREATE SCHEMA CUSTOMER_ANALYTICS.ANALYTICS"):
            connection.cursor().execute(statement)
    with no_file_larger_than(1000, own):
        done = deployment.attempt("run", "--select", "key:stg_orders")
    assert done.returncode == 1
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert FULL in told
    assert "Traceback" not in done.stdout + done.stderr and "STEP_UP_FOR_RETRY" not in done.stdout + done.stderr
