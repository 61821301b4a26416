"""The processes behind `customer-analytics dev`, all over the same state folder and on loopback only."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import dagster as dg

from customer_analytics import embedded_snowflake
from customer_analytics.deployment import warehouse
from customer_analytics.running import dagster_home
from customer_analytics.settings import Settings

_HOST = "127.0.0.1"
_PROJECT = Path(__file__).resolve().parents[1]
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
        "CUSTOMER_ANALYTICS_HOME": str(settings.home),
        "CUSTOMER_ANALYTICS_DAGSTER_URL": ui,
    }
    scripts = Path(sys.executable).parent
    commands: dict[str, list[Path | str]] = {
        "Dagster": [scripts / "dagster", "dev", "-w", "workspace.yaml", "--host", _HOST, "--port", str(port)],
        "the dashboard": [scripts / "customer-analytics", "dashboard", "--port", str(dashboard_port)],
    }
    with _warehouse(settings), _interruptible(), _running(commands, environment) as processes:
        _wait_until_answering({ui: "Dagster", dashboard: "the dashboard"}, processes)
        print(f"\n  Dagster    {ui}\n  Dashboard  {dashboard}\n\nCtrl-C stops both.\n", flush=True)
        with suppress(KeyboardInterrupt):
            while all(process.poll() is None for process in processes.values()):
                time.sleep(0.5)
            _report_end(processes)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, also where a shell has started this in its background."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # After Dagster's resources are made, which sets handlers of its own.
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _warehouse(settings: Settings) -> Iterator[None]:
    """Have the warehouse ready; an endpoint that was started for this goes away with it."""
    was_there = embedded_snowflake.find(settings.home) is not None
    with dg.build_resources({"warehouse": warehouse(settings)}) as built:
        built.warehouse.server()
    try:
        yield
    finally:
        if not was_there:
            embedded_snowflake.stop(settings.home)


@contextmanager
def _running(
    commands: Mapping[str, list[Path | str]], environment: Mapping[str, str]
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The processes by name; each is stopped with all that it started, gently if it can be."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            processes[name] = subprocess.Popen(
                command, cwd=_PROJECT, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
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


def _wait_until_answering(addresses: Mapping[str, str], processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    # Never by way of a proxy: the servers are on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for address, name in addresses.items():
        while True:
            _report_end(processes)
            try:
                with opener.open(address, timeout=5):
                    break
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not answer at {address} in {_START_SECONDS:.0f} s.") from None
                time.sleep(0.3)


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
