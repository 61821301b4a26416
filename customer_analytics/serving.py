"""The processes of `customer-analytics dev`, which share a state folder and listen on loopback only."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from customer_analytics import embedded_snowflake, run_locks, supervisor
from customer_analytics.adapters import Adapters
from customer_analytics.instance import dagster_home
from customer_analytics.running import resume
from customer_analytics.settings import Settings
from customer_analytics.supervisor import Process

_HOST = "127.0.0.1"
_PROJECT = Path(__file__).resolve().parents[1]
# These answer without a password.
_UI_HEALTH, _DASHBOARD_HEALTH = "/server_info", "/_stcore/health"
_START_SECONDS = 120.0
_STOP_SECONDS = 20.0


def serve(settings: Settings, port: int, dashboard_port: int) -> None:
    """Serve until Ctrl-C or SIGTERM, or until one of the processes ends; then stop all of them.

    Raises:
        OSError: A port is taken.
        RuntimeError: A process ended, or was not ready in time.
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
    # `until_stopped` follows `_warehouse`, where Dagster sets its own signal handlers.
    with (
        run_locks.hold(settings.home, f"{run_locks.DEV}{os.getpid()}"),
        _warehouse(settings),
        supervisor.until_stopped(),
        TemporaryDirectory() as folder,
        _stopped_at_the_end() as processes,
    ):
        workspace = Path(folder, "workspace.yaml")

        def start(name: str, *command: Path | str) -> None:
            processes[name] = supervisor.start(command, environment, folder=_PROJECT)

        start("the dashboard", own, "dashboard", "--port", str(dashboard_port))
        start("Dagster's code server", sys.executable, "-m", "customer_analytics.web.code_servers", workspace)
        _wait_until("Dagster's code server", workspace.exists, processes)
        start("Dagster's UI", own, "webserver", "--port", str(port), "--workspace", workspace)
        start("Dagster's daemon", scripts / "dagster-daemon", "run", "--workspace", workspace)
        _wait_until("Dagster's UI", partial(supervisor.answers, ui + _UI_HEALTH), processes)
        _wait_until("the dashboard", partial(supervisor.answers, dashboard + _DASHBOARD_HEALTH), processes)
        print(f"\n  Dagster    {ui}\n  Dashboard  {dashboard}\n\nCtrl-C stops both.\n", flush=True)
        while True:
            _require_alive(processes)
            time.sleep(0.5)


@contextmanager
def _warehouse(settings: Settings) -> Iterator[None]:
    """Prepare the warehouse and finish interrupted work; at the end, stop the endpoint if this started it."""
    was_running = embedded_snowflake.find(settings.home) is not None
    try:
        resume(settings)
        with Adapters(settings) as adapters:
            adapters.warehouse.server()
        yield
    finally:
        if not was_running:
            embedded_snowflake.stop(settings.home)


@contextmanager
def _stopped_at_the_end() -> Iterator[dict[str, Process]]:
    """Processes by name, to be filled; at the end, each is stopped with all that it started."""
    processes: dict[str, Process] = {}
    try:
        yield processes
    finally:
        supervisor.stop(processes.values(), _STOP_SECONDS)


def _wait_until(name: str, is_ready: Callable[[], bool], processes: Mapping[str, Process]) -> None:
    supervisor.wait_until_ready(name, is_ready, partial(_require_alive, processes), _START_SECONDS)


def _require_alive(processes: Mapping[str, Process]) -> bool:
    for name, process in processes.items():
        if not process.is_alive():
            raise RuntimeError(f"{name} ended with exit code {process.exit_code}; the reason is printed above.")
    return True


def _require_free(port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise OSError(
                f"Port {port} cannot be used ({error.strerror}): stop the program that uses it, or choose another "
                f"port with {option}."
            ) from error
