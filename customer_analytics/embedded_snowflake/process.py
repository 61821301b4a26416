"""Find, start and stop the endpoint of a state folder."""

import http.client
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from os import EX_DATAERR
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from customer_analytics import supervisor
from customer_analytics.damage import DamagedError
from customer_analytics.embedded_snowflake import discovery
from customer_analytics.embedded_snowflake.protocol import proof
from customer_analytics.embedded_snowflake.state.format import StateFormatError, check_format
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.supervisor import Process, StartError

TOKEN_VARIABLE = "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"
UNUSABLE_STATE = EX_DATAERR
"""Exit code of an endpoint that cannot use its state; starting it again does not help."""

_HOST = "127.0.0.1"
_NAME = "The embedded Snowflake endpoint"
_OUTPUT = "endpoint.out"
"""What the process prints while it starts; later it writes to endpoint.log, which is bounded."""
_START_SECONDS = 60.0
_LOCK_SECONDS = 300.0
_STOP_SECONDS = 20.0
_WORK_SECONDS = 3600.0


class UnusableStateError(StartError, ValueError):
    """The endpoint cannot start until its state is repaired."""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint and how to reach it.

    `instance` changes with every start. `pid` and `began`, its start time, identify its process if that is on this
    machine.
    """

    host: str
    port: int
    token: str = field(repr=False)
    instance: str
    pid: int | None = None
    began: float = field(default=0.0, compare=False)

    @property
    def process(self) -> Process | None:
        """The endpoint's process, if it is on this machine."""
        return None if self.pid is None else Process(self.pid, self.began)

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
            # Also the time limit of one statement: the connector then cancels it.
            "network_timeout": 45,
            # The endpoint answers within 15 s, if only to say that it is still working.
            "socket_timeout": 30,
            "backoff_policy": partial(_while_alive, self.process),
            "disable_ocsp_checks": True,
            # Otherwise every connection spends 0.2 s detecting the cloud that this machine is in.
            "platform_detection_timeout_seconds": 0.0,
            "session_parameters": {
                "CLIENT_TELEMETRY_ENABLED": False,
                "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
            },
        }


def find(home: Path) -> Endpoint | None:
    """The running endpoint of a state folder; None unless the announced process proves that it is the endpoint."""
    announced = discovery.read(_folder(home))
    if announced is None:
        return None
    identity = proof.identify(_HOST, announced.port, announced.token)
    if identity is None or identity.pid != announced.pid or not Process(identity.pid, identity.began).is_alive():
        return None
    return Endpoint(_HOST, announced.port, announced.token, identity.instance, identity.pid, identity.began)


def reach(url: str, token: str) -> Endpoint:
    """The endpoint at an address like http://endpoint:8080.

    Raises:
        ConnectionError: No endpoint that knows the token answers there.
        ValueError: This is not the address of an endpoint.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not parts.port:
        raise ValueError(f"{url!r} is not the address of an endpoint; give one like http://endpoint:8080.")
    identity = proof.identify(parts.hostname, parts.port, token) if token else None
    if identity is None:
        raise ConnectionError(
            f"No embedded Snowflake endpoint answers at {url}; start it, and set {TOKEN_VARIABLE} to its token."
        )
    return Endpoint(parts.hostname, parts.port, token, identity.instance)


def ensure_running(home: Path, limits: EndpointLimits | None = None) -> Endpoint:
    """The endpoint of a state folder, started if necessary; an endpoint that is running keeps its own limits.

    Raises:
        StartError: It does not start.
        UnusableStateError: Another version wrote the state; its endpoint may still be running.
    """
    if (_folder(home) / "format.json").exists():
        try:
            with suppress(DamagedError):  # the endpoint reports it when it starts
                check_format(_folder(home))
        except StateFormatError as error:
            raise UnusableStateError(str(error)) from None
    lock = _folder(home) / "endpoint.lock"
    return supervisor.ensure(
        partial(find, home), partial(_start, home, limits or EndpointLimits()), lock, _LOCK_SECONDS
    )


def stop(home: Path) -> bool:
    """Stop the endpoint of a state folder; False if none is running."""
    endpoint = find(home)
    if endpoint is None or endpoint.process is None:
        return False
    supervisor.stop([endpoint.process], _STOP_SECONDS)
    return True


def purge(endpoint: Endpoint) -> None:
    """Have the endpoint rewrite its database files without deleted rows, and empty its logs.

    Raises:
        RuntimeError: It did not complete this; call it again.
    """
    _ordered(endpoint, "purge", "rewrite its database files")


def check(endpoint: Endpoint) -> list[list[str]]:
    """Have the endpoint read all its database files; path and reason for each damaged one.

    Raises:
        RuntimeError: It did not complete this.
    """
    found: list[list[str]] = _ordered(endpoint, "check", "check its files")
    return found


def copy(endpoint: Endpoint) -> Path:
    """Have the endpoint copy its whole state into a new folder, which the caller has to remove.

    Raises:
        RuntimeError: It did not complete this.
    """
    return Path(_ordered(endpoint, "copy", "copy its state")["folder"])


def write_format(home: Path) -> None:
    """Record in a state folder that its warehouse has the format of this version."""
    check_format(_folder(home))


def _folder(home: Path) -> Path:
    return home / "warehouse"


def _ordered(endpoint: Endpoint, name: str, does: str) -> Any:
    """Send the endpoint a command and return its result; `does` completes the sentence of the error."""
    path = f"/embedded/{name}"
    order = proof.order(endpoint.token, endpoint.instance, path)
    try:
        answer = proof.request(endpoint.host, endpoint.port, "POST", path, order, _WORK_SECONDS)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RuntimeError(f"{_NAME} did not {does}: {error}") from error
    if not answer.get("success"):
        raise RuntimeError(f"{_NAME} did not {does}: {answer.get('message')}")
    return answer["data"]


def _start(home: Path, limits: EndpointLimits) -> Endpoint:
    folder = _folder(home).absolute()
    log = folder / _OUTPUT
    # -P: without the current folder in Python's path.
    command = [sys.executable, "-P", "-m", __package__, "serve", "--data", str(folder), "--token-on-stdin"]
    process = supervisor.start(
        [*command, *limits.arguments()],
        supervisor.clean_environment(),
        log=log,
        sent=secrets.token_urlsafe(32).encode(),
    )
    try:
        endpoint = supervisor.wait_until_ready(_NAME, partial(find, home), process.is_alive, _START_SECONDS)
    except StartError as error:
        supervisor.stop([process], 0)
        raise StartError(f"{error}: {supervisor.last_lines(log)}") from None
    if endpoint is None:
        failure = UnusableStateError if process.exit_code == UNUSABLE_STATE else StartError
        raise failure(f"{_NAME} did not start: {supervisor.last_lines(log)}")
    if endpoint.pid != process.pid:  # an earlier one, which was too busy to answer
        supervisor.stop([process], 0)
    return endpoint


def _while_alive(process: Process | None) -> Iterator[float]:
    """Seconds that the connector waits between attempts of a request; an error once the process has ended.

    The session ended with the process, so a new endpoint would not know the request either.
    """
    # The server imports this module too, and does not need the connector.
    from snowflake.connector.backoff_policies import exponential_backoff
    from snowflake.connector.errors import OperationalError

    for seconds in exponential_backoff()():
        yield seconds
        if process is not None and not process.is_alive():
            raise OperationalError(f"{_NAME}, process {process.pid}, has ended.")
