"""What is committed survives; what is not leaves no trace: kill -9 of clients and of the endpoint."""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error, OperationalError, ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, find, stop
from customer_analytics_tests.endpoint.bare_client import run_and_hang, run_for_ever


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(tmp_path)


def connect(endpoint: Endpoint, **arguments: Any) -> SnowflakeConnection:
    return snowflake.connector.connect(
        **{**endpoint.connection_args, "database": "DB", "schema": "PUBLIC", **arguments}
    )


def kill(endpoint: Endpoint) -> None:
    os.kill(endpoint.pid, signal.SIGKILL)
    os.waitpid(endpoint.pid, 0)


def test_everything_committed_survives_kill(home: Path, tmp_path: Path) -> None:
    endpoint = ensure_running(home)
    (tmp_path / "f.bin").write_bytes(b"content")
    connection = connect(endpoint)
    for statement in (
        "CREATE DATABASE DB",
        "CREATE SCHEMA DB.S COMMENT = 'schema'",
        "CREATE TABLE \"quoted name\" (ID INT NOT NULL COMMENT 'key', X NUMBER(18,2)) COMMENT = 'table'",
        'INSERT INTO "quoted name" VALUES (1, 2.50)',
        'CREATE VIEW V AS SELECT ID FROM "quoted name"',
        "CREATE SEQUENCE SEQ",
        "SELECT SEQ.NEXTVAL",
        "CREATE STAGE FILES DIRECTORY = (ENABLE = TRUE)",
        f"PUT file://{tmp_path}/f.bin @FILES AUTO_COMPRESS = FALSE",
        "ALTER STAGE FILES REFRESH",
        'CREATE DATABASE "odd / name"',
        "BEGIN",
        'INSERT INTO DB.S."quoted name" VALUES (2, 3)',
    ):
        connection.cursor().execute(statement)
    kill(endpoint)
    again = connect(ensure_running(home), schema="S").cursor()
    assert again.execute('SELECT ID, X::VARCHAR FROM "quoted name"').fetchall() == [(1, "2.50")]
    assert again.execute("SELECT * FROM V").fetchall() == [(1,)]
    assert again.execute("SELECT SEQ.NEXTVAL").fetchall() == [(2,)]
    assert again.execute(
        "SELECT COMMENT FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"
    ).fetchall() == [("table",)]
    described = again.execute('DESCRIBE TABLE "quoted name"').fetchall()
    assert [(row[0], row[3], row[9]) for row in described] == [("ID", "N", "key"), ("X", "Y", None)]
    assert again.execute("SHOW SCHEMAS LIKE 'S'").fetchall()[0][6] == "schema"
    assert [row[0] for row in again.execute("LIST @FILES").fetchall()] == ["files/f.bin"]
    assert again.execute("SELECT RELATIVE_PATH FROM DIRECTORY(@FILES)").fetchall() == [("f.bin",)]
    assert len(again.execute("SHOW DATABASES LIKE 'odd%'").fetchall()) == 1


def test_client_of_a_killed_endpoint_is_told_at_once_and_can_connect_anew(home: Path) -> None:
    endpoint = ensure_running(home)
    connection = connect(endpoint)
    kill(endpoint)
    began = time.monotonic()
    with pytest.raises(OperationalError, match=f"process {endpoint.pid}, has ended"):
        connection.cursor().execute("SELECT 1")
    assert time.monotonic() - began < endpoint.connection_args["network_timeout"] / 3
    with pytest.raises(Error):
        connect(endpoint, login_timeout=2)
    assert find(home) is None
    restarted = ensure_running(home)
    assert connect(restarted).cursor().execute("SELECT 1").fetchone() == (1,)


def test_session_of_an_endpoint_that_has_restarted_is_gone(home: Path) -> None:
    port = ensure_running(home).port
    old = connect(ensure_running(home))
    stop(home)
    restarted = ensure_running(home)
    old.rest._port = restarted.port  # the same address, as of an endpoint with a fixed port
    assert port
    with pytest.raises((ProgrammingError, OperationalError), match="Session no longer exists"):
        old.cursor().execute("SELECT 1")


WRITES = [
    "INSERT OVERWRITE INTO T SELECT {round}, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 5000))",
    "BEGIN",
    "UPDATE PAIR SET A = A + 1",
    "UPDATE PAIR SET B = B + 1",
    "COMMIT",
    "CREATE OR REPLACE TABLE R COPY GRANTS AS SELECT {round} AS G, N FROM T",
]


def check_whole(cursor: Any) -> None:
    assert cursor.execute("SELECT COUNT(DISTINCT G), COUNT(*) FROM T").fetchall() in ([(1, 5000)], [(0, 0)])
    assert cursor.execute("SELECT A = B FROM PAIR").fetchall() == [(True,)]
    assert cursor.execute("SELECT COUNT(DISTINCT G), COUNT(*) FROM R").fetchall() in ([(1, 5000)], [(0, 0)])


def test_endpoint_killed_at_random_moments_reopens_with_whole_tables(home: Path) -> None:
    endpoint = ensure_running(home)
    cursor = connect(endpoint).cursor()
    cursor.execute("CREATE DATABASE DB")
    cursor.execute("CREATE TABLE T (G INT, N INT)")
    cursor.execute("CREATE TABLE R (G INT, N INT)")
    cursor.execute("CREATE TABLE PAIR AS SELECT 0 AS A, 0 AS B")
    moments = random.Random(7)
    context = multiprocessing.get_context("spawn")
    for _ in range(4):
        writer = context.Process(target=run_for_ever, args=(endpoint.connection_args, "DB", WRITES))
        writer.start()
        wait_for_writes(connect(endpoint).cursor())
        time.sleep(moments.uniform(0, 0.3))
        kill(endpoint)
        writer.kill()
        writer.join()
        endpoint = ensure_running(home)
        check_whole(connect(endpoint).cursor())
    (a,) = connect(endpoint).cursor().execute("SELECT A FROM PAIR").fetchone()
    assert a > 4


def wait_for_writes(cursor: Any) -> None:
    """Until the writer has written something since now."""
    before = cursor.execute("SELECT A FROM PAIR").fetchone()
    deadline = time.monotonic() + 60
    while cursor.execute("SELECT A FROM PAIR").fetchone() == before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


REPLACING = [
    "CREATE OR REPLACE TRANSIENT TABLE STAGED AS SELECT 'new' AS G, SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => 2000))",
    "BEGIN",
    "INSERT OVERWRITE INTO T (G, N) SELECT G, N FROM STAGED",
    "UPDATE T SET N = N + 1",
    "MERGE INTO T USING STAGED S ON T.N = S.N + 1 WHEN MATCHED THEN UPDATE SET G = S.G",
    "COMMIT",
    "DROP TABLE STAGED",
]


def test_client_killed_after_any_statement_of_a_replacing_write_leaves_old_or_new_rows(home: Path) -> None:
    connect(ensure_running(home)).cursor().execute("CREATE DATABASE DB")
    context = multiprocessing.get_context("spawn")
    for statements in range(1, len(REPLACING) + 1):
        endpoint = ensure_running(home)
        cursor = connect(endpoint).cursor()
        cursor.execute(
            "CREATE OR REPLACE TABLE T AS SELECT 'old' AS G, 1 AS N FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
        )
        done = context.Event()
        client = context.Process(
            target=run_and_hang, args=(endpoint.connection_args, "DB", REPLACING[:statements], done)
        )
        client.start()
        while not done.wait(0.01):
            assert state(cursor) in (OLD, NEW)
        client.kill()
        client.join()
        committed = statements >= REPLACING.index("COMMIT") + 1
        assert state(cursor) == (NEW if committed else OLD)
        stop(home)  # another writer would wait until the endpoint takes the transaction of the client for dead


OLD, NEW = [("old", 1000)], [("new", 2000)]


def state(cursor: Any) -> list[Any]:
    return list(cursor.execute("SELECT G, COUNT(*) FROM T GROUP BY G").fetchall())
