"""The server in a Docker container."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from customer_analytics.weaviate_server.configuration import Ports, variables
from customer_analytics.weaviate_server.release import VERSION

IMAGE = f"semitechnologies/weaviate:{VERSION}"
_DATA, _BACKUPS = Path("/var/lib/weaviate"), Path("/var/lib/weaviate-backups")
_ANSWER_SECONDS = 20.0
_PULL_SECONDS = 900.0
_STOP_SECONDS = 30


class ContainerError(Exception):
    """Docker could not run the server; the message is Docker's."""


def daemon_answers() -> bool:
    """Whether Docker is installed and its daemon is running."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=_ANSWER_SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def run(folder: Path, ports: Ports, key: str) -> None:
    """Start the container of this folder, which holds its data and backups."""
    environment = variables(key, _DATA, _BACKUPS)
    command = ["run", "--detach", "--name", _name(folder), "--user", f"{os.getuid()}:{os.getgid()}"]
    command += ["--publish", f"127.0.0.1:{ports.http}:8080", "--publish", f"127.0.0.1:{ports.grpc}:50051"]
    command += ["--volume", f"{folder / 'data'}:{_DATA}", "--volume", f"{folder / 'backups'}:{_BACKUPS}"]
    # Names only: docker reads the values from its environment, so that the key is not in a command line.
    command += [argument for name in environment for argument in ("--env", name)]
    _docker("container", "rm", "--force", _name(folder))  # a killed container still exists
    _docker(*command, IMAGE, timeout=_PULL_SECONDS, environment=environment)


def is_running(folder: Path) -> bool:
    """Whether the container of this folder is running."""
    try:
        return _docker("container", "inspect", "--format", "{{.State.Running}}", _name(folder)) == "true"
    except ContainerError:
        return False


def remove(folder: Path) -> None:
    """Stop and remove the container of this folder, but not its data."""
    _docker("container", "stop", "--time", str(_STOP_SECONDS), _name(folder), timeout=2.0 * _STOP_SECONDS)
    _docker("container", "rm", _name(folder))


def last_lines(folder: Path) -> str:
    """The end of the server's log."""
    return _docker("container", "logs", "--tail", "5", _name(folder))


def _name(folder: Path) -> str:
    return f"customer-analytics-weaviate-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def _docker(*arguments: str, timeout: float = _ANSWER_SECONDS, environment: dict[str, str] | None = None) -> str:
    command = ["docker", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **(environment or {})}
        )
    except subprocess.TimeoutExpired as error:
        raise ContainerError(f"docker {arguments[0]} did not finish within {timeout:.0f} s") from error
    if done.returncode != 0:
        raise ContainerError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return (done.stdout + done.stderr).strip()
