"""The first two commands of a new user: the demo, and `dev`."""

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator

import psutil
import pytest

from customer_analytics.embedded_snowflake import find, stop
from customer_analytics_tests.attacks.modes import open_to_others
from customer_analytics_tests.deployment import COMMAND, Deployment

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, str]]:
    deployment = Deployment(tmp_path_factory.mktemp("demo"))
    yield deployment, deployment.call("demo", "--customers", "30")
    stop(deployment.home)


def test_the_demo_prints_the_presentation_tables_and_what_to_do_next(demonstrated: tuple[Deployment, str]) -> None:
    _, printed = demonstrated
    for shown in ("PRES_CLV: ", "PRES_CHURN: ", "PRES_SENTIMENT: ", "PRES_AD_SPEND: ", "MOOD", "make dev"):
        assert shown in printed


def test_a_second_demo_needs_no_network_and_recomputes_nothing(demonstrated: tuple[Deployment, str]) -> None:
    deployment, _ = demonstrated
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    environment = {**deployment.environment, **nowhere}
    done = subprocess.run([COMMAND, "demo", "--customers", "30"], env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout
    assert "CustomerComment" in done.stderr
    assert ", 0 embedded, 0 removed" in done.stderr
    assert "nothing has changed since" in done.stderr


def test_dev_serves_the_ui_the_daemon_and_the_dashboard_and_stops_them_all(
    demonstrated: tuple[Deployment, str],
) -> None:
    deployment, _ = demonstrated
    ui, dashboard = _free_ports()
    dev = deployment.start("dev", "--port", str(ui), "--dashboard-port", str(dashboard))
    try:
        assert dev.stdout
        while "Ctrl-C stops" not in (line := dev.stdout.readline()):
            assert line, "dev ended before it was ready"
        assert "customer_analytics" in _asked(
            ui, "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
        )
        assert _fetched(dashboard, "/_stcore/health") == "ok"
        daemons = _asked(ui, "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }")
        assert "SENSOR" in daemons
        assert open_to_others(deployment.home) == {}
        children = psutil.Process(dev.pid).children(recursive=True)
    finally:
        dev.send_signal(signal.SIGTERM)
        dev.communicate(timeout=60)
    assert dev.returncode == 0
    assert open_to_others(deployment.home) == {}
    assert not [
        child
        for child in children
        if child.is_running()
        and child.status() != psutil.STATUS_ZOMBIE
        and child.pid != getattr(find(deployment.home), "pid", None)
    ]


def test_an_occupied_port_is_named_with_its_remedy(demonstrated: tuple[Deployment, str]) -> None:
    deployment, _ = demonstrated
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = deployment.attempt("dev", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert "make dev PORT=" in done.stderr


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _asked(port: int, query: str) -> str:
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return str(response.read().decode())


def _fetched(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as response:
        return str(response.read().decode())
