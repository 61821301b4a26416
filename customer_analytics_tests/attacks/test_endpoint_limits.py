"""What would cost the endpoint its memory or its time is refused before it does, with an error that says so."""

import gzip
import http.client
import json
import resource
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError, Error, OperationalError, ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint, EndpointLimits
from customer_analytics_tests.attacks.served import LOGIN, QUERY, connect, memory, post, served

SOON = 15.0
"""Seconds, on a busy machine; what is refused is refused within milliseconds."""


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with connect(endpoint, network_timeout=20) as connection:
        connection.cursor().execute("CREATE DATABASE IF NOT EXISTS LIMITS")
        connection.cursor().execute("USE DATABASE LIMITS")
        yield connection


def refused(answer: dict[str, Any], message: str) -> bool:
    return not answer["success"] and answer["code"] is not None and message in answer["message"]


def test_result_of_305_megabytes_is_refused_and_costs_less(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint, connect(endpoint) as connection:
        rows = "SELECT REPEAT('x', 1000) || SEQ8() AS X FROM TABLE(GENERATOR(ROWCOUNT => {}))"
        found = connection.cursor().execute(rows.format(20_000)).fetchall()
        assert (len(found), len(found[-1][0])) == (20_000, 1005)
        before = memory(endpoint)
        with pytest.raises(ProgrammingError, match=r"larger than 256 MB.*MAX_RESULT_MEGABYTES"):
            connection.cursor().execute(rows.format(305_000))
        with pytest.raises(ProgrammingError, match="larger than 256 MB"):
            connection.cursor().execute(rows.format(10_000_000))
        assert memory(endpoint) - before < 400
        assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


def test_texts_beyond_duckdbs_own_limit_end_the_statement_or_the_process(tmp_path: Path) -> None:
    many = "SELECT MAX(LENGTH(REPEAT('x', 100000000) || SEQ8())) FROM TABLE(GENERATOR(ROWCOUNT => 1000))"
    with served(tmp_path, EndpointLimits(memory_megabytes=700)) as endpoint:
        connect(endpoint).cursor().execute("CREATE DATABASE KEPT")
        with pytest.raises(Error, match=r"more than 700 MB of memory|has ended"):
            connect(endpoint).cursor().execute(many)
        with served(tmp_path) as again:
            assert connect(again).cursor().execute("SHOW DATABASES LIKE 'KEPT'").fetchall()


def packed(part: bytes, times: int) -> bytes:
    """The part, so many times, as gzip."""
    packing, checksum = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), 0
    block = packing.compress(part) + packing.flush(zlib.Z_FULL_FLUSH)
    for _ in range(times):
        checksum = zlib.crc32(part, checksum)
    trailer = struct.pack("<II", checksum, len(part) * times)
    return gzip.compress(b"")[:10] + block * times + packing.flush() + trailer


def test_request_that_unpacks_to_a_gigabyte_costs_nothing(tmp_path: Path) -> None:
    bomb, small = packed(b"x" * 1_000_000, 976), packed(b"[" * 1_000_000, 50)
    assert len(bomb) < 1_500_000
    with served(tmp_path) as endpoint, connect(endpoint) as connection:
        before = memory(endpoint)
        for body in (bomb, small):
            for path, token in ((LOGIN, ""), (QUERY, connection.rest.token)):
                assert refused(post(endpoint, path, body, token, Content_Encoding="gzip"), "larger than")
        assert memory(endpoint) - before < 150


def test_body_without_a_length_is_held_to_the_limit_too(endpoint: Endpoint) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1_000_000

    before = memory(endpoint)
    with closing(http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=60)) as line:
        line.request("POST", LOGIN, chunks(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        assert refused(json.loads(line.getresponse().read()), "larger than 64 kB")
    assert memory(endpoint) - before < 50


DEEP = 100_000
MALFORMED = {
    "no JSON": b"{",
    "not UTF-8": b'{"sqlText": "\xff"}',
    "a list": b"[1]",
    "nothing": b"",
    "no statement": b"{}",
    "a number as statement": b'{"sqlText": 5}',
    "nested JSON": b'{"sqlText": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "a long number": b'{"sqlText": ' + b"9" * 1_000_000 + b"}",
    "bindings as a list": b'{"sqlText": "SELECT ?", "bindings": [1]}',
    "bindings by name": b'{"sqlText": "SELECT ?", "bindings": {"x": {"type": "TEXT", "value": "1"}}}',
    "a binding without type": b'{"sqlText": "SELECT ?", "bindings": {"1": {"value": "1"}}}',
    "a binding that is a number": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "TEXT", "value": 1}}}',
    "a binding of text as number": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "FIXED", "value": "x"}}}',
    "a binding of text as date": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "DATE", "value": "x"}}}',
    "a binding of a far time": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "TIME", "value": "'
    + b"9" * 29
    + b'"}}}',
    "odd bytes": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "BINARY", "value": "abc"}}}',
    "rows of two lengths": b'{"sqlText": "SELECT ?, ?", "bindings": {"1": {"type": "TEXT", "value": ["1"]}, '
    b'"2": {"type": "TEXT", "value": ["1", "2"]}}}',
    "no rows": b'{"sqlText": "SELECT ?", "bindings": {"1": {"type": "TEXT", "value": []}}}',
    "a statement of 2 MB": b'{"sqlText": "SELECT ' + b"1," * 1_000_000 + b'1"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_is_an_error_of_the_client(
    endpoint: Endpoint, connection: SnowflakeConnection, body: bytes
) -> None:
    for content, headers in ((body, {}), (gzip.compress(body), {"Content_Encoding": "gzip"})):
        answer = post(endpoint, QUERY, content, connection.rest.token, **headers)
        assert not answer["success"]
        assert answer["code"] != "370001", answer["message"]  # which is for defects of the endpoint
    assert not post(endpoint, LOGIN, body)["success"]
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)


CUT_OFF = gzip.compress(b'{"sqlText": "SELECT 1"}', mtime=0)[:-9]


@pytest.mark.parametrize("body", [b"no gzip", CUT_OFF], ids=["no gzip", "cut off"])
def test_body_that_is_not_packed_as_it_says_is_refused(
    endpoint: Endpoint, connection: SnowflakeConnection, body: bytes
) -> None:
    answer = post(endpoint, QUERY, body, connection.rest.token, Content_Encoding="gzip")
    assert refused(answer, "not compressed as its header says")


@pytest.mark.parametrize("number", ["1e999999", "1e99999999999999999", "9" * 39, "9" * 100_000, "1e-999999"])
def test_number_out_of_range_is_refused_at_once(
    endpoint: Endpoint, connection: SnowflakeConnection, number: str
) -> None:
    began = time.monotonic()
    body = {"sqlText": "SELECT ?", "bindings": {"1": {"type": "FIXED", "value": number}}}
    assert refused(post(endpoint, QUERY, json.dumps(body).encode(), connection.rest.token), "Bind variable 1")
    assert time.monotonic() - began < SOON


def test_pattern_takes_time_in_proportion_to_the_path(connection: SnowflakeConnection, tmp_path: Path) -> None:
    cursor = connection.cursor()
    for statement in ("CREATE OR REPLACE TABLE T (A TEXT)", "CREATE OR REPLACE STAGE PATTERNS"):
        cursor.execute(statement)
    for name in ("a" * 50 + "b", "aaa"):
        (tmp_path / name).write_text("1\n")
        cursor.execute(f"PUT file://{tmp_path}/{name} @PATTERNS AUTO_COMPRESS = FALSE")
    began = time.monotonic()
    pattern = "PATTERN = '(a|a)+$'"
    assert [row[0] for row in cursor.execute(f"LIST @PATTERNS {pattern}").fetchall()] == ["patterns/aaa"]
    cursor.execute(f"COPY INTO T FROM @PATTERNS {pattern}")
    assert cursor.execute("SELECT COUNT(*) FROM T").fetchone() == (1,)
    assert len(cursor.execute(f"REMOVE @PATTERNS {pattern}").fetchall()) == 1
    with pytest.raises(ProgrammingError, match="not a valid regular expression"):
        cursor.execute("LIST @PATTERNS PATTERN = 'a)|(b'")
    assert time.monotonic() - began < SOON


def test_statement_of_very_many_values_is_refused(connection: SnowflakeConnection) -> None:
    began = time.monotonic()
    with pytest.raises(ProgrammingError, match="bind its values"):
        connection.cursor().execute(f"SELECT 1 WHERE 1 IN ({', '.join(['1'] * 300_000)})")
    assert time.monotonic() - began < SOON
    values = ", ".join(["1"] * 5_000)
    assert connection.cursor().execute(f"SELECT 1 WHERE 1 IN ({values})").fetchall() == [(1,)]


@pytest.mark.parametrize("sql", ["SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT " + "NOT " * 5000 + "TRUE"])
def test_statement_that_is_nested_too_deeply_is_a_syntax_error(connection: SnowflakeConnection, sql: str) -> None:
    with pytest.raises(ProgrammingError, match="nested too deeply"):
        connection.cursor().execute(sql)


def test_sessions_are_bounded(tmp_path: Path) -> None:
    with served(tmp_path, EndpointLimits(sessions=3)) as endpoint:
        connections = [connect(endpoint) for _ in range(3)]
        with pytest.raises(DatabaseError, match="3 open sessions, which is the most"):
            connect(endpoint)
        connections[0].close()
        connect(endpoint).close()
        for connection in connections[1:]:
            connection.close()


def test_connection_that_never_finishes_a_head_is_closed(endpoint: Endpoint) -> None:
    with socket.create_connection((endpoint.host, endpoint.port), timeout=30) as slow:
        began = time.monotonic()
        slow.sendall(b"POST /x HTTP/1.1\r\n")
        with socket.create_connection((endpoint.host, endpoint.port), timeout=30) as long:
            long.sendall(b"POST /x HTTP/1.1\r\nX: " + b"x" * 1_000_000)
            with suppress(ConnectionError):
                assert b"400" in long.recv(100)
        assert slow.recv(1) == b""
        assert time.monotonic() - began < 25


def test_upload_that_does_not_fit_fails_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(b"x" * 3_000_000)
    with served(tmp_path / "home") as endpoint, connect(endpoint) as connection:
        cursor = connection.cursor()
        for statement in ("CREATE DATABASE D", "CREATE STAGE S"):
            cursor.execute(statement)
        process = psutil.Process(endpoint.pid)
        process.rlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        began = time.monotonic()
        with pytest.raises((OperationalError, Error), match="507"):
            cursor.execute(f"PUT file://{tmp_path}/large.bin @S AUTO_COMPRESS = FALSE")
        assert time.monotonic() - began < SOON
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert cursor.execute("LIST @S").fetchall() == []
        assert [path for path in (tmp_path / "home/warehouse/stages").rglob("*") if path.is_file()] == []
        cursor.execute(f"PUT file://{tmp_path}/large.bin @S AUTO_COMPRESS = FALSE")
        assert len(cursor.execute("LIST @S").fetchall()) == 1
