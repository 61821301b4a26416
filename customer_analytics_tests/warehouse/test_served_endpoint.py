"""An endpoint served elsewhere, as in a container beside others: reached by address and token."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.production.servers import answers, free_port, running

MODULE = [sys.executable, "-m", "customer_analytics.embedded_snowflake"]
ENVIRONMENT = {**os.environ, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "a-token"}


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    command = [*MODULE, "serve", "--data", str(folder), "--host", "0.0.0.0", "--port", str(port)]
    with running(command, folder.with_suffix(".log"), lambda: answers(port), ENVIRONMENT):
        yield


def warehouse(port: int, token: str = "a-token") -> EmbeddedWarehouse:
    place = {"database": "SERVED", "schema_name": "S"}
    return EmbeddedWarehouse(home="/nowhere", url=f"http://localhost:{port}", token=token, **place)


def test_a_session_goes_on_after_a_restart_and_nothing_is_started_in_the_state_folder(tmp_path: Path) -> None:
    port = free_port()
    reached = warehouse(port)
    for _ in range(2):
        with served(tmp_path / "data", port):
            reached.writes.ensure_schema()
            assert reached.query("SELECT 1 AS N").to_pylist() == [{"N": 1}]
            health = subprocess.run([*MODULE, "health", f"http://127.0.0.1:{port}"], env=ENVIRONMENT)
    assert health.returncode == 0
    assert not Path("/nowhere").exists()
    down = subprocess.run([*MODULE, "health", f"http://127.0.0.1:{port}"], env=ENVIRONMENT, capture_output=True)
    assert down.returncode == 1


def test_another_token_is_refused_with_what_to_do_and_not_told(tmp_path: Path) -> None:
    port = free_port()
    with (
        served(tmp_path / "data", port),
        pytest.raises(ConnectionError, match="ENDPOINT_TOKEN to its token") as error,
    ):
        warehouse(port, token="a-guess").session()
    assert "a-guess" not in str(error.value)


@pytest.mark.parametrize("address", ["endpoint:8080", "https://endpoint:8080", "http://endpoint"])
def test_an_address_that_cannot_be_one_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="give one like http://endpoint:8080"):
        EmbeddedWarehouse(home="", url=address, token="t", database="D", schema_name="S").server()
