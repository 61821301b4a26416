"""What the connector's protocol asks of a server beyond the answers to statements."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint

MANY = "(SELECT SEQ8() AS X FROM TABLE(GENERATOR(ROWCOUNT => 10000000)))"
SLOW = f"SELECT COUNT(*) FROM {MANY} A, {MANY} B WHERE A.X * B.X = -1"  # would take hours


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        connection.cursor().execute("CREATE DATABASE IF NOT EXISTS PROTOCOL")
        connection.cursor().execute("USE DATABASE PROTOCOL")
        connection.cursor().execute("CREATE OR REPLACE TABLE T (N INT)")
        yield connection


def post(endpoint: Endpoint, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://{endpoint.host}:{endpoint.port}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f'Snowflake Token="{token}"', "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def test_request_sent_twice_is_executed_once(endpoint: Endpoint, connection: SnowflakeConnection) -> None:
    path = f"/queries/v1/query-request?requestId={uuid.uuid4()}"
    token = connection.rest.token
    first, second = (post(endpoint, path, {"sqlText": "INSERT INTO T VALUES (1)"}, token) for _ in range(2))
    assert first["success"]
    assert first["data"]["queryId"] == second["data"]["queryId"]
    assert connection.cursor().execute("SELECT COUNT(*) FROM T").fetchone() == (1,)


def test_unknown_paths_are_answered_quietly(endpoint: Endpoint) -> None:
    assert post(endpoint, "/telemetry/send", {"logs": []})["success"]
    assert post(endpoint, "/never/heard/of", {})["success"]


def test_wrong_session_token_is_an_error_of_the_protocol(endpoint: Endpoint) -> None:
    answer = post(endpoint, "/queries/v1/query-request", {"sqlText": "SELECT 1"}, "wrong")
    assert (answer["success"], answer["code"]) == (False, "390111")


def test_heartbeat_and_token_renewal_keep_the_session(connection: SnowflakeConnection) -> None:
    assert connection.rest._heartbeat()["success"]
    old = connection.rest.token
    connection.rest._renew_session()
    assert connection.rest.token != old
    assert connection.cursor().execute("SELECT CURRENT_DATABASE()").fetchone() == ("PROTOCOL",)


def test_asynchronous_statement_is_followed_and_fetched(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute_async("SELECT 41 + 1 AS X")
    query_id = cursor.sfqid
    while connection.is_still_running(connection.get_query_status_throw_if_error(query_id)):
        time.sleep(0.01)
    cursor.get_results_from_sfqid(query_id)
    assert cursor.fetchall() == [(42,)]
    assert cursor.description[0].name == "X"


def test_failed_asynchronous_statement_tells_its_error(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor()
    cursor.execute_async("SELECT * FROM NOPE")
    with pytest.raises(ProgrammingError, match="'NOPE' does not exist"):
        while True:
            connection.get_query_status_throw_if_error(cursor.sfqid)
            time.sleep(0.01)


def test_result_can_be_fetched_again_by_its_id(connection: SnowflakeConnection) -> None:
    cursor = connection.cursor().execute("SELECT 5 AS X")
    assert connection.cursor().execute(f"SELECT * FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))").fetchall() == [(5,)]
    assert connection.cursor().query_result(cursor.sfqid).fetchall() == [(5,)]


def test_clients_timeout_interrupts_the_statement(connection: SnowflakeConnection) -> None:
    with pytest.raises(ProgrammingError, match="cancel"):
        connection.cursor().execute(SLOW, timeout=1)
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_statement_timeout_interrupts_the_statement(connection: SnowflakeConnection) -> None:
    connection.cursor().execute("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
    with pytest.raises(ProgrammingError, match="cancel"):
        connection.cursor().execute(SLOW)
    connection.cursor().execute("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS")
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_statement_waiting_for_the_write_lock_can_be_cancelled(
    endpoint: Endpoint, connection: SnowflakeConnection
) -> None:
    connection.cursor().execute("BEGIN")
    connection.cursor().execute("INSERT INTO T VALUES (1)")
    with (
        snowflake.connector.connect(**endpoint.connection_args, database="PROTOCOL") as other,
        pytest.raises(ProgrammingError, match="cancel"),
    ):
        other.cursor().execute("INSERT INTO T VALUES (2)", timeout=1)
    connection.cursor().execute("COMMIT")
    assert connection.cursor().execute("SELECT N FROM T").fetchall() == [(1,)]


def test_readers_in_many_threads_share_one_connection(connection: SnowflakeConnection) -> None:
    found: list[Any] = []

    def read(number: int) -> None:
        found.append(connection.cursor().execute(f"SELECT {number}").fetchone())

    threads = [threading.Thread(target=read, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number,) for number in range(20)]


def test_describe_does_not_execute(connection: SnowflakeConnection) -> None:
    (column,) = connection.cursor().describe(SLOW)
    assert column.name == "COUNT(*)"
    connection.cursor().describe("INSERT INTO T VALUES (1)")
    assert connection.cursor().execute("SELECT COUNT(*) FROM T").fetchone() == (0,)


def upload_link(endpoint: Endpoint, connection: SnowflakeConnection) -> SplitResult:
    """The link that the connector gets for a file of the stage FILES."""
    connection.cursor().execute("CREATE OR REPLACE STAGE FILES")
    put = {"sqlText": "PUT file:///tmp/upload.bin @FILES AUTO_COMPRESS = FALSE OVERWRITE = TRUE"}
    answer = post(endpoint, "/queries/v1/query-request", put, connection.rest.token)
    return urlsplit(answer["data"]["stageInfo"]["presignedUrl"])


def test_upload_that_breaks_off_leaves_no_file(endpoint: Endpoint, connection: SnowflakeConnection) -> None:
    link = upload_link(endpoint, connection)
    for body in (b"", b"x" * 10, b"x" * 1000):
        with socket.create_connection((endpoint.host, endpoint.port)) as line:
            head = f"PUT {link.path}?{link.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            line.sendall(head.encode() + body)
            if len(body) == 1000:
                assert line.recv(12) == b"HTTP/1.1 200"
        listed = connection.cursor().execute("LIST @FILES").fetchall()
        assert [row[:2] for row in listed] == ([("files/upload.bin", 1000)] if len(body) == 1000 else [])


def test_files_are_moved_by_signed_links_only(endpoint: Endpoint, connection: SnowflakeConnection) -> None:
    link = upload_link(endpoint, connection)
    for query in ("", "mode=put&signature=wrong", link.query.replace("mode=put", "mode=get")):
        for method in ("PUT", "GET"):
            url = f"{link.scheme}://{link.netloc}{link.path}?{query}"
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(urllib.request.Request(url, data=b"x", method=method))
    assert connection.cursor().execute("LIST @FILES").fetchall() == []
