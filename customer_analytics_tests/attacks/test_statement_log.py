"""The statement log tells what was done, and no value with which it was."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error

from customer_analytics.embedded_snowflake import Endpoint, read_statements
from customer_analytics_tests.attacks.served import connect

WORD = "Kowalczyk"
STATEMENTS = [
    (f"SELECT '{WORD}' AS A, 48123 AS B, x'ab12' AS C", "SELECT '***' AS A, 0 AS B, '***' AS C"),
    (f"SELECT $${WORD}$$ AS A", "SELECT '***' AS A"),
    (f"SELECT 1 AS A -- {WORD}", "SELECT 0 AS A"),
    (f"SELECT /* {WORD} */ 1 AS A // {WORD}", "SELECT 0 AS A"),
    (f"LIST @FILES/{WORD}.wav PATTERN = '{WORD}'", "LIST @FILES PATTERN = '***'"),
    (f"REMOVE @FILES/{WORD}.wav", "REMOVE ***"),
    (f"COPY INTO T FROM @FILES/{WORD}.csv FILES = ('{WORD}')", "COPY INTO T FROM @FILES FILES = ('***')"),
    (f"SET NAME = '{WORD}'", "SET NAME = '***'"),
    (f"SELECT CAST('{WORD}' AS INT) AS A", "SELECT CAST('***' AS INT) AS A"),
    (f"SELECT {WORD} lives 'here", "SELECT …"),
    (f"SELECT {WORD} lives over there", "SELECT …"),
    (f"{WORD} lives here", "…"),
    ("SELECT '" + f"{WORD} " * 20_000 + "' AS A", "SELECT '***' …"),
    ("SELECT 1 AS A, " + f"'{WORD}', " * 2_000 + "2", None),
]


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with connect(endpoint) as connection:
        for statement in (
            "CREATE DATABASE IF NOT EXISTS LOGGED",
            "USE DATABASE LOGGED",
            "CREATE OR REPLACE TABLE T (A TEXT)",
            "CREATE OR REPLACE STAGE FILES",
        ):
            connection.cursor().execute(statement)
        yield connection


def logged(home: str, connection: SnowflakeConnection) -> list[str]:
    return [s["sql"] for s in read_statements(Path(home)) if s["session"] == connection.session_id]


@pytest.mark.parametrize(("sql", "expected"), STATEMENTS, ids=range(len(STATEMENTS)))
def test_values_comments_and_files_are_masked(
    endpoint_home: str, connection: SnowflakeConnection, sql: str, expected: str | None
) -> None:
    with suppress(Error):  # logged all the same
        connection.cursor().execute(sql)
    last = logged(endpoint_home, connection)[-1]
    assert expected is None or last == expected
    assert WORD not in last
    assert len(last) < 50_000


def test_nothing_that_a_client_sent_as_a_value_stands_in_any_log(
    endpoint_home: str, connection: SnowflakeConnection, tmp_path: Path
) -> None:
    secret = f"Secret{uuid.uuid4().hex}"
    file = tmp_path / f"{secret}.csv"
    file.write_text(secret)
    for sql, values in (
        (f"PUT file://{file} @FILES AUTO_COMPRESS = FALSE", None),
        (f"PUT 'file://{file}' '@FILES/{secret}' OVERWRITE = TRUE", None),
        (f"GET @FILES/{secret} file://{tmp_path}/", None),
        (f"INSERT INTO T VALUES ('{secret}')", None),
        ("INSERT INTO T VALUES (?)", [secret]),
        ("SELECT CAST(? AS INT)", [secret]),
        (f"SELECT '{secret}'::DATE", None),
        (f"SELECT {secret} (", None),
    ):
        with suppress(Error):
            connection.cursor().execute(sql, values)
    connection.cursor().executemany("INSERT INTO T VALUES (?)", [(secret,), (secret,)])
    for file in Path(endpoint_home, "warehouse").iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file.name
    assert any(sql.startswith("INSERT INTO T VALUES ('***')") for sql in logged(endpoint_home, connection))
