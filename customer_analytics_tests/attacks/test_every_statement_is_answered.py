"""Whatever goes wrong with a statement, its client hears of it, and the session and the process can be ended."""

import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError, Error, ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint, read_statements
from customer_analytics_tests.attacks.served import BUSY, connect, served

SOON = {"network_timeout": 20}
MANY = "(SELECT SEQ8() AS X FROM TABLE(GENERATOR(ROWCOUNT => 10000000)))"
SLOW = f"SELECT COUNT(*) FROM {MANY} A, {MANY} B WHERE A.X * B.X = -1"


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with connect(endpoint, **SOON) as connection:
        yield connection


def one(connection: SnowflakeConnection, sql: str = "SELECT 1") -> Any:
    return connection.cursor().execute(sql).fetchone()[0]


def test_statements_go_on_while_their_log_cannot_be_written(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint, connect(endpoint, **SOON) as connection:
        for number in range(10):
            one(connection, f"SELECT {number} AS BEFORE")
        log = tmp_path / "warehouse" / "statements.jsonl"
        process = psutil.Process(endpoint.pid)
        process.rlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10, resource.RLIM_INFINITY))
        assert [one(connection, f"SELECT {number} AS MEANWHILE") for number in range(3)] == [0, 1, 2]
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        one(connection, "SELECT 1 AS AFTERWARDS")
    logged = [statement["sql"].rpartition(" ")[2] for statement in read_statements(tmp_path)]
    assert [name for name in logged if name.isupper()] == [*["BEFORE"] * 10, "AFTERWARDS"]
    warnings = (tmp_path / "warehouse" / "endpoint.log").read_text()
    assert warnings.count("statements are not logged until") == 1


@pytest.mark.parametrize("values", [(), ("half a pair \udce9",)])
def test_half_a_surrogate_pair_is_an_error_of_the_statement(
    connection: SnowflakeConnection, values: tuple[str, ...]
) -> None:
    with pytest.raises(ProgrammingError, match=r"surrogate|Bind variable 1"):
        connection.cursor().execute("SELECT ?" if values else "SELECT '\udce9'", values or None)
    assert one(connection) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATEMENT_TIMEOUT_IN_SECONDS", "abc"),
        ("STATEMENT_TIMEOUT_IN_SECONDS", "-1"),
        ("STATEMENT_TIMEOUT_IN_SECONDS", "1e400"),
        ("STATEMENT_TIMEOUT_IN_SECONDS", "nan"),
        ("LOCK_TIMEOUT", "forever"),
        ("AUTOCOMMIT", "perhaps"),
        ("QUERY_TAG", "x" * 2001),
    ],
)
def test_invalid_session_parameter_is_refused_when_it_is_set(
    endpoint: Endpoint, connection: SnowflakeConnection, name: str, value: str
) -> None:
    with pytest.raises(ProgrammingError, match=f"invalid value for parameter '{name}'"):
        connection.cursor().execute(f"ALTER SESSION SET {name} = '{value}'")
    assert one(connection) == 1
    with pytest.raises(DatabaseError, match=f"invalid value for parameter '{name}'"):
        connect(endpoint, session_parameters={name: value})


def test_statement_that_cannot_be_interrupted_is_cancelled_and_its_session_closed(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint:
        began = time.monotonic()
        connection = connect(endpoint, network_timeout=60)
        with connection, pytest.raises(ProgrammingError, match="cancel"):
            connection.cursor().execute(BUSY, timeout=1)
        assert time.monotonic() - began < 40
        with connect(endpoint, **SOON) as other:
            assert one(other) == 1
        assert seconds_to_end(endpoint) < 5


def test_process_ends_within_five_seconds_whatever_is_going_on(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint:
        holder = connect(endpoint, **SOON)
        for statement in ("CREATE DATABASE D", "CREATE TABLE T (N INT)", "BEGIN", "INSERT INTO T VALUES (1)"):
            holder.cursor().execute(statement)
        ended = [ended_by(endpoint, sql) for sql in (SLOW, BUSY, "INSERT INTO D.PUBLIC.T VALUES (2)")]
        time.sleep(2)
        assert seconds_to_end(endpoint) < 5
        for thread in ended:
            thread.join(30)
            assert not thread.is_alive()
    with served(tmp_path) as again, connect(again, database="D") as connection:
        assert one(connection, "SELECT COUNT(*) FROM T") == 0


def ended_by(endpoint: Endpoint, sql: str) -> threading.Thread:
    """A thread that executes the statement until the endpoint is gone."""

    def execute() -> None:
        with pytest.raises(Error):
            connect(endpoint, **SOON).cursor().execute(sql)

    thread = threading.Thread(target=execute, daemon=True)
    thread.start()
    return thread


def seconds_to_end(endpoint: Endpoint) -> float:
    process = psutil.Process(endpoint.pid)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.monotonic() - began
