"""DuckDB's whole catalogue of functions, each called with arguments that DuckDB takes, gets nobody anywhere.

The calls go through the endpoint as the owner and as the reader, then past it: to the check of DuckDB's own parse,
and to a database opened as the endpoint opens its own.
"""

import base64
import http.client
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlglot import exp

from customer_analytics.embedded_snowflake import Endpoint, ensure_running, stop
from customer_analytics.embedded_snowflake.sql.allowed_functions import DUCKDB, SNOWFLAKE
from customer_analytics.embedded_snowflake.sql.duckdb_check import check
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.store import Store
from customer_analytics_tests.attacks.duckdb_calls import Overload, catalogue, plant, succeeding
from customer_analytics_tests.attacks.observed import connections, contents, uses_of

CANARY = f"canary-{uuid.uuid4().hex}"
API_KEY = f"sk-{uuid.uuid4().hex}"
CHANGED_BY_ANY_STATEMENT = frozenset({"statements.jsonl", "endpoint.log", "endpoint.out"})
UNKNOWN_FUNCTION, SYNTAX_ERROR = "002140", "001003"

Calls = dict[Overload, str]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files outside of the state, each with the canary in it."""
    folder = tmp_path_factory.mktemp("planted") / "files"
    plant(folder, CANARY)
    return folder


@pytest.fixture(scope="module")
def calls(planted: Path) -> Calls:
    """A call of each overload that succeeds on plain DuckDB."""
    overloads = catalogue(duckdb.connect())
    found = succeeding(overloads, planted)
    share = len(found) / len(overloads)
    print(f"\n{len(found)} of {len(overloads)} overloads ({share:.1%}) succeed on plain DuckDB")
    assert len(overloads) > 3000
    assert share >= 0.9
    return found


@pytest.fixture(scope="module")
def own_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Endpoint, Path]]:
    """An endpoint started from an environment with a secret in it, and its state folder."""
    home = tmp_path_factory.mktemp("attacked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", API_KEY)
        for variable in ("HOME", "TMPDIR"):
            (home / variable).mkdir()
            patch.setenv(variable, str(home / variable))
        endpoint = ensure_running(home / "state")
    owner = Client(endpoint, "ACCOUNTADMIN")
    for statement in ("CREATE DATABASE D", "CREATE TABLE T AS SELECT 1 AS A", "CREATE SEQUENCE SEQ"):
        assert owner.run(statement)["success"]
    yield endpoint, home
    stop(home / "state")


class Client:
    """A session that keeps its connection, and every byte that it was answered."""

    def __init__(self, endpoint: Endpoint, role: str) -> None:
        arguments = endpoint.connection_args
        self._http = http.client.HTTPConnection(arguments["host"], arguments["port"], timeout=60)
        self._token = ""
        self.answers: list[bytes] = []
        login = {"data": {"LOGIN_NAME": "x", "PASSWORD": arguments["password"]}}
        path = f"/session/v1/login-request?databaseName=D&roleName={role}"
        self._token = self._post(path, login)["data"]["token"]

    def run(self, sql: str) -> Any:
        return self._post(f"/queries/v1/query-request?requestId={uuid.uuid4()}", {"sqlText": sql})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f'Snowflake Token="{self._token}"', "Content-Type": "application/json"}
        self._http.request("POST", path, json.dumps(body), headers)
        answer = self._http.getresponse().read()
        self.answers.append(answer)
        return json.loads(answer)

    def told(self, secret: str) -> bool:
        """Whether the secret stands in an answer, in clear or in the rows."""
        rows = (json.loads(answer)["data"] or {} for answer in self.answers[1:])
        decoded = [base64.b64decode(row.get("rowsetBase64") or "") for row in rows]
        return any(secret.encode() in answer for answer in (*self.answers[1:], *decoded))


@pytest.mark.parametrize("role", ["ACCOUNTADMIN", "READER"])
def test_no_function_of_duckdb_reaches_out_of_the_state(
    own_endpoint: tuple[Endpoint, Path], calls: Calls, planted: Path, role: str
) -> None:
    endpoint, home = own_endpoint
    client, outcomes = Client(endpoint, role), Counter[str]()
    before = contents(home, CHANGED_BY_ANY_STATEMENT)
    with connections() as (port, connected), uses_of(planted, home / "HOME", home / "TMPDIR") as used:
        for overload, call in calls.items():
            remote = call.replace(str(planted), f"http://127.0.0.1:{port}")
            for sql in dict.fromkeys((call, remote)):
                answer = client.run(sql)
                outcomes[answer["code"] or "answered"] += 1
                known = overload.name.upper() in SNOWFLAKE
                assert known or not answer["success"], f"{sql} is answered, and no function of Snowflake"
    print(f"\n{role}: {dict(outcomes.most_common())}")
    assert outcomes[UNKNOWN_FUNCTION] > 0.75 * outcomes.total()
    assert not used
    assert not connected
    assert contents(home, CHANGED_BY_ANY_STATEMENT) == before
    for secret in (CANARY, API_KEY, endpoint.connection_args["password"]):
        assert not client.told(secret)


def test_a_call_that_got_past_the_first_check_is_refused_by_the_second(calls: Calls) -> None:
    for overload, call in calls.items():
        if overload.kind == "pragma" or overload.name in DUCKDB or not overload.name.isidentifier():
            continue
        with pytest.raises(SnowflakeError):
            check(exp.Select(), call)


def test_duckdb_itself_reaches_the_state_only_and_keeps_its_settings(
    calls: Calls, planted: Path, tmp_path: Path
) -> None:
    store, outcomes = Store(tmp_path / "state"), Counter[bool]()
    store.create_database("D")
    settings = "SELECT name, value FROM duckdb_settings() WHERE name NOT IN ('schema', 'search_path')"
    with store.root.cursor() as cursor:
        cursor.execute("CREATE TABLE memory.main.T AS SELECT 1 AS A; CREATE SEQUENCE memory.main.SEQ")
        before = cursor.execute(settings).fetchall()
        with connections() as (port, connected), uses_of(planted) as used:
            for call in calls.values():
                for sql in dict.fromkeys((call, call.replace(str(planted), f"http://127.0.0.1:{port}"))):
                    outcomes[_succeeds(cursor, sql)] += 1
        print(f"\n{outcomes[True]} of {outcomes.total()} succeed on a locked DuckDB")
        assert cursor.execute(settings).fetchall() == before
    assert not used
    assert not connected


def _succeeds(cursor: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        rows = cursor.execute(sql).fetchmany(10)
    except Exception:
        return False
    assert CANARY not in str(rows), sql
    return True
