"""The processes behind `customer-analytics dev`, all over the same state folder and on loopback only."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from customer_analytics import embedded_snowflake
from customer_analytics.at_work import DEV, at_work
from customer_analytics.deployment import warehouse
from customer_analytics.running import dagster_home, resume
from customer_analytics.settings import Settings
from customer_analytics.web.stopping import until_stopped

_HOST = "127.0.0.1"
_PROJECT = Path(__file__).resolve().parents[1]
# What answers without a password.
_UI_HEALTH, _DASHBOARD_HEALTH = "/server_info", "/_stcore/health"
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


def serve(settings: Settings, port: int, dashboard_port: int) -> None:
    """Serve until Ctrl-C, SIGTERM, or the end of one of the processes, and stop all of them then.

    Raises:
        OSError: A port is taken.
        RuntimeError: A process ended by itself.
    """
    for taken, option in ((port, "--port (make dev PORT=…)"), (dashboard_port, "--dashboard-port")):
        _require_free(taken, option)
    ui, dashboard = f"http://{_HOST}:{port}", f"http://{_HOST}:{dashboard_port}"
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_IS_DEV_CLI": "1",
        "CUSTOMER_ANALYTICS_HOME": str(settings.home),
        "CUSTOMER_ANALYTICS_DAGSTER_URL": ui,
    }
    scripts = Path(sys.executable).parent
    own = scripts / "customer-analytics"
    # Signals are handled after Dagster's resources are made, which sets handlers of its own.
    with (
        at_work(settings.home, f"{DEV}{os.getpid()}"),
        _warehouse(settings),
        until_stopped(),
        TemporaryDirectory() as folder,
        _stopped_at_the_end() as processes,
    ):
        workspace = Path(folder, "workspace.yaml")

        def start(name: str, *command: Path | str) -> None:
            processes[name] = subprocess.Popen(
                command, cwd=_PROJECT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )

        start("the dashboard", own, "dashboard", "--port", str(dashboard_port))
        start("Dagster's code server", sys.executable, "-m", "customer_analytics.web.code_servers", workspace)
        _wait_until("Dagster's code server", workspace.exists, processes)
        start("Dagster's UI", own, "webserver", "--port", str(port), "--workspace", workspace)
        start("Dagster's daemon", scripts / "dagster-daemon", "run", "--workspace", workspace)
        _wait_until("Dagster's UI", lambda: _answers(ui + _UI_HEALTH), processes)
        _wait_until("the dashboard", lambda: _answers(dashboard + _DASHBOARD_HEALTH), processes)
        print(f"\n  Dagster    {ui}\n  Dashboard  {dashboard}\n\nCtrl-C stops both.\n", flush=True)
        while True:
            _report_end(processes)
            time.sleep(0.5)


@contextmanager
def _warehouse(settings: Settings) -> Iterator[None]:
    """Have the warehouse ready, and finish what killed processes left; an endpoint started for this goes away."""
    was_there = embedded_snowflake.find(settings.home) is not None
    try:
        resume(settings)
        with dg.build_resources({"warehouse": warehouse(settings)}) as built:
            built.warehouse.server()
        yield
    finally:
        if not was_there:
            embedded_snowflake.stop(settings.home)


@contextmanager
def _stopped_at_the_end() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Processes by name; each is stopped with all that it started, gently if it can be."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        yield processes
    finally:
        _stop(list(processes.values()))


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        # What a process of its session has left running goes too; the group is gone if there is nothing.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until(name: str, is_ready: Callable[[], bool], processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_ready():
        _report_end(processes)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} was not ready in {_START_SECONDS:.0f} s.")
        time.sleep(0.1)


def _answers(address: str) -> bool:
    # Never by way of a proxy: the servers are on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=5):
            return True
    except OSError:
        return False


def _report_end(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with exit code {process.returncode}; it says why above.")


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise OSError(
                f"Port {port} cannot be used ({error.strerror}): end what uses it, or choose another by {option}."
            ) from error
