"""The least of a Snowflake client, for processes that are to start quickly and be killed."""

import json
import time
import urllib.request
import uuid
from multiprocessing.synchronize import Event
from typing import Any


class Client:
    """One session of the endpoint."""

    def __init__(self, arguments: dict[str, Any], database: str) -> None:
        self._url = f"http://{arguments['host']}:{arguments['port']}"
        self._token = ""
        login = {"data": {"LOGIN_NAME": "bare", "PASSWORD": arguments["password"]}}
        self._token = self._post(f"/session/v1/login-request?databaseName={database}", login)["token"]

    def run(self, sql: str) -> None:
        """Execute a statement."""
        self._post(f"/queries/v1/query-request?requestId={uuid.uuid4()}", {"sqlText": sql})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self._url + path,
            data=json.dumps(body).encode(),
            headers={"Authorization": f'Snowflake Token="{self._token}"'},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.loads(response.read())
        if not answer["success"]:
            raise RuntimeError(answer["message"])
        return answer["data"]


def run_and_hang(arguments: dict[str, Any], database: str, statements: list[str], done: Event) -> None:
    """Execute the statements, then wait to be killed."""
    client = Client(arguments, database)
    for statement in statements:
        client.run(statement)
    done.set()
    time.sleep(600)


def run_for_ever(arguments: dict[str, Any], database: str, statements: list[str]) -> None:
    """Execute the statements again and again, `{round}` in them counting up."""
    client = Client(arguments, database)
    for number in range(10**6):
        for statement in statements:
            client.run(statement.format(round=number))
