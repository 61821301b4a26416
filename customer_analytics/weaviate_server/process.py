"""Find, start and stop the Weaviate server of a state folder."""

import json
import logging
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import psutil

from customer_analytics import supervisor
from customer_analytics.damage import write_atomically
from customer_analytics.supervisor import Process, StartError
from customer_analytics.weaviate_server import container
from customer_analytics.weaviate_server.configuration import Ports, api_key, node_variables, variables
from customer_analytics.weaviate_server.release import LONGEST_BUILD, VERSION, server_binary

_HOST = "127.0.0.1"
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
_RELEASE_SECONDS = 15.0
_FILE = "server.json"
_LOG = "server.log"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """A running server and how clients reach it."""

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
    """The contents of server.json: the server's ports, which never change, and its process or container."""

    ports: Ports
    in_container: bool
    process: Process | None = None

    @classmethod
    def of(cls, folder: Path) -> "_State | None":
        try:
            kept = json.loads((folder / _FILE).read_bytes())
            if "began" in kept:
                process: Process | None = Process(int(kept["pid"]), float(kept["began"]))
            else:
                process = _of_earlier_version(kept["pid"], folder)
            return cls(Ports(**kept["ports"]), kept["in_container"], process)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise StartError(
                f"{folder / _FILE} is damaged: stop the server of this folder if one runs, and remove the file."
            ) from None

    def write(self, folder: Path) -> None:
        known = {"pid": self.process.pid, "began": self.process.began} if self.process else {"pid": None}
        kept = {"ports": asdict(self.ports), "in_container": self.in_container, **known}
        write_atomically(folder / _FILE, json.dumps(kept))

    def is_alive(self, folder: Path) -> bool:
        if self.in_container:
            return container.is_running(folder)
        return self.process is not None and self.process.is_alive()


def find(home: Path) -> Server | None:
    """The server of a state folder, if it is running and ready."""
    folder = _folder(home)
    state = _State.of(folder)
    return _ready(folder, state) if state and state.is_alive(folder) else None


def ensure_running(home: Path, cache: Path) -> Server:
    """The server of a state folder, started with its data if it is not running.

    It runs in a container if a Docker daemon answers; otherwise as a process, whose executable is in the cache
    folder and is built if it is absent.

    Raises:
        BuildError: There is no executable and it cannot be built.
        StartError: The server does not become ready.
    """
    lock = _folder(home) / "start.lock"
    return supervisor.ensure(partial(find, home), partial(_start, _folder(home), cache), lock, LONGEST_BUILD)


def stop(home: Path) -> bool:
    """Stop the server of a state folder, which keeps its data; False if none is running."""
    folder = _folder(home)
    state = _State.of(folder)
    if state is None or not state.is_alive(folder):
        return False
    if state.process is None:
        container.remove(folder)
    else:
        supervisor.stop([state.process], _STOP_SECONDS)
    return True


def _folder(home: Path) -> Path:
    return home / "weaviate"


def _of_earlier_version(pid: int | None, folder: Path) -> Process | None:
    """The process of a file without start time, as earlier versions wrote it: its name and folder identify it."""
    with suppress(psutil.Error):
        found = psutil.Process(pid) if pid else None
        if found and found.name() == "weaviate-server" and found.cwd() == str(folder.resolve()):
            return Process(found.pid, found.create_time())
    return None


def _start(folder: Path, cache: Path) -> Server:
    state = _State.of(folder) or _State(Ports.free(), in_container=container.daemon_answers())
    # A server that is running may not be ready yet, or may be about to end.
    if server := _wait_until_ready(folder, state):
        return server
    if taken := _still_taken(state.ports):
        raise StartError(
            f"Another program listens on {', '.join(map(str, taken))}, a port of the Weaviate server of {folder}: "
            "stop that program and try again."
        )
    state = _launch(folder, state, cache)
    if server := _wait_until_ready(folder, state):
        return server
    raise StartError(f"Weaviate did not start: {_last_lines(folder, state)}")


def _still_taken(ports: Ports) -> list[int]:
    """The ports that stay taken after a wait: a process that was just killed takes a moment to release them."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (taken := ports.taken()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return taken


def _launch(folder: Path, state: _State, cache: Path) -> _State:
    key = api_key(folder)
    for part in ("data", "backups"):
        (folder / part).mkdir(exist_ok=True)
    if state.in_container:
        try:
            _log.info("Starting %s in a container", container.IMAGE)
            container.run(folder, state.ports, key)
            state.write(folder)
            return state
        except container.ContainerError as error:
            _log.warning("%s; building the server and running it without a container instead", error)
    binary = server_binary(cache)
    _log.info("Starting Weaviate %s with its data in %s", VERSION, folder)
    process = supervisor.start(
        [binary, "--host", _HOST, "--port", str(state.ports.http), "--scheme", "http"],
        supervisor.clean_environment()
        | variables(key, folder / "data", folder / "backups")
        | node_variables(state.ports, key),
        log=folder / _LOG,
        folder=folder,
    )
    state = replace(state, in_container=False, process=process)
    state.write(folder)
    return state


def _wait_until_ready(folder: Path, state: _State) -> Server | None:
    """The server once it is ready; None if it is not running, or ends."""
    if not state.is_alive(folder):
        return None
    try:
        return supervisor.wait_until_ready(
            "Weaviate", partial(_ready, folder, state), partial(state.is_alive, folder), _START_SECONDS
        )
    except StartError as error:
        raise StartError(f"{error}: stop it and read its last messages: {_last_lines(folder, state)}") from None


def _ready(folder: Path, state: _State) -> Server | None:
    server = Server(f"http://{_HOST}:{state.ports.http}", state.ports.grpc, api_key(folder))
    authorization = {"Authorization": f"Bearer {server.api_key}"}
    if not supervisor.answers(f"{server.url}/v1/.well-known/ready"):
        return None
    if not supervisor.answers(f"{server.url}/v1/meta", authorization):
        return None
    try:
        with socket.create_connection((_HOST, server.grpc_port), timeout=5):
            return server
    except OSError:
        return None


def _last_lines(folder: Path, state: _State) -> str:
    return container.last_lines(folder) if state.in_container else supervisor.last_lines(folder / _LOG)
