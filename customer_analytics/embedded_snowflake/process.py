"""Finding, starting and stopping the endpoint of a home folder."""

import http.client
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from filelock import FileLock

from customer_analytics import private_files
from customer_analytics.embedded_snowflake import discovery, proof
from customer_analytics.embedded_snowflake.limits import Limits

TOKEN_VARIABLE = "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"
UNUSABLE_STATE = os.EX_DATAERR
"""Exit code of an endpoint whose state it cannot use, whenever it is started."""

_HOST = "127.0.0.1"
_INHERITED = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
_OUTPUT = "endpoint.out"
"""What the process prints while it starts; later it writes to endpoint.log, which is bounded."""
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_WORK_SECONDS = 3600.0
_CLOCK_SECONDS = 2.0
"""By how much two looks at when a process began may differ."""


class StartError(RuntimeError):
    """The endpoint could not be started."""


class UnusableStateError(StartError, ValueError):
    """The endpoint could not be started, and cannot be until somebody mends its state."""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint, and how to reach it."""

    host: str
    port: int
    token: str = field(repr=False)
    instance: str  # another one after every start
    pid: int | None = None  # of a process on this machine
    began: float = field(default=0.0, compare=False)  # when that process did, as its number may be given again

    @property
    def connection_args(self) -> dict[str, Any]:
        """Arguments for `snowflake.connector.connect(**…)` and `Session.builder.configs(…)`."""
        return {
            "account": "embedded",
            "user": "customer_analytics",
            "password": proof.password(self.token, self.instance),
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "login_timeout": 10,
            # Also the longest that one statement may take: the connector cancels it then.
            "network_timeout": 45,
            # The endpoint answers within 15 s, if only that it is still at work.
            "socket_timeout": 30,
            "backoff_policy": partial(_while_alive, self.pid, self.began),
            "disable_ocsp_checks": True,
            # Otherwise every connection asks for a fifth of a second which cloud this machine is of.
            "platform_detection_timeout_seconds": 0.0,
            "session_parameters": {
                "CLIENT_TELEMETRY_ENABLED": False,
                "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
            },
        }


def find(home: Path) -> Endpoint | None:
    """The endpoint of this home, if the process that it has announced proves to be it; else None."""
    announced = discovery.read(_folder(home))
    if announced is None:
        return None
    identity = proof.identify(_HOST, announced.port, announced.token)
    if identity is None or identity.pid != announced.pid or not _alive(identity.pid, identity.began):
        return None
    return Endpoint(_HOST, announced.port, announced.token, identity.instance, identity.pid, identity.began)


def reach(url: str, token: str) -> Endpoint:
    """The endpoint at an address like http://endpoint:8080; raises ConnectionError if none proves to be there."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} is not the address of an endpoint; give one like http://endpoint:8080.")
    identity = proof.identify(parts.hostname, parts.port, token) if token else None
    if identity is None:
        raise ConnectionError(
            f"No embedded Snowflake endpoint answers at {url}; start it, and set {TOKEN_VARIABLE} to its token."
        )
    return Endpoint(parts.hostname, parts.port, token, identity.instance)


def ensure_running(home: Path, limits: Limits | None = None) -> Endpoint:
    """The endpoint of this home, started if there is none; raises StartError if it does not come up.

    `limits` are those of an endpoint that is started; one that runs keeps its own.
    """
    if endpoint := find(home):
        return endpoint
    private_files.make_folder(home)
    folder = _folder(home)
    private_files.make_folder(folder)
    with FileLock(folder / "endpoint.lock"):
        if endpoint := find(home):
            return endpoint
        return _start(home, limits or Limits())


def stop(home: Path) -> bool:
    """Stop the endpoint of this home, gently if it can be, and say whether there was one."""
    endpoint = find(home)
    if endpoint is None:
        return False
    with suppress(psutil.NoSuchProcess):  # also when its number has gone to another process
        process = psutil.Process(endpoint.pid)
        with suppress(OSError, http.client.HTTPException, ValueError):
            _ordered(endpoint, "stop", 5.0)
        deadline = time.monotonic() + _STOP_SECONDS
        while _alive(process.pid, endpoint.began):
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.05)
    return True


def purge(endpoint: Endpoint) -> None:
    """Have the endpoint rewrite its database files without what was deleted, and empty its logs.

    Raises:
        RuntimeError: The endpoint did not complete it; the same call again does.
    """
    _completed(endpoint, "purge", "rewrite its database files")


def check(endpoint: Endpoint) -> list[list[str]]:
    """Have the endpoint read all its database files; path and reason of each that is damaged.

    Raises:
        RuntimeError: The endpoint did not complete it.
    """
    found: list[list[str]] = _completed(endpoint, "check", "check its files")
    return found


def copy(endpoint: Endpoint) -> Path:
    """Have the endpoint copy its whole state into a folder, which is for the caller to remove.

    Raises:
        RuntimeError: The endpoint did not complete it.
    """
    return Path(_completed(endpoint, "copy", "copy its state")["folder"])


def write_format(home: Path) -> None:
    """Say in the state of a home that it has the format of this version."""
    from customer_analytics.embedded_snowflake.store import check_format

    check_format(_folder(home))


def clean_environment() -> dict[str, str]:
    """The variables that the endpoint's process gets: what Python and its libraries need, and no secret."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _folder(home: Path) -> Path:
    return home / "warehouse"


def _completed(endpoint: Endpoint, name: str, does: str) -> Any:
    """What the endpoint answers when it has done what `does` says; raises RuntimeError if it has not."""
    try:
        answer = _ordered(endpoint, name, _WORK_SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RuntimeError(f"The embedded Snowflake endpoint did not {does}: {error}") from error
    if not answer.get("success"):
        raise RuntimeError(f"The embedded Snowflake endpoint did not {does}: {answer.get('message')}")
    return answer["data"]


def _ordered(endpoint: Endpoint, name: str, seconds: float) -> Any:
    path = f"/embedded/{name}"
    order = proof.order(endpoint.token, endpoint.instance, path)
    return proof.request(endpoint.host, endpoint.port, "POST", path, order, seconds)


def _start(home: Path, limits: Limits) -> Endpoint:
    folder = _folder(home).absolute()
    printed = folder / _OUTPUT
    # Without the current folder in Python's path.
    command = [sys.executable, "-P", "-m", __package__, "serve", "--data", str(folder), "--token-on-stdin"]
    command += limits.arguments()
    with printed.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=clean_environment(),
            umask=private_files.UMASK,
        )
    with suppress(BrokenPipeError), process.stdin as pipe:  # type: ignore[union-attr]
        pipe.write(secrets.token_urlsafe(32).encode())
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if endpoint := find(home):
            if endpoint.pid != process.pid:  # an older one, which had been too busy to answer
                process.kill()
                process.wait()
            return endpoint
        if process.poll() is not None:
            error = UnusableStateError if process.returncode == UNUSABLE_STATE else StartError
            raise error(f"The embedded Snowflake endpoint did not start: {_last_lines(printed)}")
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise StartError(
        f"The embedded Snowflake endpoint did not answer within {_START_SECONDS:.0f} s: {_last_lines(printed)}"
    )


def _last_lines(log: Path, lines: int = 5) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) or f"see {log}"


def _while_alive(pid: int | None, began: float) -> Iterator[float]:
    """Seconds that the connector waits between the attempts of a request; an error once the process has died.

    The session has died with it, so that an endpoint started in its place would not know the request either.
    """
    # The server, which imports this module too, does without the connector.
    from snowflake.connector.backoff_policies import exponential_backoff
    from snowflake.connector.errors import OperationalError

    for seconds in exponential_backoff()():
        yield seconds
        if pid is not None and not _alive(pid, began):
            raise OperationalError(f"The embedded Snowflake endpoint, process {pid}, has ended.")


def _alive(pid: int, began: float) -> bool:
    """Whether the process that began then runs, and not a later one under its number."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - began) < _CLOCK_SECONDS
        alive = same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    if same and not alive:
        # A child of this process stays until it is waited for, which can be done once all its threads have ended.
        with suppress(ChildProcessError):
            return os.waitpid(pid, os.WNOHANG) == (0, 0)
    return alive
