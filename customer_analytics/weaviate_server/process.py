"""Finding, starting and stopping the Weaviate server of a state folder."""

import fcntl
import json
import logging
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from filelock import FileLock

from customer_analytics.damage import write_whole
from customer_analytics.weaviate_server import container
from customer_analytics.weaviate_server.configuration import Ports, api_key, node_variables, variables
from customer_analytics.weaviate_server.release import VERSION, server_binary

_HOST = "127.0.0.1"
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
_RELEASE_SECONDS = 15.0
_INHERITED = ("HOME", "PATH", "TMPDIR")
_KEPT = "server.json"
_ALIVE = "alive.lock"
"""Locked by the server's process as long as it lives, so that the pid kept is never another program's."""

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The server could not be started; the text says why."""


@dataclass(frozen=True)
class Server:
    """A running server, and how clients reach it."""

    url: str
    grpc_port: int
    api_key: str = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables with which this project's commands use the server."""
        return {
            "WEAVIATE_URL": self.url,
            "WEAVIATE_API_KEY": self.api_key,
            "CUSTOMER_ANALYTICS_WEAVIATE_GRPC_PORT": str(self.grpc_port),
        }


@dataclass(frozen=True)
class _State:
    """What is kept of a server: its ports for good, and the process or container in which it runs."""

    ports: Ports
    in_container: bool
    pid: int | None = None

    @classmethod
    def of(cls, folder: Path) -> "_State | None":
        try:
            kept = json.loads((folder / _KEPT).read_bytes())
            return cls(Ports(**kept["ports"]), kept["in_container"], kept["pid"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise StartError(
                f"{folder / _KEPT} is damaged: end the server of this folder if it runs, and remove the file."
            ) from None

    def keep(self, folder: Path) -> None:
        write_whole(folder / _KEPT, json.dumps(asdict(self)))


def find(home: Path) -> Server | None:
    """The server of this home, if it runs and is ready."""
    folder = _folder(home)
    state = _State.of(folder)
    if state is None or not _is_alive(folder, state):
        return None
    server = _server(folder, state)
    return server if _is_ready(server) else None


def _still_taken(ports: Ports) -> list[int]:
    """The ports that others listen on, also after a while: a process that was just killed lets go of its own."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (taken := list(ports.taken())) and time.monotonic() < deadline:
        time.sleep(0.2)
    return taken


def ensure_running(home: Path, cache: Path) -> Server:
    """The server of this home, started if it does not run, with the data that it had before.

    It runs in a container where a Docker daemon answers, else as a process of the executable in the cache folder,
    which is built first if it is not there.

    Raises:
        BuildError: There is no executable and it cannot be built.
        StartError: The server does not become ready.
    """
    folder = _folder(home)
    for part in (folder, folder / "data", folder / "backups"):
        part.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "start.lock"):
        state = _State.of(folder) or _State(Ports.free(), in_container=container.daemon_answers())
        # One that runs may be about to end, having been killed.
        if not _becomes_ready(folder, state):
            if taken := _still_taken(state.ports):
                raise StartError(
                    f"Another program listens on {', '.join(map(str, taken))}, a port of the Weaviate server of "
                    f"{folder}: end that program, and try again."
                )
            state = _launched(folder, state, cache)
            if not _becomes_ready(folder, state):
                raise StartError(f"Weaviate did not start: {_last_lines(folder, state)}")
        return _server(folder, state)


def stop(home: Path) -> bool:
    """Stop the server of this home, which keeps its data, and say whether there was one."""
    folder = _folder(home)
    state = _State.of(folder)
    if state is None or not _is_alive(folder, state):
        return False
    if state.in_container:
        container.remove(folder)
        return True
    assert state.pid is not None
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _is_alive(folder, state):
        if time.monotonic() > deadline:
            os.kill(state.pid, signal.SIGKILL)
        time.sleep(0.05)
    return True


def _folder(home: Path) -> Path:
    return home / "weaviate"


def _server(folder: Path, state: _State) -> Server:
    return Server(f"http://{_HOST}:{state.ports.http}", state.ports.grpc, api_key(folder))


def _launched(folder: Path, state: _State, cache: Path) -> _State:
    key = api_key(folder)
    if state.in_container:
        try:
            _log.info("Starting %s in a container", container.IMAGE)
            container.run(folder, state.ports, key)
            state.keep(folder)
            return state
        except container.ContainerError as error:
            _log.warning("%s; the server is built and run without a container instead", error)
    binary = server_binary(cache)
    _log.info("Starting Weaviate %s with its data in %s", VERSION, folder)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= variables(key, folder / "data", folder / "backups") | node_variables(state.ports, key)
    with (folder / _ALIVE).open("ab") as lock, (folder / "server.log").open("wb") as output:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [binary, "--host", _HOST, "--port", str(state.ports.http), "--scheme", "http"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    state = replace(state, in_container=False, pid=process.pid)
    state.keep(folder)
    return state


def _becomes_ready(folder: Path, state: _State) -> bool:
    """Wait until the server is ready; False if it does not run, or ends."""
    deadline = time.monotonic() + _START_SECONDS
    server = _server(folder, state)
    while _is_alive(folder, state):
        if _is_ready(server):
            return True
        if time.monotonic() > deadline:
            raise StartError(
                f"Weaviate has not become ready within {_START_SECONDS:.0f} s; stop it and look into its last "
                f"messages: {_last_lines(folder, state)}"
            )
        time.sleep(0.1)
    return False


def _is_alive(folder: Path, state: _State) -> bool:
    if state.in_container:
        return container.is_running(folder)
    with (folder / _ALIVE).open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _is_ready(server: Server) -> bool:
    request = urllib.request.Request(
        f"{server.url}/v1/meta", headers={"Authorization": f"Bearer {server.api_key}"}
    )
    # Never by way of a proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with (
            opener.open(f"{server.url}/v1/.well-known/ready", timeout=5),
            opener.open(request, timeout=5),
            socket.create_connection((_HOST, server.grpc_port), timeout=5),
        ):
            return True
    except OSError:  # urllib's errors are of this kind too
        return False


def _last_lines(folder: Path, state: _State) -> str:
    if state.in_container:
        return container.last_lines(folder)
    lines = (folder / "server.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-5:]) or "it has said nothing"
