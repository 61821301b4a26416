"""Servers of other projects, started on loopback for a test and ended with it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 120.0


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] = os.environ,
    **options: object,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from when it is ready to the end of the block, with all processes that it starts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            **options,  # type: ignore[call-overload]
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            printed = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"{command[0]} ended: {printed}"
            assert time.monotonic() < deadline, f"{command[0]} is not ready: {printed}"
            time.sleep(0.2)
        yield process
    finally:
        for ending in (signal.SIGTERM, signal.SIGKILL):  # the second for what has not heeded the first
            with suppress(ProcessLookupError):
                os.killpg(process.pid, ending)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
