"""Finding, starting and stopping the endpoint of a home folder."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

TOKEN_VARIABLE = "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"
_DISCOVERY = "endpoint.json"
_OUTPUT = "endpoint.out"
"""What the process prints while it starts; later it writes to endpoint.log, which is bounded."""
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class StartError(RuntimeError):
    """The endpoint could not be started."""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint, and how to reach it."""

    host: str
    port: int
    token: str = field(repr=False)
    pid: int | None = None  # of a process on this machine
    instance: str = ""  # another one after every start

    @property
    def connection_args(self) -> dict[str, Any]:
        """Arguments for `snowflake.connector.connect(**…)` and `Session.builder.configs(…)`."""
        return {
            "account": "embedded",
            "user": "customer_analytics",
            "password": self.token,
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "login_timeout": 10,
            # Also the longest that one statement may take: the connector cancels it then.
            "network_timeout": 45,
            # The endpoint answers within 15 s, if only that it is still at work.
            "socket_timeout": 30,
            "backoff_policy": partial(_while_alive, self.pid),
            "disable_ocsp_checks": True,
            # Otherwise every connection asks for a fifth of a second which cloud this machine is of.
            "platform_detection_timeout_seconds": 0.0,
            "session_parameters": {
                "CLIENT_TELEMETRY_ENABLED": False,
                "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
            },
        }


def find(home: Path) -> Endpoint | None:
    """The healthy endpoint of this home, or None."""
    try:
        found = json.loads((_folder(home) / _DISCOVERY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return _answering(Endpoint(found["host"], found["port"], found["token"], found["pid"]))


def reach(url: str, token: str) -> Endpoint:
    """The healthy endpoint at an address like http://endpoint:8080; raises ConnectionError if there is none."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} is not the address of an endpoint; give one like http://endpoint:8080.")
    endpoint = _answering(Endpoint(parts.hostname, parts.port, token))
    if endpoint is None:
        raise ConnectionError(
            f"No embedded Snowflake endpoint answers at {url}; start it, and set {TOKEN_VARIABLE} to its token."
        )
    return endpoint


def ensure_running(home: Path) -> Endpoint:
    """The endpoint of this home, started if there is none; raises StartError if it does not come up."""
    if endpoint := find(home):
        return endpoint
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "endpoint.lock"):
        if endpoint := find(home):
            return endpoint
        return _start(folder)


def stop(home: Path) -> bool:
    """Stop the endpoint of this home, gently if it can be, and say whether there was one."""
    endpoint = find(home)
    if endpoint is None or endpoint.pid is None:
        return False
    _request(endpoint, "/embedded/stop", "POST")
    deadline = time.monotonic() + _STOP_SECONDS
    while _alive(endpoint.pid):
        if time.monotonic() > deadline:
            os.kill(endpoint.pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    return True


def write_discovery(folder: Path, endpoint: Endpoint) -> None:
    """Tell other processes of this user where the endpoint is."""
    unfinished = folder / f".{_DISCOVERY}.{endpoint.pid}"
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(endpoint), file)
    unfinished.replace(folder / _DISCOVERY)


def remove_discovery(folder: Path) -> None:
    """Take the announcement back."""
    (folder / _DISCOVERY).unlink(missing_ok=True)


def _folder(home: Path) -> Path:
    return home / "warehouse"


def _start(folder: Path) -> Endpoint:
    token = secrets.token_urlsafe(32)
    printed = folder / _OUTPUT
    command = [sys.executable, "-m", __package__, "serve", "--data", str(folder), "--port", "0"]
    with printed.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, TOKEN_VARIABLE: token},
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        endpoint = find(folder.parent)
        if endpoint is not None and endpoint.pid == process.pid:
            return endpoint
        if process.poll() is not None:
            raise StartError(f"The embedded Snowflake endpoint did not start: {_last_lines(printed)}")
        time.sleep(0.05)
    process.kill()
    raise StartError(
        f"The embedded Snowflake endpoint did not answer within {_START_SECONDS:.0f} s: {_last_lines(printed)}"
    )


def _last_lines(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) or f"see {log}"


def _answering(endpoint: Endpoint) -> Endpoint | None:
    """The endpoint with its instance, if it answers and takes the token."""
    try:
        answer = _request(endpoint, "/embedded/health", "GET")
    except (OSError, ValueError):
        return None
    if not answer.get("success"):
        return None
    # One that an earlier release has started tells no instance.
    return replace(endpoint, instance=answer["data"].get("instance", ""))


def _request(endpoint: Endpoint, path: str, method: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://{endpoint.host}:{endpoint.port}{path}",
        method=method,
        headers={"Authorization": f"Bearer {endpoint.token}"},
    )
    # Never by way of a proxy: the endpoint is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as response:
        answer: dict[str, Any] = json.loads(response.read())
    return answer


def _while_alive(pid: int | None) -> Iterator[float]:
    """Seconds that the connector waits between the attempts of a request; an error once the process has died.

    The session has died with it, so that an endpoint started in its place would not know the request either.
    """
    # The server, which imports this module too, does without the connector.
    from snowflake.connector.backoff_policies import exponential_backoff
    from snowflake.connector.errors import OperationalError

    for seconds in exponential_backoff()():
        yield seconds
        if pid is not None and not _alive(pid):
            raise OperationalError(f"The embedded Snowflake endpoint, process {pid}, has ended.")


def _alive(pid: int) -> bool:
    # A child of this process that has ended stays until it is waited for.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
