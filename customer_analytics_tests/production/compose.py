"""docker-compose.yml as Compose reads it, and its services as processes of this machine."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from customer_analytics_tests.production.servers import free_port, running

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")
_START_SECONDS = 240.0
_PORTS = {"postgres": 5432, "endpoint": 8080, "code": 4000, "webserver": 3000, "dashboard": 8501}


def interpolated(variables: Mapping[str, str]) -> str:
    """The file with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` replaced as Compose replaces them."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if variables.get(name):
            return variables[name]
        if operator == ":?":
            raise KeyError(rest)
        return rest if operator == ":-" else ""

    return _VARIABLE.sub(value, FILE.read_text())


def image_variables() -> dict[str, str]:
    """What the image itself sets, from the Dockerfile's last ENV."""
    (*_, last) = re.findall(r"^ENV ((?:.*\\\n)*.*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    return {name: value for name, value in re.findall(r"(\w+)=(\S+)", last) if name != "PATH"}


@dataclass
class Here:
    """The services, with ports of loopback for their hosts and a folder for the paths in their containers."""

    folder: Path
    variables: Mapping[str, str]
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in _PORTS})

    def __post_init__(self) -> None:
        self.model: dict[str, Any] = yaml.safe_load(interpolated(self.variables))

    def command(self, service: str) -> list[str]:
        return [self._here(service, part) for part in self.model["services"][service]["command"]]

    def environment(self, service: str) -> dict[str, str]:
        """What the container would see, and nothing else but where programs are."""
        declared = self.model["services"][service]
        given = image_variables()
        if declared.get("env_file") == ".env":
            given |= self.variables
        given |= declared["environment"]
        programs = [Path(sys.executable).parent, *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
        path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
        outside = {name: os.environ[name] for name in ("HOME", "LANG", "PYTHONPATH") if name in os.environ}
        here = {name: self._here(service, value) for name, value in given.items()}
        return here | outside | {"PATH": path, "POSTGRES_HOST": "127.0.0.1"}

    def is_healthy(self, service: str) -> bool:
        """Whether the health check that the file declares succeeds."""
        kind, *check = self.model["services"][service]["healthcheck"]["test"]
        assert kind == "CMD"
        command = [self._here(service, part) for part in check]
        return subprocess.run(command, env=self.environment(service), capture_output=True).returncode == 0

    @contextmanager
    def up(self, *services: str) -> Iterator[None]:
        """The commands of services, all started at once, from when their health checks succeed."""
        with ExitStack() as started:
            processes = {name: started.enter_context(self._started(name)) for name in services}
            deadline = time.monotonic() + _START_SECONDS
            for name, process in processes.items():
                while not self.is_healthy(name):
                    printed = (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]
                    assert process.poll() is None, f"{name} has ended: {printed}"
                    assert time.monotonic() < deadline, f"{name} is not healthy: {printed}"
                    time.sleep(1)
            yield
            for process in processes.values():
                process.terminate()  # all at once, before each is waited for

    def _started(self, service: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        for config in self.model["services"][service].get("configs", []):
            target = Path(self._here(service, config["target"]))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._here(service, self.model["configs"][config["source"]]["content"]))
        log, environment = self.folder / f"{service}.log", self.environment(service)
        return running(self.command(service), log, lambda: True, environment, cwd=self.folder)

    def _here(self, service: str, text: str) -> str:
        for name, port in _PORTS.items():
            text = text.replace(f"//{name}:{port}", f"//127.0.0.1:{self.ports[name]}")
            text = re.sub(rf"(?<=host: ){name}\b", "127.0.0.1", text)
            if name == service or port != _PORTS["endpoint"]:
                text = re.sub(rf"\b{port}\b", str(self.ports[name]), text)
        text = re.sub(r"(?<![\w.])/(state|models|var|source)(?=/|$)", rf"{self.folder}/\1", text)
        return text.replace("0.0.0.0", "127.0.0.1")
