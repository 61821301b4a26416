"""Finding, starting and stopping the endpoint; the state's format."""

import json
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import snowflake.connector

from customer_analytics.embedded_snowflake import Endpoint, StartError, discovery, ensure_running, find, stop


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(tmp_path)


def test_endpoint_is_started_once_found_and_stopped(home: Path) -> None:
    assert find(home) is None
    assert not stop(home)
    started = ensure_running(home)
    assert ensure_running(home) == started == find(home)
    assert stop(home)
    assert not psutil.pid_exists(started.pid)
    assert find(home) is None


def pid_of_endpoint(home: Path) -> int:
    return ensure_running(home).pid


def test_processes_that_start_it_at_once_share_one_endpoint(home: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(pid_of_endpoint, [home] * 4))) == 1


def test_endpoint_is_reachable_on_loopback_only_and_the_token_is_private(home: Path) -> None:
    endpoint = ensure_running(home)
    listening = [c.laddr.ip for c in psutil.Process(endpoint.pid).net_connections() if c.status == "LISTEN"]
    assert listening == ["127.0.0.1"]
    announced = home / "warehouse" / "endpoint.json"
    assert stat.S_IMODE(announced.stat().st_mode) == 0o600
    assert endpoint.token not in repr(endpoint)
    assert endpoint.token not in " ".join(psutil.Process(endpoint.pid).cmdline())


def test_discovery_of_a_dead_endpoint_or_of_another_server_is_recognised(home: Path) -> None:
    endpoint = ensure_running(home)
    announced, folder = home / "warehouse" / "endpoint.json", discovery.identity(home / "warehouse")
    stop(home)
    announced.touch(mode=0o600)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever).start()
        for port in (endpoint.port, other.server_port):
            stale = {
                "host": "127.0.0.1",
                "port": port,
                "token": endpoint.token,
                "pid": os.getpid(),
                "folder": folder,
            }
            announced.write_text(json.dumps(stale))
            assert find(home) is None
        other.shutdown()
    assert ensure_running(home).pid != os.getpid()


def test_endpoint_of_another_home_is_not_taken_for_this_one(home: Path, endpoint: Endpoint) -> None:
    (home / "warehouse").mkdir()
    folder = discovery.identity(home / "warehouse")
    other = {"port": endpoint.port, "token": "wrong", "pid": endpoint.pid, "folder": folder}
    (home / "warehouse" / "endpoint.json").touch(mode=0o600)
    (home / "warehouse" / "endpoint.json").write_text(json.dumps(other))
    assert find(home) is None


@pytest.mark.parametrize("is_served", [False, True], ids=["stopped", "served by the version that wrote it"])
def test_state_of_another_format_is_refused_with_what_to_do(home: Path, is_served: bool) -> None:
    ensure_running(home)
    if not is_served:
        stop(home)
    (home / "warehouse" / "format.json").write_text(json.dumps({"format": 999}))
    with pytest.raises(StartError, match=r"is of format 999, this version reads format \d+: run the version"):
        ensure_running(home)


def test_serve_runs_in_the_foreground_with_a_token_from_the_environment(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "customer_analytics.embedded_snowflake", "serve"]
    command += ["--data", str(tmp_path / "warehouse"), "--host", "127.0.0.1", "--port", str(port)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN" in refused.stderr
    environment = {**os.environ, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "given"}
    with subprocess.Popen(command, env=environment) as server:
        try:
            while (endpoint := find(tmp_path)) is None:
                assert server.poll() is None
            assert (endpoint.port, endpoint.token) == (port, "given")
            with snowflake.connector.connect(**endpoint.connection_args) as connection:
                assert connection.cursor().execute("SELECT 1").fetchone() == (1,)
        finally:
            server.terminate()
        assert server.wait(20) == 0


def test_idle_endpoint_ends_by_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "customer_analytics.embedded_snowflake", "serve"]
    command += ["--data", str(tmp_path), "--idle-minutes", "0.001"]
    environment = {**os.environ, "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN": "given"}
    assert subprocess.run(command, env=environment, timeout=60, check=False).returncode == 0


def test_clients_import_neither_duckdb_nor_the_server() -> None:
    code = "import sys, customer_analytics.embedded_snowflake; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"duckdb", "fakesnow", "uvicorn", "starlette", "sqlglot"} & set(modules)
