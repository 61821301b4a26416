"""How the process of a Weaviate server is started, found and stopped, with a program in the place of Weaviate."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from platformdirs import user_cache_path

from customer_analytics import weaviate_server
from customer_analytics.supervisor import StartError
from customer_analytics.weaviate_server import container, process
from customer_analytics_tests.weaviate_process import WeaviateProcess

PROGRAM = f"""#!{sys.executable}
import os, socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

grpc = socket.create_server(("127.0.0.1", int(os.environ["GRPC_PORT"])))
print("listening", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Ready).serve_forever()
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WeaviateProcess]:
    binary = tmp_path / "weaviate-server"
    binary.write_text(PROGRAM)
    binary.chmod(0o755)
    monkeypatch.setattr(container, "daemon_answers", lambda: False)
    monkeypatch.setattr(process, "server_binary", lambda cache: binary)
    monkeypatch.setattr(process, "_RELEASE_SECONDS", 0.0)
    made = WeaviateProcess(tmp_path / "home")
    yield made
    made.stop()


def edit(server: WeaviateProcess, **changes: object) -> None:
    """Change what server.json holds; a field that becomes None is removed."""
    file = server.home / "weaviate" / "server.json"
    kept = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps({name: value for name, value in kept.items() if value is not None}))


def test_a_server_is_started_once_and_stopped(server: WeaviateProcess) -> None:
    assert not server.stop()
    started, pid = server.start(), server.pid
    assert (server.start(), server.pid) == (started, pid)
    assert weaviate_server.find(server.home) == started
    assert server.stop()
    assert not psutil.pid_exists(pid)
    assert weaviate_server.find(server.home) is None
    assert not server.stop()


def test_a_later_process_with_the_servers_pid_is_neither_taken_for_it_nor_killed(server: WeaviateProcess) -> None:
    server.start()
    server.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        edit(server, pid=bystander.pid, began=psutil.Process(bystander.pid).create_time() - 3600)
        assert weaviate_server.find(server.home) is None
        assert not server.stop()
        assert bystander.poll() is None
        server.start()
        assert server.pid != bystander.pid


def test_the_server_that_an_earlier_version_started_is_found_and_stopped(server: WeaviateProcess) -> None:
    """Earlier versions did not keep the start time."""
    started, pid = server.start(), server.pid
    edit(server, began=None)
    assert weaviate_server.find(server.home) == started
    assert server.start() == started
    assert server.stop()
    assert not psutil.pid_exists(pid)


def test_a_damaged_file_is_refused_with_what_to_do(server: WeaviateProcess) -> None:
    server.start()
    file = server.home / "weaviate" / "server.json"
    content = file.read_text()
    for damage in ("{", "[]", content.replace('"pid": ', '"pid": "x", "old": ')):
        file.write_text(damage)
        with pytest.raises(StartError, match=r"server.json is damaged: stop the server of this folder"):
            weaviate_server.find(server.home)
    file.write_text(content)


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(
    server: WeaviateProcess, tmp_path: Path
) -> None:
    (tmp_path / "weaviate-server").write_text(f"#!{sys.executable}\nprint('no room')\n")
    with pytest.raises(StartError, match="Weaviate did not start: no room"):
        weaviate_server.ensure_running(server.home, user_cache_path("customer-analytics"))
